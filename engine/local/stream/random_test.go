package stream

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "of the first random case; 0: another each time")
	casesFlag = flag.Int("cases", 150, "random cases")
)

// TestRandomStreamsAgreeWithTheOracle draws definitions and rows, pushes them in pieces while the clock goes on, ends the stream at any
// point as kill -9 does, and asks at each time for each key what a reader sees: it must be what the oracle makes of the log.
func TestRandomStreamsAgreeWithTheOracle(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	var seen tally
	for n := range *casesFlag {
		runCase(t, seed+uint64(n), &seen)
		if t.Failed() {
			t.Fatalf("seed %d", seed+uint64(n))
		}
	}
	t.Logf("seed %d: %+v", seed, seen)
	if *casesFlag >= 150 && (seen.answers == 0 || seen.kills == 0 || seen.waited == 0 || seen.late == 0 || seen.crashes == 0 || seen.rolled == 0 || seen.added == 0 || seen.filled == 0) {
		t.Errorf("something was never met: %+v", seen)
	}
}

// tally says what the cases met.
type tally struct{ answers, filled, kills, crashes, waited, late, rolled, added int }

type drawn struct {
	*world
	r       *rand.Rand
	seed    uint64
	project *feature.Project
	streams []*plan.Stream
	pending map[string][][]value.Value // rows to be pushed, by source
	seen    *tally
	asked   map[string][][]value.Value // keys by group
	live    []*plan.Stream             // what the stream fills: at first some spaces only
}

