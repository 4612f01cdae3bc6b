package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// departing is a flight that leaves after the replay began: what to ask about it, and what came of it.
type departing struct {
	at    int64  // when it is asked about, ms
	row   []byte // keys and request fields, as JSON
	label float64
}

// questions are what was asked about flights, and answered.
type questions struct {
	first, at int64 // as of when, by the first answer and by the last, ms; 0: nothing was asked
	names     []string
	rows      [][]json.RawMessage // vectors
	labels    []float64           // of the same flights
	answers   []float64           // predictions
	failed    int                 // flights without one of a version
	why       string              // of one of them
	took      []time.Duration
	last      *featuresAnswer
}

// flights are those that leave, in the order in which they are asked about.
func (d *demo) flights(ctx context.Context, s *demoServer) ([]departing, error) {
	view, err := find("view", s.online.current().typed.Views, func(v *feature.View) string { return v.Name }, replayView)
	if err != nil {
		return nil, err
	}
	t, err := dataset.Open(ctx, formats, filepath.Join(d.dir, "data", replayed[0].file), dataset.Options{})
	if err != nil {
		return nil, err
	}
	rows, err := t.Scan(ctx, dataset.Scan{})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for _, k := range slices.Concat(view.Keys, view.Request) {
		if !slices.Contains(names, k.Name) {
			names = append(names, k.Name)
		}
	}
	lo, _ := value.ParseTimestamp(replayFrom)
	var out []departing
	for {
		b, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		for i := range b.N {
			planned, delay := b.Column("sched_dep").At(i), b.Column("dep_delay").At(i)
			if planned.IsNull() || delay.IsNull() || planned.Int()-replayAhead < lo {
				continue
			}
			f := departing{at: planned.Int() - replayAhead}
			if delay.Number() >= 15 {
				f.label = 1
			}
			row := make([]value.Value, len(names))
			for k, name := range names {
				row[k] = b.Column(name).At(i)
			}
			f.row = appendObject(nil, names, row)
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b departing) int { return cmp.Compare(a.at, b.at) })
	return out, nil
}

// until are the flights to be asked about before a time, those that were asked about left out.
func (s *demoServer) until(at int64) []departing {
	from := s.next
	for s.next < len(s.flights) && s.flights[s.next].at < at {
		s.next++
	}
	return s.flights[from:s.next]
}

// post asks about flights.
func (s *demoServer) post(ctx context.Context, path string, flights []departing, answer any) error {
	body := []byte(`{"rows":[`)
	for i, f := range flights {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, f.row...)
	}
	return s.ask.call(ctx, "POST", path, "application/json", bytes.NewReader(append(body, "]}"...)), answer)
}

// vectors asks for the features of flights.
func (s *demoServer) vectors(ctx context.Context, flights []departing, to *questions) error {
	began := time.Now()
	to.last = &featuresAnswer{}
	if err := s.post(ctx, "/v1/features/"+url.PathEscape(replayView), flights, to.last); err != nil {
		return err
	}
	to.took, to.names = append(to.took, time.Since(began)), to.last.Features
	to.at, _ = value.ParseTimestamp(to.last.At)
	if to.first == 0 {
		to.first = to.at
	}
	for i, r := range to.last.Rows {
		if r.Error != nil {
			return fmt.Errorf("a flight has no vector: %s", r.Error)
		}
		to.rows, to.labels = append(to.rows, r.Values), append(to.labels, flights[i].label)
	}
	return nil
}

// predictions asks the endpoint about flights. One that no version answered has failed, though the endpoint's fallback answers it.
func (s *demoServer) predictions(ctx context.Context, flights []departing, to *questions) error {
	var a predictAnswer
	if err := s.post(ctx, "/v1/predict/"+url.PathEscape(demoEndpoint), flights, &a); err != nil {
		return err
	}
	for _, r := range a.Rows {
		x := 0.0
		switch {
		case r.Error != nil:
			to.failed, to.why = to.failed+1, r.Error.String()
		case r.Version == nil:
			to.failed, to.why = to.failed+1, r.Reason
		default:
			var err error
			if x, err = strconv.ParseFloat(string(r.Prediction), 64); err != nil {
				return fmt.Errorf("prediction %s is no number: %w", r.Prediction, err)
			}
		}
		to.answers = append(to.answers, x)
	}
	return nil
}

