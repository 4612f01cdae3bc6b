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
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// The demo replays two days: batch has what comes before, events bring the rest.
const (
	replayFrom  = "2013-12-10T00:00:00Z"
	replayTo    = "2013-12-12T00:00:00Z"
	replayView  = "departure"
	replayDelay = 5 * 60_000      // how late an event arrives at most, ms: they come out of order
	replayLate  = 10              // one event in so many is late
	replayEvery = 15 * 60_000     // of event time between two questions, ms
	replayAhead = 2 * 60 * 60_000 // how long before it should leave a flight is asked about, ms: as in training
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
	flights []departing // from replayFrom on, by when they are asked about
	next    int         // of flights: the first that was not asked about
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
	for _, step := range []func(context.Context, *demoServer) error{d.deploy, d.replay, d.audited, d.storeless, d.canary} {
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
	b, err := d.project.backfillOf(ctx, nil, "", replayFrom[:len(time.DateOnly)])
	if err == nil {
		_, err = quiet.runBackfill(ctx, d.project, b)
	}
	if err == nil {
		d.say("backfill", "the definitions are applied, and tiles are made of all that happened before %s", replayFrom[:len(time.DateOnly)])
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
	d.say("up", "bighead up --clock events takes events and answers on http://%s; the tiles up to %s are in its store", s.address, replayFrom[:len(time.DateOnly)])
	return s, nil
}

// arrival is an event on its way: a line of JSON for a source, by when it arrives.
type arrival struct {
	at     int64
	source string
	line   []byte
}

// replay pushes two days out of order, and asks about the flights that leave in two hours meanwhile.
func (d *demo) replay(ctx context.Context, s *demoServer) error {
	events, err := d.arrivals(ctx)
	if err != nil {
		return err
	}
	if s.flights, err = d.flights(ctx, s); err != nil {
		return err
	}
	lo, _ := value.ParseTimestamp(replayFrom)
	hi, _ := value.ParseTimestamp(replayTo)
	a := &questions{}
	pushed := 0
	for from := lo; from < hi; from += replayEvery {
		to := pushed
		for to < len(events) && events[to].at < from+replayEvery {
			to++
		}
		if err := s.push(ctx, events[pushed:to]); err != nil {
			return err
		}
		if t := s.online.active(); t != nil { // a second of a group's flush would be most of a day that goes by in seconds
			if err := t.stream.Flush(ctx); err != nil {
				return err
			}
		}
		pushed = to
		due := s.until(from + replayEvery)
		if len(due) == 0 {
			continue
		}
		if err := s.vectors(ctx, due, a); err != nil {
			return err
		}
		if d.models != nil {
			if err := s.predictions(ctx, due, a); err != nil {
				return err
			}
		}
	}
	if a.at == 0 {
		return errors.New("no flight of the two days was asked about: data/flights.parquet is not the example's")
	}
	slices.Sort(a.took)
	d.say("replay", "%s events of two days came, one in %d late by up to %d minutes; meanwhile each flight was asked about two hours before it should leave: %s vectors, half of the requests in less than %s",
		count(int64(pushed)), replayLate, replayDelay/60_000, count(int64(len(a.rows))), a.took[len(a.took)/2].Round(10*time.Microsecond))
	if d.models == nil {
		return nil
	}
	return d.judged(ctx, a, a.first >= hi)
}

// judged tells how the models did, now that it is known how late the flights left. Where the days had been replayed before, the clock stood at
// their end, and what was asked knew it all.
func (d *demo) judged(ctx context.Context, a *questions, again bool) error {
	d.say("predict", "POST /v1/predict/%s answered for the same flights by %s@%d: %s predictions, %d failed", demoEndpoint, demoModel, d.models.pointInTime.version.Number, count(int64(len(a.answers))), a.failed)
	if a.failed > 0 {
		return fmt.Errorf("of %d flights no prediction was given, for one: %s", a.failed, a.why)
	}
	if again {
		d.say("compare", "these days were replayed into this folder before, so their features know how they ended; bighead demo --dir NEW shows what models are worth as served")
		return nil
	}
	for _, r := range d.models.each() {
		answers := a.answers
		if r != d.models.pointInTime {
			var err error
			if answers, err = r.scorer.score(ctx, a.names, a.rows); err != nil {
				return err
			}
		}
		r.served = model.Truth{Labels: a.labels, Answers: answers, Width: 1}
	}
	return d.compared(len(a.rows))
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
	if r.Classes[audit.Late] > 0 {
		d.show("late: an event of their window came after they had been answered, which training has; whatever nothing explains is skew")
	}
	if r.Skewed() {
		return errors.New("a value that was served differs from training's, and nothing explains it: this is our bug")
	}
	return nil
}

// storeless asks while the store is stopped, and once it is back.
func (d *demo) storeless(ctx context.Context, s *demoServer) error {
	const some = 4
	known, fresh := s.flights[:some], s.flights[len(s.flights)-some:]
	if err := s.vectors(ctx, known, &questions{}); err != nil { // so that something is known
		return err
	}
	again, during := &questions{}, &questions{}
	s.store.stopped.Store(true)
	err := errors.Join(s.vectors(ctx, known, again), s.vectors(ctx, fresh, during))
	s.store.stopped.Store(false)
	if err != nil {
		return err
	}
	d.say("store", "its store was stopped for a moment; requests were answered all the same, each value with what it is")
	d.show(fmt.Sprintf("of keys that it had just answered for: %s\nof others:                             %s (what is known of their carriers, airports and weather still holds)", statusText(again.last), statusText(during.last)))
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
