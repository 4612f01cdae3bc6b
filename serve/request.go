package serve

import (
	"github.com/bighead-ml/bighead/value"
)

// Request asks for a view's features of some rows.
type Request struct {
	// View is its name, where a Server is asked; a View does not look at it.
	View string
	Rows []Row
	// Features are the columns to answer, in this order; nil: all of the view's.
	Features []string
	// At is the as-of time in ms; nil: now.
	At *int64
	// Predictions name what is going to be predicted of each row, for the record of it; nil: nothing is.
	Predictions []string

	unrecorded bool // it is no serving
}

// Row is one row of a request.
type Row struct {
	// Values are the view's keys and request fields in the order of View.Asked, null where they are null or optional and absent.
	Values []value.Value
	// Problem is why the caller's row could not be read; it is the row's answer.
	Problem *Problem
}

// Response is the answer to a request: a row for each row, in its order. It may be used again for another request (View.Answer).
type Response struct {
	View *View
	// At is the as-of time that all rows were answered for, ms.
	At int64
	// Features are the names of the columns. They are shared: not to be changed.
	Features []string
	Rows     []Answer

	values   []value.Value
	statuses []Status
}

// Answer is one row of a response.
type Answer struct {
	Values   []value.Value // by feature; nil where there is a Problem
	Statuses []Status
	// Problem is why the row has no values; the other rows have theirs.
	Problem *Problem
	// KeyHash is a hash of the keys of all groups of the row, the same in every process, by which its prediction is recorded or not, as its vector is (Recorder.Samples); 0
	// where the row is wrong, or nothing is predicted nor recorded.
	KeyHash uint64
}

// reset makes room for the answer to rows of so many columns.
func (r *Response) reset(v *View, at int64, features []string, rows int) {
	r.View, r.At, r.Features = v, at, features
	n := rows * len(features)
	if cap(r.values) < n {
		r.values, r.statuses = make([]value.Value, n), make([]Status, n)
	}
	if cap(r.Rows) < rows {
		r.Rows = make([]Answer, rows)
	}
	r.values, r.statuses, r.Rows = r.values[:n], r.statuses[:n], r.Rows[:rows]
	k := len(features)
	for i := range r.Rows {
		r.Rows[i] = Answer{Values: r.values[i*k : i*k+k : i*k+k], Statuses: r.statuses[i*k : i*k+k : i*k+k]}
	}
}

// refuse makes a problem the row's answer.
func (a *Answer) refuse(p *Problem) { *a = Answer{Problem: p} }
