package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/jsonrows"
	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	servehttp "github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/value"
)

// asHTTP asks a server by the calls of docs/interface.md §6: events and answers are JSON there and back.
type asHTTP struct {
	server *serve.Server
	caller *caller
}

func overHTTP(ctx context.Context, o *road.Served) (road.Asker, error) {
	s := newSurface()
	server, err := serveRoad(ctx, o, s.metrics)
	if err != nil {
		return nil, err
	}
	w := &online{}
	w.turn.Store(&turn{stream: o.Stream})
	h := servehttp.New(servehttp.Options{Server: server, Registry: s.registry, Metrics: s.metrics, Pusher: pushes{w}, Version: version, Log: silent})
	return &asHTTP{server, &caller{base: "http://here", client: &http.Client{Transport: inProcess{h}}, where: "the road online"}}, nil
}

// Push implements road.Asker.
func (a *asHTTP) Push(ctx context.Context, source *feature.Source, rows *value.Batch) error {
	var body []byte
	for i := range rows.N {
		body = appendObject(body, rows.Schema.Names(), rows.Row(i))
		body = append(body, '\n')
	}
	var got struct {
		Sources map[string]struct {
			Accepted, Duplicated int
			NotYet               int `json:"not_yet"`
			Rejected             []serve.Rejected
		}
	}
	if err := a.caller.call(ctx, "POST", "/v1/events/"+url.PathEscape(source.Name), "application/x-ndjson", bytes.NewReader(body), &got); err != nil {
		return err
	}
	of, ok := got.Sources[source.Name]
	if n := of.Accepted + of.Duplicated + of.NotYet; !ok || n != rows.N || len(of.Rejected) > 0 {
		return fmt.Errorf("%d rows are answered by %+v:\n%s", rows.N, got.Sources, body)
	}
	return nil
}

func appendObject(dst []byte, names []string, row []value.Value) []byte {
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(value.AppendJSON(dst, value.OfString(name)), ':')
		dst = value.AppendJSON(dst, row[i])
	}
	return append(dst, '}')
}

// Ask implements road.Asker.
func (a *asHTTP) Ask(ctx context.Context, view *plan.Serve, rows [][]value.Value, at *int64) (int64, []road.Answered, error) {
	var names []string
	for _, k := range view.Asked {
		names = append(names, k.Name)
	}
	body := []byte(`{"rows":[`)
	for i, row := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendObject(body, names, row)
	}
	body = append(body, ']')
	if at != nil {
		body = value.AppendJSON(append(body, `,"at":`...), value.OfTimestamp(*at))
	}
	body = append(body, '}')
	var got featuresAnswer
	if err := a.caller.call(ctx, "POST", "/v1/features/"+url.PathEscape(view.View.Name), "application/json", bytes.NewReader(body), &got); err != nil {
		return 0, nil, err
	}
	if err := columnsOf(view, got.Features); err != nil {
		return 0, nil, err
	}
	as, ok := value.ParseTimestamp(got.At)
	if !ok {
		return 0, nil, fmt.Errorf("no time: at %q", got.At)
	}
	out := make([]road.Answered, len(got.Rows))
	for i, r := range got.Rows {
		if r.Error != nil {
			out[i].Refused = mistakef("%s", r.Error)
			continue
		}
		var err error
		if out[i].Values, err = valuesOf(view, r.Values); err != nil {
			return 0, nil, err
		}
		if out[i].Statuses, err = statusesOf(r.Status, len(r.Values)); err != nil {
			return 0, nil, err
		}
	}
	return as, out, nil
}

// valuesOf reads the values of a row by the types of the view's columns.
func valuesOf(view *plan.Serve, raw []json.RawMessage) ([]value.Value, error) {
	var schema value.Schema
	text := []byte{'{'}
	for i, c := range view.View.Columns {
		if i >= len(raw) {
			return nil, errColumns
		}
		if i > 0 {
			text = append(text, ',')
		}
		schema = append(schema, value.Field{Name: c.Name, Type: c.Type})
		text = append(append(value.AppendJSON(text, value.OfString(c.Name)), ':'), raw[i]...)
	}
	d := jsonrows.NewDecoder(schema, jsonrows.Options{Strict: true})
	d.Begin(1)
	if err := d.Add(append(text, '}')); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	var counts dataset.Counts
	b := d.Finish(&counts)
	if len(counts.Nulled) > 0 {
		return nil, fmt.Errorf("values of the answer are none: %v in %s", counts.Nulled, text)
	}
	return b.Row(0), nil
}

// Refresh implements road.Asker.
func (a *asHTTP) Refresh(ctx context.Context) error { return a.server.Refresh(ctx) }

// Close implements road.Asker.
func (a *asHTTP) Close() error { a.server.Close(); return nil }