// deploy has the endpoint answer with the model that was trained point in time, as two commands do.
func (d *demo) deploy(ctx context.Context, _ *demoServer) error {
	if d.models == nil {
		return nil
	}
	v := d.models.pointInTime.version
	cat, err := openCatalog(ctx, d.project.Root)
	if err != nil {
		return err
	}
	quiet := *d.cli
	quiet.json, quiet.stdout = false, io.Discard
	change := &catalog.AliasChange{Model: v.Model, Alias: champion, Number: v.Number, At: time.Now().UTC(), By: userName(), Reason: "the demo's"}
	if err := errors.Join(quiet.setAlias(ctx, d.project.Project, cat, change, false), cat.Close()); err != nil {
		return err
	}
	said, err := d.deployed(ctx, fmt.Sprintf("%s@%s", v.Model, champion), false)
	if err == nil {
		d.say("deploy", "bighead deploy %s@%s --to %s: %s", v.Model, champion, demoEndpoint, said)
	}
	return err
}

// deployed does what `bighead deploy` does, and gives what it says.
func (d *demo) deployed(ctx context.Context, version string, canary bool) (string, error) {
	var said, problems bytes.Buffer
	quiet := *d.cli
	quiet.dir, quiet.json, quiet.stdout, quiet.stderr = d.dir, false, &said, &problems
	err := quiet.deploying(ctx, demoEndpoint, func(ctx context.Context, p *deployment) (*catalog.Traffic, error) {
		v, alias, err := p.version(ctx, version, false)
		if err != nil {
			return nil, err
		}
		return p.with(v.Number, alias, 100, false, canary)
	})
	_, text, _ := strings.Cut(strings.TrimSpace(said.String()), ": ")
	return text, err
}

// A canary is asked about flights to come until it is decided on.
const (
	canaryRows = 100     // flights a request
	canaryMost = 500_000 // flights, after which the demo says that nothing was decided
)

// canary gives a part of the requests to the model that looked best, and sees it go.
func (d *demo) canary(ctx context.Context, s *demoServer) error {
	if d.models == nil || d.models.byDay == nil {
		return nil
	}
	v := d.models.byDay.version
	if !v.GateHeld {
		d.say("canary", "%s@%d does not hold its gate, so it is not tried", v.Model, v.Number)
		return nil
	}
	said, err := d.deployed(ctx, fmt.Sprintf("%s@%d", v.Model, v.Number), true)
	if err != nil {
		return err
	}
	d.say("canary", "bighead deploy %s@%d --to %s --canary, as its offline figure asks for: %s", v.Model, v.Number, demoEndpoint, said)
	a, ahead := &questions{}, s.flights[s.next:]
	if len(ahead) == 0 {
		return errors.New("no flight is left to ask about: data/flights.parquet is not the example's")
	}
	for from := 0; ; from += canaryRows {
		if from >= len(ahead) {
			from = 0
		}
		if err := s.predictions(ctx, ahead[from:min(from+canaryRows, len(ahead))], a); err != nil {
			return err
		}
		for _, st := range s.online.endpoints.Statuses() {
			if st.Endpoint == demoEndpoint && st.Traffic.Canary == nil {
				d.say("canary", "%s flights later, %d failed: %s", count(int64(len(a.answers))), a.failed, st.Traffic.Reason)
				return d.rolledBack(a, st.Traffic, v.Number)
			}
		}
		if len(a.answers) > canaryMost {
			return fmt.Errorf("after %d flights nothing was decided about the canary: this is our bug", len(a.answers))
		}
	}
}

// rolledBack sees that no request was the worse for the canary.
func (d *demo) rolledBack(a *questions, t *catalog.Traffic, number int64) error {
	switch {
	case a.failed > 0:
		return fmt.Errorf("of %d flights no prediction was given, for one: %s", a.failed, a.why)
	case slices.ContainsFunc(t.Routes, func(r catalog.Route) bool { return r.Number == number }):
		return errors.New("a model that learned the future was let through: this is our bug")
	}
	return nil
}
