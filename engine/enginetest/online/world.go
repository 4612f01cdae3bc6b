package online

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/stream"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// world is everything of one run that is alive.
type world struct {
	road *Road
	q    *question
	in   engine.Inputs
	dir  string
	now  atomic.Int64
	time leaping

	streams []*plan.Stream
	spaces  []*plan.Space // by group
	loaded  []int64       // generations, by group
	store   store.Store
	stream  *stream.Stream
	asker   Asker
	kills   uint64
}

// run takes all steps, one after the other.
func (w *world) run(ctx context.Context, steps []step) error {
	w.streams = plan.ForStream(w.q.groups)
	for _, g := range w.q.groups {
		w.spaces = append(w.spaces, w.spaceOf(g))
	}
	w.loaded = make([]int64, len(w.spaces))
	if len(steps) > 0 {
		w.now.Store(steps[0].(tick).now) // no process has seen another time
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	for i, s := range steps {
		if err := s.take(ctx, w); err != nil {
			return fmt.Errorf("step %d of %d: %w", i+1, len(steps), err)
		}
	}
	return nil
}

func (w *world) spaceOf(g *feature.Group) *plan.Space {
	for _, s := range w.streams {
		for _, x := range s.Spaces {
			if x.Group == g {
				return x
			}
		}
	}
	panic("online: a group without a space")
}

// folder is the store's.
func (w *world) folder() string { return filepath.Join(w.dir, "store") }

// clock is the wall's, which the steps set.
func (w *world) clock() int64 { return w.now.Load() }

// begin starts the process.
func (w *world) begin(ctx context.Context) (err error) {
	if w.store == nil {
		open := w.road.Stores[w.road.Store]
		if open == nil {
			return fmt.Errorf("online: no store %q", w.road.Store)
		}
		folder := w.folder()
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if w.store, err = open(folder); err != nil {
			return err
		}
	}
	o := stream.Options{Store: w.store, Events: !w.road.Wall, Log: w.log, Timer: &w.time}
	if w.road.Wall {
		o.Clock = w.clock
	}
	if w.stream, err = stream.Open(ctx, o, w.streams); err != nil {
		return err
	}
	wire := w.road.Wires[w.road.Wire]
	if wire == nil {
		return fmt.Errorf("online: no wire %q", w.road.Wire)
	}
	w.asker, err = wire(ctx, &Served{Views: w.q.views(), Store: w.store, Stream: w.stream, Clock: w.clock})
	return err
}

func (w *world) log(s *feature.Source) (eventlog.Log, error) {
	clock := func() int64 { return time.Now().UnixMilli() }
	if w.road.Wall {
		clock = w.clock
	}
	return eventlog.Open(filepath.Join(w.dir, "events", s.Name), s.Schema, eventlog.Options{
		Formats: []dataset.Format{parquet.Format{}}, HasID: s.ID != "", Copies: endless, Clock: clock, SegmentBytes: 1 << 20,
	})
}

// end ends the process: in order, or as it is.
func (w *world) end(ctx context.Context) error {
	var errs []error
	if w.asker != nil {
		errs = append(errs, w.asker.Close())
	}
	if w.stream != nil {
		err := w.stream.Close(ctx)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil
		}
		errs = append(errs, err)
	}
	w.asker, w.stream = nil, nil
	return errors.Join(errs...)
}

func (w *world) close(ctx context.Context) error {
	err := w.end(context.WithoutCancel(ctx))
	if w.store != nil {
		err = errors.Join(err, w.store.Close())
	}
	return err
}

func (kill) take(ctx context.Context, w *world) error {
	lasting := w.store.Traits().Lasting
	if lasting && w.road.Crash != nil {
		w.kills++
		w.road.Crash(w.folder(), w.road.Seed+w.kills) // whatever is on its way; that the process ends in order after that, nobody sees
	}
	dead, cancel := context.WithCancel(ctx)
	cancel() // nothing more is applied, nothing more is written
	if err := w.end(dead); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	if lasting {
		if err := w.store.Close(); err != nil {
			return fmt.Errorf("kill: %w", err)
		}
		w.store = nil
	}
	return w.begin(ctx)
}

