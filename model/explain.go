package model

import "context"

// Explainer is a Model that can say what each of its inputs added to a row's margin.
type Explainer interface {
	Model
	// Explains is how many margins of a row are explained, one by class or target; where none can be, the error says why, and what would
	// help. It is the same at every call.
	Explains() (margins int, err error)
	// Explain writes, row by row and margin by margin, one number for each of Info().Inputs and then the bias, which is what the model
	// answers where nothing is known of a row: together they are the margin. out has room for rows × Explains × (inputs + 1) numbers; it is
	// the caller's, and of no meaning after an error.
	Explain(ctx context.Context, in *Batch, out []float64) error
}
