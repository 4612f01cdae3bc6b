package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// This file answers `why` without --at: what the online answer is made of now, beside what history makes of the same question.

// whyRequest asks the online side what a value is made of.
type whyRequest struct {
	View    string   `json:"view"`
	Feature string   `json:"feature"`
	Pairs   []string `json:"pairs"` // key=value
}

// madeAnswer is serve.Made in words.
type madeAnswer struct {
	At         string          `json:"at"`
	Value      json.RawMessage `json:"value"`
	Status     string          `json:"status"`
	From       string          `json:"from,omitempty"`
	Before     string          `json:"before"`
	Filled     bool            `json:"filled"`
	Batch      string          `json:"batch_up_to,omitempty"`
	Generation int64           `json:"generation,omitempty"`
	Pieces     []madePiece     `json:"pieces"`
}

// madePiece is one tile, or rows.
type madePiece struct {
	By      string           `json:"by"`   // batch or stream
	What    string           `json:"what"` // tile, base or rows
	From    string           `json:"from,omitempty"`
	Before  string           `json:"before,omitempty"`
	Newest  string           `json:"newest,omitempty"`
	Read    map[string]int64 `json:"read,omitempty"` // positions of the stream, by partition
	Alone   json.RawMessage  `json:"alone,omitempty"`
	Rows    *int             `json:"rows,omitempty"`
	Problem string           `json:"problem,omitempty"`
}

// onlineWhy is the whole answer.
type onlineWhy struct {
	View    string      `json:"view"`
	Feature string      `json:"feature"`
	Online  *madeAnswer `json:"online"`
	History *answer     `json:"history"`
	// Same is whether both values are right by the promise, as far as that shows without their inputs.
	Same bool `json:"same"`
}

// whyMade explains a value to the project's own commands.
func (o *online) whyMade(ctx context.Context, ask whyRequest) (*madeAnswer, error) {
	v, err := o.server.View(ask.View)
	if err != nil {
		return nil, mistakef("%v", err)
	}
	var needed []string
	for _, k := range v.Plan.View.Keys {
		if !k.Optional {
			needed = append(needed, k.Name)
		}
	}
	named, err := parseKey(v.Plan.View, ask.Feature, needed, ask.Pairs)
	if err != nil {
		return nil, mistakef("%v", err)
	}
	row := serve.Row{Values: make([]value.Value, len(v.Asked()))}
	for i, k := range v.Asked() {
		row.Values[i] = named[k.Name]
	}
	m, err := v.Explain(ctx, ask.Feature, row)
	var p *serve.Problem
	if errors.As(err, &p) {
		return nil, mistakef("%v", err)
	} else if err != nil {
		return nil, err
	}
	return inWords(m), nil
}

func inWords(m *serve.Made) *madeAnswer {
	a := &madeAnswer{At: value.FormatTimestamp(m.At), Value: value.AppendJSON(nil, m.Value), Status: m.Status.String(), From: timeOrNone(m.From),
		Before: value.FormatTimestamp(m.Before), Filled: m.Filled, Pieces: []madePiece{}}
	if m.Filled {
		a.Batch, a.Generation = timeOrNone(m.Marks.Batch), m.Marks.Generation
	}
	for i := range m.Pieces {
		x := &m.Pieces[i]
		p := madePiece{By: "stream", What: "tile", Newest: timeOrNone(x.Newest), Read: map[string]int64{}}
		if x.Batch {
			p.By = "batch"
		}
		for _, r := range x.Read {
			p.Read[fmt.Sprint(r.Partition)] = r.Offset
		}
		switch {
		case x.Err != nil:
			p.Problem = x.Err.Error()
		case x.Step > 0:
			p.From, p.Before, p.Alone = value.FormatTimestamp(x.Start), value.FormatTimestamp(x.Start+x.Step), value.AppendJSON(nil, x.Alone)
		case x.Step == plan.BaseStep:
			p.What, p.Before, p.Alone = "base", timeOrNone(x.Through), value.AppendJSON(nil, x.Alone)
		default:
			n := len(x.Rows)
			p.What, p.Rows = "rows", &n
		}
		a.Pieces = append(a.Pieces, p)
	}
	return a
}

