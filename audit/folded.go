package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/plan"
)

// This file knows which rows were in tiles that Flink folds, as far as that can be known: the space's place is what the job had committed, and of what
// comes after it in the source's topic the tiles don't say which rows are in them.

const (
	// aheadAtMost is how many rows of a key the job is taken to have read beyond what it had committed, in the order of each partition.
	aheadAtMost = 8
	// waysAtMost is in how many ways the rows that Flink may have read are tried at most.
	waysAtMost = 128
	// choicesAtMost is for how many rows in a window each is tried with and without every other: what none of that gives is skew.
	choicesAtMost = 6
)

// onFlink reports whether what was read is of tiles that Flink folds.
func (e *evidence) onFlink() bool {
	return e.read.Applied.Covers(plan.Folded, 0) || e.read.Read.Covers(plan.Folded, 0)
}

// perhaps reports whether a row may have been in the tiles or not: the job had not committed it, or it was late, of which Flink decides by the record's time in the
// topic, which history does not have.
func (e *evidence) perhaps(r *pastRow) bool {
	return r.logged && r.ts >= e.read.Batch && (r.tooLate || !e.read.Applied.Covers(r.partition, r.offset))
}

// unsure are the rows in a value's window that may have been in or not; none of what Flink does not fold.
func (e *evidence) unsure(pv *plan.Value) (rows []*pastRow) {
	if !e.onFlink() {
		return nil
	}
	in := spanOf(pv, e.vector.at)
	for _, r := range e.all.rows {
		if in.has(r) && e.perhaps(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

// aheads are the ways in which the job may have read on from what it had committed, were all tiles of the key as new: of each partition the next rows, fewer first.
func (e *evidence) aheads() (out []*set) {
	if !e.onFlink() {
		return nil
	}
	var sure, late []*pastRow
	next := map[int32][]*pastRow{}
	for _, r := range e.all.rows {
		switch {
		case !e.perhaps(r):
			if e.knew(r) != no {
				sure = append(sure, r)
			}
		case e.read.Applied.Covers(r.partition, r.offset):
			late = append(late, r)
		default:
			next[r.partition] = append(next[r.partition], r)
		}
	}
	steps := [][]*pastRow{nil} // rows beyond what was committed
	for _, rows := range next {
		slices.SortFunc(rows, func(a, b *pastRow) int { return cmp.Compare(a.offset, b.offset) })
		for _, s := range slices.Clone(steps) {
			for n := 1; n <= len(rows) && len(s)+n <= aheadAtMost; n++ {
				steps = append(steps, slices.Concat(s, rows[:n]))
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b []*pastRow) int { return cmp.Compare(len(a), len(b)) })
	for _, s := range steps {
		for _, old := range [][]*pastRow{late, nil} {
			if len(out) < waysAtMost && (len(late) > 0 || old == nil) {
				out = append(out, &set{rows: slices.Concat(sure, old, s), at: e.read.At})
			}
		}
	}
	return out
}

// choices are all ways in which few rows may have been in or not: each tile may be as new as it likes, and still has some of them and not the others.
func (e *evidence) choices(open []*pastRow) (out []*set) {
	if len(open) > choicesAtMost {
		return nil
	}
	var sure []*pastRow
	for _, r := range e.all.rows {
		if !slices.Contains(open, r) && (e.perhaps(r) || e.knew(r) != no) {
			sure = append(sure, r) // those that are out of the window make no difference
		}
	}
	for bits := range 1 << len(open) {
		rows := slices.Clone(sure)
		for i, r := range open {
			if bits>>i&1 == 1 {
				rows = append(rows, r)
			}
		}
		out = append(out, &set{rows: rows, at: e.read.At})
	}
	return out
}

// folded looks for rows that Flink may have read and that give what was served; nil: there are none. all tells whether every way was tried.
func (e *evidence) folded(ctx context.Context, pv *plan.Value, k int) (found *set, all bool, err error) {
	open := e.unsure(pv)
	if len(open) == 0 {
		return nil, true, nil
	}
	if e.ahead == nil {
		e.ahead = e.aheads()
	}
	choices := e.choices(open)
	for _, s := range slices.Concat(e.ahead, choices) {
		why, err := e.gives(ctx, s, pv, e.vector.values[k])
		if err != nil || why == nil {
			return s, true, err
		}
	}
	return nil, choices != nil, nil
}

// unexplained is the class of a value that no rows of history give which the store could know. all: all ways in which it could know them were tried.
func (e *evidence) unexplained(pv *plan.Value, why string, all bool) (Class, string) {
	start, _ := windowOf(pv, e.vector.at)
	switch {
	case start < e.read.Batch && changedSince(e.past, e.read):
		return Behind, "the source's files were written anew after batch had read them: " + why
	case e.past.GoneBefore > plan.MinTime && (e.a.task.Events || start < e.past.GoneBefore):
		return Gone, "the event log no longer has all of the window: " + why
	}
	if !all {
		return Late, fmt.Sprintf("Flink had not said yet of %d rows in the window that it had read them, and may have read any of them: %s", len(e.unsure(pv)), why)
	}
	return Skew, why
}
