package compat

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// feastRequest is the body of POST /get-online-features. Members that are not here are of Feast's own housekeeping, and without effect.
type feastRequest struct {
	Entities         map[string][]json.RawMessage `json:"entities"`
	FeatureService   string                       `json:"feature_service"`
	Features         []string                     `json:"features"`
	FullFeatureNames bool                         `json:"full_feature_names"`
}

const feastCure = `send {"features": ["view:feature"], "entities": {"key": [1, 2]}}, or "feature_service": a view`

// target is one view or group that a request asks.
type target struct {
	view     *serve.View
	features []string // nil: all
	columns  []int    // of the answer: where each feature goes
	got      serve.Response
}

// question is a request of Feast's: what is asked of each view and group, and what the columns of the answer are called.
type question struct {
	names   []string
	targets []*target
}

// Feast answers the body of POST /get-online-features of Feast's feature server: entities by column in, features by column out. A feature
// service is a view; a feature view is a view or a group.
func (s *Shapes) Feast(ctx context.Context, body []byte) ([]byte, error) {
	var ask feastRequest
	if p := unmarshal(body, &ask, feastCure); p != nil {
		return nil, p
	}
	entities := slices.Sorted(maps.Keys(ask.Entities))
	rows := -1
	for _, name := range entities {
		if n := len(ask.Entities[name]); rows >= 0 && n != rows {
			return nil, bad(fmt.Sprintf("%q has %d values where %q has %d", name, n, entities[0], rows), "send a value of each key for each row")
		}
		rows = len(ask.Entities[name])
	}
	if rows > s.MaxRows {
		return nil, s.tooMany()
	}
	q, err := s.question(&ask)
	if err != nil {
		return nil, err
	}
	for _, name := range entities {
		if !slices.ContainsFunc(q.targets, func(t *target) bool { return asks(t.view, name) }) {
			return nil, q.targets[0].view.UnknownField(name)
		}
	}
	for _, t := range q.targets {
		if err := s.answer(ctx, t, &ask, max(rows, 0)); err != nil {
			return nil, err
		}
	}
	return appendFeast(nil, &ask, entities, q), nil
}

// question finds what is asked of whom.
func (s *Shapes) question(ask *feastRequest) (*question, error) {
	q := &question{}
	switch {
	case ask.FeatureService != "":
		v, err := s.Server.View(ask.FeatureService)
		if err != nil {
			return nil, err
		}
		t := &target{view: v}
		for i, c := range v.Columns() {
			q.names, t.columns = append(q.names, c.Name), append(t.columns, i)
		}
		q.targets = []*target{t}
		return q, nil
	case len(ask.Features) == 0:
		return nil, bad("neither features nor a feature service is named", feastCure)
	}
	for _, ref := range ask.Features {
		of, name, ok := strings.Cut(ref, ":")
		if !ok {
			return nil, bad(strconv.Quote(ref)+" is no feature of a view", feastCure)
		}
		v, err := s.find(of, name)
		if err != nil {
			return nil, err
		}
		if ask.FullFeatureNames {
			name = of + "__" + name
		}
		if slices.Contains(q.names, name) {
			return nil, bad(strconv.Quote(name)+" is asked twice", "name each feature once, or say full_feature_names where two views have one of that name")
		}
		q.add(v, ref[len(of)+1:])
		q.names = append(q.names, name)
	}
	return q, nil
}

// add asks a view one feature more.
func (q *question) add(v *serve.View, name string) {
	i := slices.IndexFunc(q.targets, func(t *target) bool { return t.view == v })
	if i < 0 {
		i = len(q.targets)
		q.targets = append(q.targets, &target{view: v})
	}
	t := q.targets[i]
	t.features, t.columns = append(t.features, name), append(t.columns, len(q.names))
}

// find is the view or group of a name that has the feature; a view comes first.
func (s *Shapes) find(of, name string) (*serve.View, error) {
	v, err := s.Server.View(of)
	if err == nil && hasColumn(v, name) {
		return v, nil
	}
	g, other := s.Server.Group(of)
	switch {
	case other == nil && (err != nil || hasColumn(g, name)):
		return g, nil // where the group lacks it too, it says so itself
	case err == nil:
		return v, nil
	}
	known := slices.Concat(s.Server.Names(), s.Server.Groups())
	return nil, &serve.Problem{Code: feature.CodeUnknownView, Detail: "no view or group " + strconv.Quote(of) + " is served", Field: "features", Near: expr.Nearest(of, known), Cure: "served are: " + strings.Join(known, ", ")}
}

