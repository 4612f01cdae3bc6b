package plan

import (
	"slices"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value/fault"
)

// Share makes expressions and folds that are the same into one: an input read by ten features is evaluated once, and the count of
// `avg` over a day is the count of `count` over a week, since a fold does not know its window.
func Share(b *Batch) {
	for _, j := range b.Joined() {
		inputs, in := distinct(j.Inputs, (*expr.Expr).String)
		wheres, wh := distinct(j.Wheres, (*expr.Expr).String)
		bys, by := distinct(j.Bys, func(s string) string { return s })
		j.Inputs, j.Wheres, j.Bys = inputs, wheres, bys
		for i := range j.Folds {
			f := &j.Folds[i]
			f.Input, f.Where, f.By = at(in, f.Input), at(wh, f.Where), at(by, f.By)
		}
		folds, fo := distinct(j.Folds, foldKey)
		j.Folds = folds
		for i := range j.Values {
			v := &j.Values[i]
			v.Input, v.Where, v.By = at(in, v.Input), at(wh, v.Where), at(by, v.By)
			v.Folds = slices.Clone(v.Folds)
			for k, f := range v.Folds {
				v.Folds[k] = fo[f]
			}
		}
	}
}

// distinct keeps the first of those with one key, and says where each went.
func distinct[T any](all []T, key func(T) string) (kept []T, to []int) {
	seen := map[string]int{}
	to = make([]int, len(all))
	for i, x := range all {
		k := key(x)
		n, ok := seen[k]
		if !ok {
			n = len(kept)
			seen[k] = n
			kept = append(kept, x)
		}
		to[i] = n
	}
	return kept, to
}

func at(to []int, i int) int {
	if i < 0 {
		return -1
	}
	return to[i]
}

func foldKey(f Fold) string {
	switch {
	case fault.Planted("plan: folds of other inputs are one"):
		return f.Fold.ID() + arguments(0, f.Where, f.By)
	case fault.Planted("plan: folds of other conditions are one"):
		return f.Fold.ID() + arguments(f.Input, 0, f.By)
	case fault.Planted("plan: folds of other maps are one"):
		return f.Fold.ID() + arguments(f.Input, f.Where, 0)
	}
	return f.Fold.ID() + arguments(f.Input, f.Where, f.By)
}
