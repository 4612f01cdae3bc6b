package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// The demo replays two days: batch has what comes before, events bring the rest.
const (
	replayFrom  = "2013-03-05T00:00:00Z"
	replayTo    = "2013-03-07T00:00:00Z"
	replayView  = "departure"
	replayDelay = 5 * 60_000  // how late an event arrives at most, ms: they come out of order
	replayLate  = 10          // one event in so many is late
	replayEvery = 60 * 60_000 // of event time between two questions, ms
	replayAsks  = 4           // flights asked about at a time
)

// replayed is one source of the flights, by the file and the column of its events' times.
var replayed = []struct{ source, file, time string }{
	{"departures", "flights.parquet", "dep_time"}, {"arrivals", "flights.parquet", "arr_time"}, {"weather", "weather.parquet", "time"},
}

// demoServer is `bighead up` while the demo runs.
type demoServer struct {
	address string
	ask     *caller
	store   *stoppable
	online  *online
	end     func() error
}

// online goes on where training ended: the same features, kept by events as they come.
func (d *demo) online(ctx context.Context) error {
	if err := d.apply(ctx); err != nil {
		return err
	}
	s, err := d.up(ctx)
	if err != nil {
		return err
	}
	err = d.live(ctx, s)
	if err == nil && terminal(d.stdout) {
		d.say("open", "http://%s/openapi.json answers until Ctrl-C; in another terminal: bighead status -C %s", s.address, shellWord(d.dir))
		<-ctx.Done()
	}
	return errors.Join(err, s.end())
}

func (d *demo) live(ctx context.Context, s *demoServer) error {
	for _, step := range []func(context.Context, *demoServer) error{d.replay, d.audited, d.storeless} {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) apply(ctx context.Context) error {
	p, err := d.cli.propose(ctx, d.project)
	if err != nil {
		return err
	}
	quiet := *d.cli
	quiet.stdout, quiet.stderr = io.Discard, io.Discard
	if len(p.Changes) > 0 {
		if err := quiet.apply(ctx, d.project, p); err != nil {
			return err
		}
	}
	b, err := d.project.backfillOf(ctx, nil, "", replayFrom[:len("2013-03-05")])
	if err == nil {
		_, err = quiet.runBackfill(ctx, d.project, b)
	}
	if err == nil {
		d.say("backfill", "the definitions are applied, and tiles are made of all that happened before %s", replayFrom[:len("2013-03-05")])
	}
	return err
}

// up runs `bighead up --clock events` in this process, with a store that can be stopped.
func (d *demo) up(ctx context.Context) (*demoServer, error) {
	p, err := project.Open(d.dir, project.Options{Stderr: d.stderr, Flags: map[string]string{
		"serve.clock": "events", "serve.listen": "127.0.0.1:0", "serve.deadline": "5s", "store.kind": "pebble"}})
	if err != nil {
		return nil, mistakef("%v", err)
	}
	var said lockedText
	quiet := *d.cli
	quiet.stderr, quiet.patient = &said, true
	s := &demoServer{}
	quiet.wrapStore = func(st store.Store) store.Store {
		s.store = &stoppable{Store: st}
		return s.store
	}
	ready := make(chan string, 1)
	u := &server{cli: &quiet, project: p, log: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelError})), ready: func(a string) { ready <- a }}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- u.run(running) }()
	select {
	case s.address = <-ready:
	case err := <-ended:
		stop()
		return nil, fmt.Errorf("bighead up: %w", err)
	}
	s.online = u.online
	s.end = func() error {
		stop()
		if err := <-ended; err != nil {
			return fmt.Errorf("bighead up: %w\n%s", err, said.String())
		}
		return nil
	}
	if s.ask, err = newCaller(p, ""); err == nil {
		from, _ := value.ParseTimestamp(replayFrom)
		_, err = s.online.upload(ctx, uploadRequest{To: &from})
	}
	if err != nil {
		return nil, errors.Join(err, s.end())
	}
	d.say("up", "bighead up --clock events takes events and answers on http://%s; the tiles up to %s are in its store", s.address, replayFrom[:len("2013-03-05")])
	return s, nil
}

