package predict

import (
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Recorder keeps predictions, for those who join labels to them and watch for drift. Requests call it, so nothing of it may block or take long:
// what it cannot take in at once it leaves out, and counts.
type Recorder interface {
	// Samples reports whether predictions of a key are to be recorded. The number is the row's serve.Answer.KeyHash.
	Samples(key uint64) bool
	// Begin gives an empty record to be filled with rows of an endpoint; nil: there is no room.
	Begin(endpoint string, view *feature.View, rows int) *Predictions
	// Record takes a filled record over.
	Record(*Predictions)
}

// Predictions are what one request was answered with. It is filled by one goroutine and then handed on; nothing in it is shared with the request, but
// for texts that never change. Rows whose keys are not among those that are recorded (Recorder.Samples), and those that have a problem, are not in.
type Predictions struct {
	Endpoint string
	Model    string
	View     *feature.View
	Time     int64 // when it was answered, by the wall's clock, ms
	At       int64 // as of when its features are, ms
	Rows     []Prediction

	scores []float64 // behind the rows
	asked  []value.Value
}

// Prediction is one answered row, or what a shadow says of one.
type Prediction struct {
	ID             string // of what was answered; a shadow's is the same
	Version        int64  // 0: the endpoint's fallback
	Scores         []float64
	Degraded       bool
	ShareDefaulted float64
	Asked          []value.Value // what its view was asked with, by View.AskedKeys
	Shadow         bool          // nobody was answered with it
}

// Add adds a row. The scores and what was asked are copied.
func (p *Predictions) Add(row Prediction) {
	from := len(p.scores)
	p.scores = append(p.scores, row.Scores...) // rows before keep their memory where it moves
	row.Scores = p.scores[from:len(p.scores):len(p.scores)]
	from = len(p.asked)
	p.asked = append(p.asked, row.Asked...)
	row.Asked = p.asked[from:len(p.asked):len(p.asked)]
	p.Rows = append(p.Rows, row)
}

// Reset makes it an empty record of a request, and keeps its memory.
func (p *Predictions) Reset() {
	clear(p.Rows)
	clear(p.asked)
	*p = Predictions{Rows: p.Rows[:0], scores: p.scores[:0], asked: p.asked[:0]}
}

// Cells is about how much memory it takes, in values.
func (p *Predictions) Cells() int { return 4*len(p.Rows) + len(p.scores) + len(p.asked) }
