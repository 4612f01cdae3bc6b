package predict

import (
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Recorder keeps predictions, for those who join labels to them and watch for drift. Requests call it, so nothing of it may block or take long:
// what it cannot take in at once it leaves out, and counts.
type Recorder interface {
	// Predicted tells of one answered row. Nothing of it may be kept after the call: it is copied or left out.
	Predicted(p *Prediction)
}

// Prediction is one answered row.
type Prediction struct {
	ID       string
	Endpoint string
	Model    string
	Version  int64 // 0: the endpoint's fallback
	Time     int64 // when it was answered, by the wall's clock, ms
	At       int64 // as of when its features are, ms
	View     *feature.View
	// Asked are the keys and request fields, in the order of View.Asked.
	Asked          []value.Value
	Scores         []float64
	Degraded       bool
	ShareDefaulted float64
}
