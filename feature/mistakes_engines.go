package feature

import "github.com/bighead-ml/bighead/expr"

// lastBit is an expression in which a last bit of a transcendental function decides, on an engine that is not ours (X9).
func (r *reporter) lastBit(at Span, f *foreign, from *expr.Part, decides string) {
	what := f.dialect.String() + "'s " + from.Name + " differs from ours"
	if from.Column {
		what = "column " + quotedList([]string{from.Name}, "") + " comes through a function that differs on " + f.dialect.String()
	}
	r.add(codeLastBit, at, "%s in its last bits, and they decide %s", what, decides).
		cure(`compute it before, as a column of the file, or set %s = "%s"`, f.setting, ours)
}

// engineLacks is what an engine that is not ours cannot compute (X9).
func (r *reporter) engineLacks(at Span, f *foreign, what string) {
	r.add(codeEngineLacks, at, "%s", what).cure(`compute it before, as a column of the file, or set %s = "%s"`, f.setting, ours)
}
