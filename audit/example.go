package audit

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Example is one served value that is not what history gives, with what either side is made of.
type Example struct {
	Class  Class                      `json:"class"`
	Why    string                     `json:"why"`
	Key    map[string]json.RawMessage `json:"key"` // and request fields
	Served string                     `json:"served_at"`
	At     string                     `json:"at"`
	// Value and Status are what was served, History what the history gives.
	Value   json.RawMessage `json:"value"`
	Status  string          `json:"status"`
	History json.RawMessage `json:"history"`
	// From and Before bound the window; "": it has no beginning.
	From   string       `json:"from,omitempty"`
	Before string       `json:"before,omitempty"`
	Read   *ExampleRead `json:"read,omitempty"`
	// Rows are the newest rows of the window, by history, of Total; Missing are those that the store could not know.
	Total   int          `json:"rows_in_window"`
	Rows    []ExampleRow `json:"rows,omitempty"`
	Missing []ExampleRow `json:"missing,omitempty"`

	size float64 // of the difference
}

// ExampleRead says what the served value was read by.
type ExampleRead struct {
	Batch      string           `json:"batch_up_to,omitempty"`
	Loaded     string           `json:"batch_loaded,omitempty"`
	Generation int64            `json:"generation,omitempty"`
	Complete   string           `json:"complete_since,omitempty"`
	Applied    map[string]int64 `json:"applied"` // positions by partition
	Read       map[string]int64 `json:"read"`
}

// ExampleRow is a row of the source.
type ExampleRow struct {
	TS      string                     `json:"time"`
	Arrival string                     `json:"arrived,omitempty"` // "": it is of the source's files
	Columns map[string]json.RawMessage `json:"columns"`
}

// exampleRows is how many rows an example shows of each kind.
const exampleRows = 8

func (a *auditor) example(v *vector, k int) *Example {
	c := &a.view.Columns[a.shape.columns[k]]
	f := &v.found[k]
	e := &Example{Why: f.why, Key: keyOfRow(a.view, v.asked), Served: value.FormatTimestamp(v.served), At: value.FormatTimestamp(v.at),
		Value: value.AppendJSON(nil, v.values[k]), Status: v.statuses[k].String(), History: value.AppendJSON(nil, v.history[k]),
		size: distance(v.values[k], v.history[k]), Total: len(f.rows)}
	if c.Kind != feature.FeatureColumn {
		return e
	}
	p := a.joinPlan(c.Join)
	start, end := windowOf(p.value(c.Name), v.at)
	e.From, e.Before = moment(start), moment(end)
	if r := v.readOf(c.Join, !p.tiled[c.Name]); r != nil {
		e.Read = &ExampleRead{Batch: moment(r.Batch), Complete: moment(r.Complete), Generation: r.Generation, Applied: positions(r.Applied), Read: positions(r.Read)}
		if r.Loaded > 0 {
			e.Read.Loaded = moment(r.Loaded)
		}
	}
	read := p.join.Scan.Read
	e.Rows, e.Missing = a.exampleRows(p, f.rows, read), a.exampleRows(p, f.missing, read)
	return e
}

// keyOfRow are the keys and request fields of a row.
func keyOfRow(v *feature.View, asked []value.Value) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for i, q := range v.Asked() {
		out[q.Name] = value.AppendJSON(nil, asked[i])
	}
	return out
}

func (a *auditor) exampleRows(p *joinPlan, rows []*pastRow, columns []string) []ExampleRow {
	source := p.join.Scan.Source
	var out []ExampleRow
	for _, r := range rows[max(0, len(rows)-exampleRows):] {
		x := ExampleRow{TS: moment(r.ts), Columns: map[string]json.RawMessage{}}
		if r.logged {
			x.Arrival = moment(r.arrival)
		}
		for _, c := range columns {
			if !slices.Contains(source.PII, c) {
				x.Columns[c] = value.AppendJSON(nil, r.cells[source.Schema.Index(c)])
			}
		}
		out = append(out, x)
	}
	return out
}

func moment(ms int64) string {
	switch ms {
	case plan.MinTime:
		return ""
	case plan.MaxTime:
		return "never"
	}
	return value.FormatTimestamp(ms)
}

func positions(p tile.Positions) map[string]int64 {
	out := make(map[string]int64, len(p))
	for _, x := range p {
		out[strconv.Itoa(int(x.Partition))] = x.Offset
	}
	return out
}