func runCase(t *testing.T, seed uint64, seen *tally) {
	c := random.New(seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range c.Defs.Sources {
		c.Defs.Sources[i].Lateness = &feature.Text{Value: []string{"0s", "10s", "1h", "1d", "40d", "3650d"}[r.IntN(6)]}
	}
	p, problems := feature.Check(c.Defs, feature.Options{})
	if problems.Failed() {
		t.Fatalf("seed %d: %v", seed, problems.Err())
	}
	d := &drawn{world: newWorld(t, newMemoryStore(r.IntN(2) == 0)), r: r, seed: seed, project: p, pending: map[string][][]value.Value{}, seen: seen, asked: map[string][][]value.Value{}}
	d.o.Events = r.IntN(4) == 0
	waitingBytes = []int64{1, 2000, 32 << 20}[r.IntN(3)]
	if r.IntN(4) == 0 {
		d.store.flaky = rand.New(rand.NewPCG(seed, 2))
	}
	if r.IntN(2) == 0 {
		d.store.slow = rand.New(rand.NewPCG(seed, 3))
	}
	if r.IntN(3) == 0 {
		d.o.Memory = []int64{1, 3000}[r.IntN(2)] // everything is let go at once, or now and then
	}
	for _, s := range plan.ForStream(p.Groups) {
		if s.Source.Time == nil {
			continue
		}
		s.Source.Place.Path = s.Source.Name
		d.streams = append(d.streams, s)
		for _, part := range c.Tables[s.Source.Name].Parts {
			d.pending[s.Source.Name] = append(d.pending[s.Source.Name], part.Rows...)
		}
		rows := d.pending[s.Source.Name]
		r.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		d.keys(s, rows)
	}
	defer func() { d.kill() }()
	d.run()
}

// keys are those that are asked about: all there are, and none that is null.
func (d *drawn) keys(s *plan.Stream, rows [][]value.Value) {
	for _, x := range s.Spaces {
		seen := map[string]bool{}
		for _, row := range rows {
			var key []value.Value
			for _, k := range x.Group.Keys {
				key = append(key, row[s.Source.Schema.Index(k.Name)])
			}
			null := slices.ContainsFunc(key, value.Value.IsNull)
			if text := string(value.AppendKey(nil, key)); !null && !seen[text] {
				seen[text] = true
				d.asked[x.Group.Name] = append(d.asked[x.Group.Name], key)
			}
		}
	}
}

// times are when the clock stands: about the rows' times.
func (d *drawn) times() []int64 {
	var all []int64
	for _, s := range d.streams {
		for _, row := range d.pending[s.Source.Name] {
			if ts := s.Source.Time.Compile(s.Source.Schema)(row, nil); !ts.IsNull() {
				all = append(all, ts.Int())
			}
		}
	}
	if len(all) == 0 {
		all = []int64{0}
	}
	var out []int64
	for range 2 + d.r.IntN(5) {
		at := all[d.r.IntN(len(all))]
		switch d.r.IntN(4) {
		case 0:
			at += []int64{-1, 1, 1000, 60_000}[d.r.IntN(4)]
		case 1:
			at += d.r.Int64N(3 * value.DayMS)
		case 2:
			at += d.r.Int64N(100 * value.DayMS)
		}
		out = append(out, min(max(at, value.MinTimestamp), value.MaxTimestamp))
	}
	slices.Sort(out)
	return out
}

func (d *drawn) run() {
	for _, now := range d.times() {
		d.time.set(now)
		d.start()
		for range 1 + d.r.IntN(4) {
			d.push()
			switch d.r.IntN(8) {
			case 3:
				d.more()
			case 4:
				d.forget()
			case 0:
				d.kill()
				d.seen.kills++
				d.start()
			case 1:
				d.crash()
			case 2:
				d.settle()
			}
		}
		d.time.pass(upkeepEvery)
		d.settle()
		d.passing(d.walked)
		d.settle()
		d.check(now)
		if d.t.Failed() {
			return
		}
	}
}

// walked waits until no space walks through its keys.
func (d *drawn) walked(ctx context.Context) error {
	for walks := true; walks; {
		walks = false
		for _, src := range d.all() {
			if err := src.do(ctx, func(context.Context) error {
				walks = walks || slices.ContainsFunc(src.main.spaces, func(x *space) bool { return x.walks })
				return nil
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// start begins a stream, where there is none.
func (d *drawn) start() {
	if d.Stream != nil && d.Err() == nil {
		return
	}
	if d.live == nil {
		for _, s := range d.streams {
			d.live = append(d.live, &plan.Stream{Source: s.Source, Spaces: s.Spaces[:d.r.IntN(len(s.Spaces)+1)]})
		}
	}
	s, err := Open(d.t.Context(), d.o, d.live)
	for errors.Is(err, store.ErrUnavailable) {
		s, err = Open(d.t.Context(), d.o, d.live)
	}
	if err != nil {
		d.t.Fatalf("seed %d: %v", d.seed, err)
	}
	d.Stream = s
}

// more defines all spaces that there are: new ones are filled from the log.
func (d *drawn) more() {
	for i, s := range d.streams {
		if len(d.live[i].Spaces) < len(s.Spaces) {
			d.seen.added++
		}
	}
	d.live = slices.Clone(d.streams)
	d.passing(func(ctx context.Context) error { return d.Reconfigure(ctx, d.live) })
}

// passing has something done while time goes by, again while the store is out of reach.
func (d *drawn) passing(do func(context.Context) error) {
	d.t.Helper()
	d.store.mu.Lock()
	flaky := d.store.flaky != nil
	d.store.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		err := do(d.t.Context())
		for errors.Is(err, store.ErrUnavailable) {
			err = do(d.t.Context())
		}
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				d.t.Fatalf("seed %d: %v", d.seed, err)
			}
			return
		default:
			if flaky {
				d.time.pass(lastRetry)
			}
			runtime.Gosched()
		}
	}
}

// forget drops a space, which may come again.
func (d *drawn) forget() {
	if len(d.live) == 0 {
		return
	}
	i := d.r.IntN(len(d.live))
	spaces := d.live[i].Spaces
	if len(spaces) == 0 {
		return
	}
	k := d.r.IntN(len(spaces))
	d.passing(func(ctx context.Context) error { return d.Forget(ctx, 0, spaces[k].ID) })
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	for at := range d.store.places {
		if at.space == spaces[k].ID {
			d.t.Fatalf("seed %d: %v is left of a space that was forgotten", d.seed, at)
		}
	}
	d.live[i] = &plan.Stream{Source: d.live[i].Source, Spaces: slices.Delete(slices.Clone(spaces), k, k+1)}
}

func (d *drawn) settle() { d.passing(d.Flush) }

// crash ends the stream within a write.
func (d *drawn) crash() {
	d.seen.crashes++
	d.store.mu.Lock()
	d.store.crash, d.store.puts = d.r.IntN(3), d.r.IntN(7)
	d.store.mu.Unlock()
	d.passing(func(ctx context.Context) error { _ = d.Flush(ctx); return nil })
	d.kill()
	d.store.mu.Lock()
	d.store.crash, d.store.broken = -1, nil
	d.store.mu.Unlock()
	d.start()
}

func (d *drawn) push() {
	for _, s := range d.streams {
		name := s.Source.Name
		rows := d.pending[name]
		n := min(len(rows), d.r.IntN(12))
		if n == 0 {
			continue
		}
		d.pushRows(s.Source, rows[:n])
		if d.r.IntN(5) == 0 { // and some again
			d.pending[name] = append(d.pending[name], rows[:n]...)
		}
		d.pending[name] = d.pending[name][n:]
	}
}

// pushRows pushes typed rows, or rows as JSON.
func (d *drawn) pushRows(src *feature.Source, rows [][]value.Value) {
	if d.r.IntN(2) == 0 {
		if _, err := d.PushRows(d.t.Context(), src.Name, value.BatchOf(src.Schema, rows), ""); err != nil {
			d.t.Fatal(err)
		}
		return
	}
	var body []byte
	for _, row := range rows {
		body = append(body, '{')
		for i, f := range src.Schema {
			if !row[i].IsNull() || d.r.IntN(2) == 0 {
				body = value.AppendJSON(append(value.AppendJSON(body, value.OfString(f.Name)), ':'), row[i])
				body = append(body, ',')
			}
		}
		body = append(bytes.TrimSuffix(body, []byte(",")), '}', '\n')
	}
	got, err := d.Push(d.t.Context(), src.Name, body, "")
	if err != nil || len(got) != 1 || len(got[0].Rejected) > 0 {
		d.t.Fatalf("seed %d: %+v, %v of\n%s", d.seed, got, err, body)
	}
}
