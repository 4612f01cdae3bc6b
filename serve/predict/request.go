package predict

import (
	"time"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// Request asks an endpoint for predictions of some rows.
type Request struct {
	Endpoint string
	Rows     []serve.Row
	At       *int64 // the as-of time in ms; nil: now
	// Explain has each row answered with what went into the model.
	Explain bool
}

// Response is the answer to a request: a row for each row, in its order. It may be used again for another request.
type Response struct {
	Endpoint string
	Model    string
	At       int64 // as of when the features are, ms
	// Features are the names of the view's columns that were read for the versions of the endpoint. They are shared: not to be changed.
	Features []string
	Rows     []Answer
	// FeaturesTime is how long the features took, ModelTime the pipelines and models.
	FeaturesTime, ModelTime time.Duration

	features serve.Response
	scores   []float64
}

// Answer is the prediction of one row.
type Answer struct {
	// Scores are the answer of the model's task: one number, or of a multiclass model the probabilities by class; nil where there is a Problem.
	Scores []float64
	// Class is of a multiclass model the class of the greatest probability.
	Class string
	// Classes are the names of a multiclass model's classes, in the order of Scores; they are the version's, and not to be changed.
	Classes []string
	// ID names the prediction. It cannot be guessed, and sorts by time.
	ID string
	// Version is which version of the model answered; 0: none, the endpoint's fallback did.
	Version int64
	// Degraded says that the answer is not as good as it should be, and Reason why.
	Degraded bool
	Reason   string
	// ShareDefaulted is the share of the columns that are neither present, empty nor default.
	ShareDefaulted float64
	// Values and Statuses are the row's by Response.Features; nil where there are none.
	Values   []value.Value
	Statuses []serve.Status
	// Inputs are what went into the model, where the request asked for it.
	Inputs []Input
	// Bias is what of each margin is no input's, and Unexplained why nothing is said of that, both where the request asked for it.
	Bias        []float64
	Unexplained string
	// Problem is why the row has no prediction; the other rows have theirs.
	Problem *serve.Problem
}

// Input is one thing that went into a model.
type Input struct {
	Name   string
	Number float64 // NaN: missing
	Text   string
	IsText bool
	// Added is how much it added to each margin of the model, by class where there are several; nil: that is not known (Answer.Unexplained).
	Added []float64
}

// reset makes room for the answer to so many rows.
func (r *Response) reset(e *endpoint, rows int) {
	r.Endpoint, r.Model, r.Features = e.def.Name, e.def.Model.Name, nil
	r.FeaturesTime, r.ModelTime = 0, 0
	if cap(r.Rows) < rows {
		r.Rows = make([]Answer, rows)
	}
	r.Rows = r.Rows[:rows]
	clear(r.Rows)
	r.scores = r.scores[:0]
	if n := rows * e.width; cap(r.scores) < n {
		r.scores = make([]float64, 0, n)
	}
}

// take cuts n numbers off the slab of scores.
func (r *Response) take(n int) []float64 {
	from := len(r.scores)
	if from+n > cap(r.scores) { // those that were cut off before keep their memory
		r.scores, from = make([]float64, 0, max(2*cap(r.scores), n)), 0
	}
	r.scores = r.scores[:from+n]
	return r.scores[from : from+n : from+n]
}