func hasColumn(v *serve.View, name string) bool {
	return slices.ContainsFunc(v.Columns(), func(c feature.ViewColumn) bool { return c.Name == name })
}

// answer asks one view. Feast has no error of a row: the first that has one is the request's.
func (s *Shapes) answer(ctx context.Context, t *target, ask *feastRequest, rows int) error {
	q := serve.Request{Features: t.features, Rows: make([]serve.Row, rows)}
	types := map[string]value.Type{}
	for _, k := range t.view.Asked() {
		types[k.Name] = k.Type
	}
	for i := range q.Rows {
		q.Rows[i] = s.row(t.view, func(name string) string {
			if len(ask.Entities[name]) == 0 {
				return ""
			}
			return inMilliseconds(types[name], string(ask.Entities[name][i]))
		})
	}
	if err := t.view.Answer(ctx, q, &t.got); err != nil {
		return err
	}
	for i := range t.got.Rows {
		if p := t.got.Rows[i].Problem; p != nil {
			said := *p
			said.Detail = fmt.Sprintf("row %d: %s", i, p.Detail)
			return &said
		}
	}
	return nil
}

// inMilliseconds is a whole number of seconds, which is how Feast writes a time, as we write it.
func inMilliseconds(t value.Type, text string) string {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && t.Kind == value.KindTimestamp {
		if ms := n * 1000; ms/1000 == n {
			return strconv.FormatInt(ms, 10)
		}
	}
	return text
}

// never is the time that Feast gives of what has none.
const never = `"1970-01-01T00:00:00Z"`

func appendFeast(out []byte, ask *feastRequest, entities []string, q *question) []byte {
	out = append(out, `{"metadata":{"feature_names":[`...)
	for i, name := range slices.Concat(entities, q.names) {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, name)
	}
	out = append(out, `]},"results":[`...)
	for i, name := range entities {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendColumn(out, len(ask.Entities[name]), func(out []byte, i int) ([]byte, string, string) {
			return append(out, ask.Entities[name][i]...), "PRESENT", never
		})
	}
	columns := make([]func([]byte, int) ([]byte, string, string), len(q.names))
	rows := 0
	for _, t := range q.targets {
		at := string(value.AppendJSON(nil, value.OfTimestamp(t.got.At)))
		rows = len(t.got.Rows)
		for k, column := range t.columns {
			columns[column] = func(out []byte, i int) ([]byte, string, string) {
				a := &t.got.Rows[i]
				out, status := appendSeconds(out, a.Values[k]), feastStatus(a.Statuses[k], a.Values[k])
				if status == "NOT_FOUND" {
					return out, status, never
				}
				return out, status, at
			}
		}
	}
	for i, column := range columns {
		if i > 0 || len(entities) > 0 {
			out = append(out, ',')
		}
		out = appendColumn(out, rows, column)
	}
	return append(out, "]}\n"...)
}

// appendColumn adds a column of so many rows.
func appendColumn(out []byte, rows int, cell func(out []byte, i int) ([]byte, string, string)) []byte {
	out = append(out, `{"values":[`...)
	var statuses, times []byte
	for i := range rows {
		if i > 0 {
			out, statuses, times = append(out, ','), append(statuses, ','), append(times, ',')
		}
		var status, at string
		out, status, at = cell(out, i)
		statuses, times = append(append(append(statuses, '"'), status...), '"'), append(times, at...)
	}
	out = append(append(out, `],"statuses":[`...), statuses...)
	return append(append(append(out, `],"event_timestamps":[`...), times...), "]}"...)
}

// appendSeconds adds a value; a time as seconds, which is how Feast writes it, with a fraction where it has one.
func appendSeconds(out []byte, v value.Value) []byte {
	if v.Kind() != value.KindTimestamp {
		return value.AppendJSON(out, v)
	}
	if v.Int()%1000 == 0 {
		return strconv.AppendInt(out, v.Int()/1000, 10)
	}
	return strconv.AppendFloat(out, float64(v.Int())/1000, 'f', 3, 64)
}

// feastStatus is the nearest of Feast's statuses. Its clients read the values of PRESENT alone, so a value that is good for use is that.
func feastStatus(s serve.Status, v value.Value) string {
	switch {
	case s == serve.Failed:
		return "INVALID"
	case s == serve.Stale:
		return "OUTSIDE_MAX_AGE"
	case !v.IsNull():
		return "PRESENT"
	case s == serve.Empty:
		return "NOT_FOUND"
	}
	return "NULL_VALUE"
}