// arrival is an event on its way: a line of JSON for a source, by when it arrives.
type arrival struct {
	at     int64
	source string
	line   []byte
	flight map[string]value.Value // of a departure: what to ask about it
}

// replay pushes two days out of order, and asks about flights that are about to leave meanwhile.
func (d *demo) replay(ctx context.Context, s *demoServer) error {
	events, err := d.arrivals(ctx)
	if err != nil {
		return err
	}
	view, err := find("view", s.online.current().typed.Views, func(v *feature.View) string { return v.Name }, replayView)
	if err != nil {
		return err
	}
	pushed, vectors, took := 0, 0, []time.Duration{}
	for from := 0; from < len(events); {
		to := from
		for to < len(events) && events[to].at < events[from].at+replayEvery {
			to++
		}
		if err := s.push(ctx, events[from:to]); err != nil {
			return err
		}
		pushed += to - from
		if body, n := askAbout(view, events[to:]); n > 0 {
			began := time.Now()
			if _, err := s.vectors(ctx, body); err != nil {
				return err
			}
			took, vectors = append(took, time.Since(began)), vectors+n
		}
		from = to
	}
	slices.Sort(took)
	d.say("replay", "%s events of two days came, one in %d late by up to %d minutes; %s vectors were asked for between them, %d a request: half of the requests took less than %s",
		count(int64(pushed)), replayLate, replayDelay/60_000, count(int64(vectors)), replayAsks, took[len(took)/2].Round(10*time.Microsecond))
	return nil
}

