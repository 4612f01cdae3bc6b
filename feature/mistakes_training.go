package feature

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// spineLacks is a key or request field that the spine has no column for.
func (r *reporter) spineLacks(at Span, what, name, view string, columns []string) {
	p := r.add(codeSpineLacks, at, "view %q needs %s %q, and the spine has no such column", view, what, name).choose(name, "columns", columns)
	p.cure("say what it is with columns={%q: \"…\"}", name)
}

// spineType is a spine column of another type than the view's.
func (r *reporter) spineType(at Span, what, name string, want, got value.Type, text string) {
	p := r.add(codeSpineType, at, "%s %q is %s in the view, and %s in the spine", what, name, want, got)
	if want.Kind == value.KindTimestamp && got.Kind == value.KindInt {
		p.cure("write columns={%q: \"to_timestamp(%s, 'ms')\"}", name, shorten(text))
		return
	}
	p.cure("write columns={%q: \"cast(%s as %s)\"}, or declare the field as %s", name, shorten(text), want, typeName(got))
}

// unknownSpineColumn is a name in columns= of a spine that the view does not ask for.
func (r *reporter) unknownSpineColumn(at Span, name, view string, names []string) {
	r.add(codeUnknownSpineColumn, at, "view %q asks for no %q", view, name).choose(name, "it asks for", names)
}

// tableClash is two columns of one name in a training set's table.
func (r *reporter) tableClash(at Span, name, what, taken string) {
	r.add(codeTableClash, at, "%s %q has the name of %s", what, name, taken).cure("give it another name, or leave it out")
}

// labelSource is a label over something that is no events.
func (r *reporter) labelSource(at Span, label, source string) {
	r.add(codeLabelSource, at, "label %q counts what happens within a span, and source %q holds entities, to which nothing happens", label, source).
		cure("use an event source, or write the label as SQL over the spine")
}

// labelArgument is an argument of a feature that a label has no use for.
func (r *reporter) labelArgument(at Span, label, argument string) {
	r.add(codeLabelSource, at, "label %q is over [at, at + within), so it takes no %s", label, argument).cure("leave %s out", argument)
}

// ownRow is features whose windows hold the spine's own row.
func (r *reporter) ownRow(at Span, features []string, source, gap string) {
	more := ""
	if len(features) > 2 {
		more = fmt.Sprintf(" and %d more", len(features)-2)
		features = features[:2]
	}
	r.add(codeOwnRow, at, "%s%s can hold the very row that asks: its rows are those of source %q, and at is %s", quotedList(features, " and "), more, source, gap).
		cure("ask as of the source's own time, which windows leave out, or give the source the delay with which its rows become known")
}

// whereAhead is a column in a spine's where that may not be known at `at`.
func (r *reporter) whereAhead(at Span, columns []string) {
	r.add(codeWhereAhead, at, "the spine's where reads %s, which may not be known at the time that is asked for", quotedList(columns, " and ")).
		cure("rows chosen by what happened later teach the model the future; filter by keys, request fields and what at reads")
}

// labelInRequest is a request field that gives the label away.
func (r *reporter) labelInRequest(at Span, label string, fields []string) {
	r.add(codeLabelInRequest, at, "label %q can be computed from %s of the request", label, quotedList(fields, " and ")).
		cure("a request holds what the caller knows before; take the field out of request=")
}

// labelTimeInRequest is a request field that is only known with the label.
func (r *reporter) labelTimeInRequest(at Span, field string) {
	r.add(codeLabelTimeGiven, at, "request field %q is label_time, when the label becomes known", field).
		cure("a caller cannot know it; take it out of request=")
}

// labelKnown is a label that is known when the features are asked for.
func (r *reporter) labelKnown(at Span, gap string) {
	r.add(codeLabelKnown, at, "the label is known when the features are asked for: at is %s", gap).
		cure("predict something later, or ask earlier: at=\"… - interval '1 hour'\"")
}

// noLabelTime is an end that cannot drop the rows whose label was not known by then.
func (r *reporter) noLabelTime(at Span, labels []string) {
	r.add(codeNoLabelTime, at, "nothing says when %s is known, so end= keeps rows whose label was not known by then", quotedList(labels, " and ")).
		cure("add label_time=")
}

// Revised is the warning of a report that found rows of one id with other columns while the source says nothing of when it knew
// them (E4): a training row may hold a later revision than the one that serving saw. ids is how many there are.
func Revised(s *Source, ids int64) Problem {
	var r reporter
	p := r.add(codeRevised, pointSpan(s.Pos), "source %q holds %s with different columns, and has no known_at", s.Name, countOf(ids, "id"))
	p.cure("give known_at= the column that says when a row arrived; without it values may come from later revisions")
	return *p
}

// ShortHistory is the warning of a report that found spine rows older than a source's first event: their windows reach back to
// before the history began, so that zeros and nulls there mean "not recorded". from and first are ms; rows is how many of the
// spine's rows ask for a time before first.
func ShortHistory(s *Source, features []string, from, first, rows int64) Problem {
	var r reporter
	names := features
	if len(names) > 3 {
		names = append(names[:3:3], fmt.Sprintf("%d more", len(features)-3))
	}
	p := r.add(codeShortHistory, pointSpan(s.Pos), "%s of source %q begin at %s, and the spine at %s: %s without any history",
		strings.Join(names, ", "), s.Name, value.FormatTimestamp(first), value.FormatTimestamp(from), countOf(rows, "row"))
	p.cure("begin the training set later: start=%q", value.FormatTimestamp(first))
	return *p
}

func pointSpan(p Pos) Span { return Span{Pos: p, EndLine: p.Line, EndCol: p.Col} }

func countOf(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
