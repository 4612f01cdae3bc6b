package main

import (
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// timedRows counts what Flink makes of the times of a topic's rows, which its jobs do not say: those that come later than their source allows, by the
// times of their records, are left out, and those that come before their time count at once. Of a nil one nothing is counted.
type timedRows struct {
	lateness    int64
	time, where *expr.Program // where may be nil
	late, early int64
}

func timedBy(s *feature.Source) *timedRows {
	t := &timedRows{lateness: s.Lateness, time: s.Time.Vectorise(s.Schema)}
	if s.Where != nil {
		t.where = s.Where.Vectorise(s.Schema)
	}
	return t
}

// add counts rows that arrived.
func (t *timedRows) add(a *dataset.Arrival) {
	if t == nil || a.Rows.N == 0 {
		return
	}
	times := t.time.Eval(a.Rows, nil)
	var where *value.Column
	if t.where != nil {
		where = t.where.Eval(a.Rows, nil)
	}
	for i := range a.Rows.N {
		if times.Nulls.Get(i) {
			continue
		}
		if where != nil {
			if w := where.At(i); w.IsNull() || !w.Bool() {
				continue
			}
		}
		switch at := a.Times[i]; {
		case times.Ints[i] < at-t.lateness:
			t.late++
		case times.Ints[i] > at:
			t.early++
		}
	}
}
