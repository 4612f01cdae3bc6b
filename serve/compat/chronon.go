package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// Chronon answers the body of POST /v1/features/join/{name} or /v1/features/groupby/{name} of Chronon's feature service for a view: an
// array of maps of keys in, a result for each out. What could not be had stands under its name with "_exception" behind it, which is
// where Chronon's clients look.
func (s *Shapes) Chronon(ctx context.Context, v *serve.View, body []byte) ([]byte, error) {
	const cure = `send an array of the keys of each row: [{"user_id": "5"}]`
	var keys []json.RawMessage
	if p := unmarshal(body, &keys, cure); p != nil {
		return nil, p
	}
	if len(keys) > s.MaxRows {
		return nil, s.tooMany()
	}
	ask := serve.Request{Rows: make([]serve.Row, len(keys))}
	for i, text := range keys {
		var row map[string]json.RawMessage
		if p := unmarshal(text, &row, cure); p != nil {
			return nil, p
		}
		ask.Rows[i] = s.row(v, func(name string) string { return string(row[name]) })
		for _, name := range slices.Sorted(maps.Keys(row)) {
			if !asks(v, name) { // whatever else is wrong: a name is the likelier cause
				ask.Rows[i].Problem = v.UnknownField(name)
			}
		}
	}
	var got serve.Response
	if err := v.Answer(ctx, ask, &got); err != nil {
		return nil, err
	}
	return appendResults(nil, keys, &got), nil
}

func appendResults(out []byte, keys []json.RawMessage, got *serve.Response) []byte {
	out = append(out, `{"results":[`...)
	for i := range got.Rows {
		if i > 0 {
			out = append(out, ',')
		}
		a := &got.Rows[i]
		if a.Problem != nil {
			out = append(out, `{"status":"Failure","entityKeys":`...)
			out = appendText(append(appendCompact(out, keys[i]), `,"error":`...), a.Problem.Error())
			out = append(out, '}')
			continue
		}
		out = append(appendCompact(append(out, `{"status":"Success","entityKeys":`...), keys[i]), `,"features":{`...)
		for k, name := range got.Features {
			if k > 0 {
				out = append(out, ',')
			}
			if a.Statuses[k] == serve.Failed {
				out = append(appendText(out, name+"_exception"), `:"could not be had, and nothing stands in"`...)
				continue
			}
			out = value.AppendJSON(append(appendText(out, name), ':'), a.Values[k])
		}
		out = append(out, "}}"...)
	}
	return append(out, "]}\n"...)
}

// appendCompact adds JSON without the blanks between its tokens.
func appendCompact(out []byte, text json.RawMessage) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		panic(err) // it was read before
	}
	return append(out, b.Bytes()...)
}
