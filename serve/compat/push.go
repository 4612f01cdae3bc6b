package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/bighead-ml/bighead/serve"
)

// FeastPush turns the body of POST /push of Feast's feature server into a source or topic and its events, an object of JSON on each line.
func FeastPush(body []byte) (name string, events []byte, err error) {
	const cure = `send {"push_source_name": a source or topic, "df": {"column": [1, 2]}}`
	var ask struct {
		Name string                       `json:"push_source_name"`
		DF   map[string][]json.RawMessage `json:"df"`
		To   string                       `json:"to"`
	}
	if p := unmarshal(body, &ask, cure); p != nil {
		return "", nil, p
	}
	switch ask.To {
	case "", "online", "online_and_offline":
	default:
		return "", nil, bad(fmt.Sprintf("events cannot be pushed to %q", ask.To), `leave "to" out: what is accepted is in the log of events, which online and offline are made of`)
	}
	if ask.Name == "" {
		return "", nil, bad(`"push_source_name" is missing`, cure)
	}
	columns := slices.Sorted(maps.Keys(ask.DF))
	rows := 0
	for i, c := range columns {
		if n := len(ask.DF[c]); i > 0 && n != rows {
			return "", nil, bad(fmt.Sprintf("column %q has %d values where %q has %d", c, n, columns[0], rows), "send a value of each column for each row")
		}
		rows = len(ask.DF[c])
	}
	for i := range rows {
		events = append(events, '{')
		for k, c := range columns {
			if k > 0 {
				events = append(events, ',')
			}
			events = appendCompact(append(appendText(events, c), ':'), ask.DF[c][i])
		}
		events = append(events, "}\n"...)
	}
	return ask.Name, events, nil
}

// Refused says that events were refused, which Feast's shape has no place for in an answer; nil: none were.
func Refused(pushed []serve.Pushed) *serve.Problem {
	for _, p := range pushed {
		if len(p.Rejected) > 0 {
			r := p.Rejected[0]
			return bad(fmt.Sprintf("source %s: %d events were refused, %d accepted; row %d: %s", p.Source, len(p.Rejected), p.Accepted, r.Line-1, r.Reason), "mend them and push again; what was accepted is kept, and what has an id counts once")
		}
	}
	return nil
}

// FeastWrite refuses the body of POST /write-to-online-store of Feast's feature server: values that somebody else has made. What is served here is made
// of events, and a value that is not would be neither in training nor in an audit.
func FeastWrite(body []byte) error {
	const cure = `push the events that the values are made of: {"push_source_name": a source or topic, "df": {"column": [1, 2]}} to /push (store.push() of Feast's client), or JSON to /v1/events/{source or topic}`
	var ask struct {
		Name string `json:"feature_view_name"`
	}
	if p := unmarshal(body, &ask, cure); p != nil {
		return p
	}
	return bad(fmt.Sprintf("values of %q cannot be written: they are made of events", ask.Name), cure)
}