// arrivals are the events of the days that are replayed, as they come.
func (d *demo) arrivals(ctx context.Context) ([]arrival, error) {
	lo, _ := value.ParseTimestamp(replayFrom)
	hi, _ := value.ParseTimestamp(replayTo)
	draw := rand.New(rand.NewPCG(1, 2)) // the same story each time
	var out []arrival
	for _, r := range replayed {
		t, err := dataset.Open(ctx, formats, filepath.Join(d.dir, "data", r.file), dataset.Options{})
		if err != nil {
			return nil, err
		}
		rows, err := t.Scan(ctx, dataset.Scan{})
		if err != nil {
			return nil, err
		}
		for {
			b, err := rows.Next()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			names, at := b.Schema.Names(), b.Schema.Index(r.time)
			for i := range b.N {
				ts := b.Columns[at].At(i)
				if ts.IsNull() || ts.Int() < lo || ts.Int() >= hi {
					continue
				}
				row := b.Row(i)
				a := arrival{at: ts.Int(), source: r.source, line: append(appendObject(nil, names, row), '\n')}
				if draw.IntN(replayLate) == 0 {
					a.at += draw.Int64N(replayDelay)
				}
				if r.source == "departures" {
					a.flight = map[string]value.Value{}
					for k, name := range names {
						a.flight[name] = row[k]
					}
				}
				out = append(out, a)
			}
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return out, nil
}

// push sends events as they came, a body for each source.
func (s *demoServer) push(ctx context.Context, events []arrival) error {
	for _, r := range replayed {
		var body bytes.Buffer
		for _, e := range events {
			if e.source == r.source {
				body.Write(e.line)
			}
		}
		if body.Len() == 0 {
			continue
		}
		var a pushAnswer
		if err := s.ask.call(ctx, "POST", "/v1/events/"+r.source, "application/x-ndjson", &body, &a); err != nil {
			return err
		}
		for name, p := range a.Sources {
			if len(p.Rejected) > 0 {
				return fmt.Errorf("source %s refused an event: %s", name, p.Rejected[0].Reason)
			}
		}
	}
	return nil
}

// askAbout is a request about the next flights that leave, and about how many.
func askAbout(v *feature.View, events []arrival) (body []byte, n int) {
	body = []byte(`{"rows":[`)
	for _, e := range events {
		if e.flight == nil {
			continue
		}
		if n == replayAsks {
			break
		}
		var names []string
		var row []value.Value
		for _, k := range slices.Concat(v.Keys, v.Request) {
			if !slices.Contains(names, k.Name) {
				names, row = append(names, k.Name), append(row, e.flight[k.Name])
			}
		}
		if n > 0 {
			body = append(body, ',')
		}
		body = appendObject(body, names, row)
		n++
	}
	return append(body, "]}"...), n
}

func (s *demoServer) vectors(ctx context.Context, body []byte) (*featuresAnswer, error) {
	var a featuresAnswer
	err := s.ask.call(ctx, "POST", "/v1/features/"+url.PathEscape(replayView), "application/json", bytes.NewReader(body), &a)
	return &a, err
}

// audited computes what was served again, as `bighead audit departure` does.
func (d *demo) audited(ctx context.Context, s *demoServer) error {
	if err := s.online.served.Flush(ctx); err != nil {
		return err
	}
	now := s.online.current()
	task, err := d.auditTask(now, replayView, inProject(now.Project, now.Config.String("audit.path")))
	if err != nil {
		return err
	}
	task.Since, task.Until = d.began.UnixMilli(), time.Now().UnixMilli()+1
	r, err := audit.Run(ctx, *task)
	if err != nil {
		return err
	}
	d.say("audit", "bighead audit -C %s %s computes them again as training would: %s values of %s vectors: %s", shellWord(d.dir), replayView, count(r.Values), count(r.Rows), classesText(r.Classes))
	if r.Skewed() {
		return errors.New("a value that was served differs from training's, and nothing explains it: this is our bug")
	}
	return nil
}

// storeless asks while the store is stopped, and once it is back.
func (d *demo) storeless(ctx context.Context, s *demoServer) error {
	view, err := find("view", s.online.current().typed.Views, func(v *feature.View) string { return v.Name }, replayView)
	if err != nil {
		return err
	}
	events, err := d.arrivals(ctx)
	if err != nil {
		return err
	}
	known, _ := askAbout(view, events[len(events)/2:])
	fresh, _ := askAbout(view, events)
	if _, err := s.vectors(ctx, known); err != nil { // so that something is known
		return err
	}
	s.store.stopped.Store(true)
	again, err := s.vectors(ctx, known)
	during, err2 := s.vectors(ctx, fresh)
	s.store.stopped.Store(false)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	d.say("store", "its store was stopped for a moment; requests were answered all the same, each value with what it is")
	d.show(fmt.Sprintf("of keys that it had just answered for: %s\nof others:                             %s", statusText(again), statusText(during)))
	return nil
}

// statusText counts the values of an answer by status.
func statusText(a *featuresAnswer) string {
	counts := map[string]int64{}
	var names []string
	for _, r := range a.Rows {
		if r.Error != nil {
			return r.Error.String()
		}
		statuses, err := statusesOf(r.Status, len(r.Values))
		if err != nil {
			return err.Error()
		}
		for _, s := range statuses {
			if counts[s] == 0 {
				names = append(names, s)
			}
			counts[s]++
		}
	}
	slices.Sort(names)
	var out []string
	for _, n := range names {
		out = append(out, count(counts[n])+" "+n)
	}
	return strings.Join(out, ", ")
}

// lockedText is text that several write.
type lockedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// stoppable is a store whose reads can be made to fail for a while.
type stoppable struct {
	store.Store
	stopped atomic.Bool
}

var errStopped = errors.New("the store is stopped, for the demo")

// Read implements store.Store.
func (s *stoppable) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, bytes []byte) error) error {
	if s.stopped.Load() {
		return errStopped
	}
	return s.Store.Read(ctx, ranges, found)
}