func (t tick) take(_ context.Context, w *world) error {
	w.now.Store(t.now)
	w.time.leap()
	return nil
}

// leaping is the machine's time, which leaps ahead, so that what a stream does now and then it does often.
type leaping struct{ ahead atomic.Int64 }

var began = time.Now()

// leap lets a minute go by.
func (l *leaping) leap() { l.ahead.Add(int64(time.Minute)) }

// Now implements stream.Timer.
func (l *leaping) Now() time.Duration { return time.Since(began) + time.Duration(l.ahead.Load()) }

// After implements stream.Timer.
func (l *leaping) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (p push) take(ctx context.Context, w *world) error {
	source := p.events[0].source
	rows := make([][]value.Value, len(p.events))
	for i, e := range p.events {
		rows[i] = e.row
	}
	if err := w.asker.Push(ctx, source, value.BatchOf(source.Schema, rows)); err != nil {
		return fmt.Errorf("push %d rows of %s: %w", len(rows), source.Name, err)
	}
	return nil
}

func (a ask) take(ctx context.Context, w *world) error {
	if err := w.stream.Flush(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	if err := w.asker.Refresh(ctx); err != nil { // a store that others write too does not tell
		return err
	}
	got, err := a.answers(ctx, w, w.q.serve)
	if err != nil {
		return fmt.Errorf("as of %s: %w", value.FormatTimestamp(a.at), err)
	}
	for i, n := range a.rows {
		if err := whole(w.q.view, &got[i]); err != nil {
			return fmt.Errorf("row %d as of %s: %w", n+1, value.FormatTimestamp(a.at), err)
		}
		w.q.got[n] = got[i]
	}
	if w.q.strict != nil {
		return a.strict(ctx, w)
	}
	return nil
}

func (a ask) answers(ctx context.Context, w *world, view *plan.Serve) ([]Answered, error) {
	rows := make([][]value.Value, len(a.rows))
	for i, n := range a.rows {
		rows[i] = w.q.asked[n]
	}
	var at *int64
	if a.say {
		at = &a.at
	}
	as, got, err := w.asker.Ask(ctx, view, rows, at)
	switch {
	case err != nil:
		return nil, err
	case as != a.at:
		return nil, fmt.Errorf("it is answered as of %s", value.FormatTimestamp(as))
	case len(got) != len(rows):
		return nil, fmt.Errorf("%d rows for %d", len(got), len(rows))
	}
	return got, nil
}

// whole demands that a row is answered, and by nothing but what is right.
func whole(view *feature.View, a *Answered) error {
	if a.Refused != nil {
		return fmt.Errorf("refused: %w", a.Refused)
	}
	for c, s := range a.Statuses {
		if s != "present" && s != "empty" && s != "default" {
			return fmt.Errorf("column %s is %s", view.Columns[c].Name, s)
		}
	}
	return nil
}

// strict demands that a row is refused just where a value that it requires is null (Q5).
func (a ask) strict(ctx context.Context, w *world) error {
	got, err := a.answers(ctx, w, plan.ForServe(w.q.strict))
	if err != nil {
		return err
	}
	for i, n := range a.rows {
		null := ""
		for c, col := range w.q.strict.Columns {
			if col.RequiredValue && w.q.got[n].Values[c].IsNull() {
				null = col.Name
			}
		}
		if refused := got[i].Refused; (refused != nil) != (null != "") {
			return fmt.Errorf("row %d as of %s: of the values that are required %q is null, and what is said is %q", n+1, value.FormatTimestamp(a.at), null, fmt.Sprint(refused))
		}
		if got[i].Refused == nil && value.CompareRows(got[i].Values, w.q.got[n].Values) != 0 {
			return errors.New("a view that requires values answers others than one that does not")
		}
	}
	return nil
}

// sourceOf is the one of a group.
func (w *world) table(ctx context.Context, g *feature.Group) (dataset.Table, error) {
	t, err := w.in.Open(ctx, g.Source.Place, g.Source.Schema)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", g.Source.Name, err)
	}
	return t, nil
}