// whyOnline asks what a value is made of online, and what history makes of the same question.
func (c *cli) whyOnline(ctx context.Context, view, name string, pairs []string) error {
	a, err := c.openApplied(ctx)
	if err != nil {
		return err
	}
	v, err := find("view", a.typed.Views, func(v *feature.View) string { return v.Name }, view)
	if err != nil {
		return err
	}
	column, err := find("column", v.Columns, func(c feature.ViewColumn) string { return c.Name }, name)
	if err != nil {
		return err
	}
	if column.Kind != feature.FeatureColumn {
		return mistakef("%s is no feature of a group: ask why of what it is made of, or with --at", name)
	}
	w := &onlineWhy{View: view, Feature: name, Online: &madeAnswer{}}
	body, err := json.Marshal(whyRequest{view, name, pairs})
	if err != nil {
		return err
	}
	if err := c.askOnline(ctx, a, body, w.Online); err != nil {
		return err
	}
	at, _ := value.ParseTimestamp(w.Online.At)
	if w.History, err = c.why(ctx, a.loaded, view, name, pairs, at); err != nil {
		return err
	}
	if w.Same, err = sameValue(column, w); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(w)
	}
	w.print(c.stdout)
	return nil
}

// askOnline asks the online side, which is open no longer than that.
func (c *cli) askOnline(ctx context.Context, a *applied, body []byte, out *madeAnswer) error {
	k, done, err := c.reach(ctx, a.Project, "")
	if err != nil {
		return err
	}
	defer done()
	return k.call(ctx, "POST", "/v1/why", "application/json", bytes.NewReader(body), out)
}

func sameValue(column feature.ViewColumn, w *onlineWhy) (bool, error) {
	online, err := fromJSON(column.Type, w.Online.Value)
	if err != nil {
		return false, err
	}
	history, err := fromJSON(column.Type, w.History.Value)
	if err != nil {
		return false, err
	}
	pv := plan.Value{Feature: column.Feature}
	return pv.Promise().Within(history, online), nil
}

// fromJSON reads a value as answers have it.
func fromJSON(t value.Type, text json.RawMessage) (value.Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return value.Value{}, err
	}
	return value.FromJSON(t, x)
}

func (w *onlineWhy) print(out io.Writer) {
	w.printOnline(out)
	if w.Same {
		fmt.Fprintln(out, "\nhistory gives the same:")
	} else {
		fmt.Fprintf(out, "\nhistory gives another: `bighead audit %s` says why of all that was served\n", w.View)
	}
	w.History.print(out)
}

func (w *onlineWhy) printOnline(out io.Writer) {
	o := w.Online
	fmt.Fprintf(out, "%s = %s (%s) online at %s\n", w.Feature, o.Value, o.Status, o.At)
	from := o.From
	if from == "" {
		from = "-∞"
	}
	fmt.Fprintf(out, "  of [%s, %s)", from, o.Before)
	switch {
	case !o.Filled:
		fmt.Fprint(out, "; nothing fills its space yet")
	case o.Batch != "":
		fmt.Fprintf(out, "; batch's up to %s (load %d), then the stream's", o.Batch, o.Generation)
	}
	fmt.Fprintln(out)
	if len(o.Pieces) > 0 {
		t := newTable("by", "what", "from", "before", "newest row", "alone it is", "read up to")
		for _, p := range o.Pieces {
			alone := cellText(p.Alone)
			switch {
			case p.Problem != "":
				alone = p.Problem
			case p.Rows != nil:
				alone = rowsText(int64(*p.Rows))
			}
			t.add(p.By, p.What, p.From, p.Before, p.Newest, cut(alone, 40), positionsText(p.Read))
		}
		_ = t.print(indented{out})
	}
}
