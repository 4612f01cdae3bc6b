package storetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/store"
)

// A place is where a value lies.
type place struct {
	space, key  string
	step, start int64
}

// A held value is what the model knows of a place. A loose one may be gone already: it has expired and its period has not.
type held struct {
	bytes string
	kept  bool
	loose bool
}

// A model is what a store must hold after some history.
type model struct {
	*client
	values map[place]held
	metas  map[string]string
	epoch  int64
}

var (
	modelSpaces = []string{"s", "s:", "\x00"}
	modelKeys   = []string{"", "a", "a\x00", "a\x00\xff", "ab", "\xff", "a}"}
	modelSteps  = []int64{minute, 60 * minute, 1, 0, -1}
	modelMetas  = []string{"a", "ab", "a\xff", "b"}
)

// testModel draws histories and compares each answer with a map's.
func testModel(t *testing.T, fresh func(t testing.TB) Open) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{client: newClient(rapidTB{t, rt}, fresh), values: map[place]held{}, metas: map[string]string{}}
		defer func() {
			if m.Store != nil {
				if err := m.Close(); err != nil {
					rt.Errorf("close: %v", err)
				}
				m.Store = nil
			}
		}()
		lasting := m.Traits().Lasting
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.drawWrite, "read": m.drawRead, "scan": m.drawScan, "meta": m.drawMeta, "expire": m.drawExpire, "fence": m.drawFence,
			"drop": func(rt *rapid.T) { m.drop(rt, rapid.SampledFrom(modelSpaces).Draw(rt, "space")) },
			"reopen": func(rt *rapid.T) {
				if !lasting {
					rt.Skip("not lasting")
				}
				m.reopen()
			},
		})
	})
}

// rapidTB lets helpers that want a test fail the drawn case, so that it shrinks.
type rapidTB struct {
	testing.TB
	rt *rapid.T
}

func (t rapidTB) Helper()                      { t.rt.Helper() }
func (t rapidTB) Errorf(f string, args ...any) { t.rt.Errorf(f, args...) }
func (t rapidTB) Error(args ...any)            { t.rt.Error(args...) }
func (t rapidTB) Fatalf(f string, args ...any) { t.rt.Fatalf(f, args...) }
func (t rapidTB) Fatal(args ...any)            { t.rt.Fatal(args...) }

// drawStart draws a start of the step: mostly a few periods around zero, now and then an end of time.
func drawStart(rt *rapid.T, step int64) int64 {
	unit := max(step, 1)
	switch rapid.IntRange(0, 19).Draw(rt, "end") {
	case 18:
		return math.MinInt64 / unit * unit
	case 19:
		return (math.MaxInt64 - 1) / unit * unit
	}
	return rapid.Int64Range(-2*store.PeriodSteps, 2*store.PeriodSteps).Draw(rt, "tile") * unit
}

// drawTime draws the end of a range: a start, or a little beside one, or open.
func drawTime(rt *rapid.T, step int64) int64 {
	switch rapid.IntRange(0, 9).Draw(rt, "open") {
	case 8:
		return math.MinInt64
	case 9:
		return math.MaxInt64
	}
	t, beside := drawStart(rt, step), rapid.Int64Range(-1, 1).Draw(rt, "beside")
	if t == math.MinInt64 && beside < 0 {
		return t
	}
	return t + beside
}

func (m *model) drawWrite(rt *rapid.T) {
	w := &store.Write{Epoch: max(0, m.epoch+rapid.Int64Range(-1, 1).Draw(rt, "epoch")), Sync: rapid.IntRange(0, 9).Draw(rt, "sync") == 0}
	for range rapid.IntRange(0, 30).Draw(rt, "puts") {
		p := store.Put{Space: rapid.SampledFrom(modelSpaces).Draw(rt, "space"), Key: rapid.SampledFrom(modelKeys).Draw(rt, "key"), Step: rapid.SampledFrom(modelSteps).Draw(rt, "step")}
		p.Start = drawStart(rt, p.Step)
		p.Bytes = drawBytes(rt)
		p.Keep = rapid.SampledFrom([]int64{0, 0, 0, 3_600_000}).Draw(rt, "keep")
		w.Puts = append(w.Puts, p)
	}
	for range rapid.IntRange(0, 2).Draw(rt, "metas") {
		w.Meta = append(w.Meta, store.MetaPut{Name: rapid.SampledFrom(modelMetas).Draw(rt, "name"), Bytes: drawBytes(rt)})
	}
	err := m.Write(context.Background(), w)
	if w.Epoch < m.epoch {
		if !errors.Is(err, store.ErrFenced) {
			rt.Fatalf("write of epoch %d below %d: %v", w.Epoch, m.epoch, err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("write: %v", err)
	}
	m.apply(w)
}

func drawBytes(rt *rapid.T) []byte {
	if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
		return nil
	}
	return append([]byte{}, strings.Repeat(rapid.StringN(0, 3, 9).Draw(rt, "bytes"), rapid.SampledFrom([]int{1, 1, 1, 500}).Draw(rt, "times"))...)
}

func (m *model) apply(w *store.Write) {
	m.epoch = w.Epoch
	for _, p := range w.Puts {
		at := place{p.Space, p.Key, p.Step, p.Start}
		if p.Bytes == nil {
			delete(m.values, at)
			continue
		}
		m.values[at] = held{bytes: string(p.Bytes), kept: p.Keep > 0}
	}
	for _, p := range w.Meta {
		if p.Bytes == nil {
			delete(m.metas, p.Name)
			continue
		}
		m.metas[p.Name] = string(p.Bytes)
	}
}

func (m *model) drawRead(rt *rapid.T) {
	ranges := make([]store.Range, rapid.IntRange(0, 12).Draw(rt, "ranges"))
	for i := range ranges {
		r := &ranges[i]
		*r = store.Range{Space: rapid.SampledFrom(modelSpaces).Draw(rt, "space"), Key: rapid.SampledFrom(modelKeys).Draw(rt, "key"), Step: rapid.SampledFrom(modelSteps).Draw(rt, "step")}
		r.From, r.To = drawTime(rt, r.Step), drawTime(rt, r.Step)
		if store.CheckRanges(ranges[i:i+1]) != nil { // wider than a read may be
			r.To = r.From + 4*store.PeriodSteps*r.Step
		}
	}
	got := map[int]map[place]string{}
	for _, c := range m.read(ranges...) {
		if got[c.i] == nil {
			got[c.i] = map[place]string{}
		}
		got[c.i][place{ranges[c.i].Space, c.key, ranges[c.i].Step, c.start}] = c.bytes
	}
	for i, r := range ranges {
		m.compare(rt, got[i], func(p place) bool {
			return p.space == r.Space && p.key == r.Key && p.step == r.Step && p.start >= r.From && p.start < r.To
		})
	}
}

func (m *model) drawScan(rt *rapid.T) {
	space, step := rapid.SampledFrom(modelSpaces).Draw(rt, "space"), rapid.SampledFrom(modelSteps).Draw(rt, "step")
	got := map[place]string{}
	for _, c := range m.scan(space, step) {
		got[place{space, c.key, step, c.start}] = c.bytes
	}
	m.compare(rt, got, func(p place) bool { return p.space == space && p.step == step })
}

// compare fails unless got is what the model holds of some places, loose ones at will.
func (m *model) compare(rt *rapid.T, got map[place]string, of func(place) bool) {
	for p, b := range got {
		if h, ok := m.values[p]; !ok || h.bytes != b {
			rt.Errorf("%+v: found %q, want %+v (%v)", p, b, h, ok)
		}
	}
	for p, h := range m.values {
		if _, ok := got[p]; !ok && !h.loose && of(p) {
			rt.Errorf("%+v: not found, want %q", p, h.bytes)
		}
	}
}

func (m *model) drawMeta(rt *rapid.T) {
	prefix := rapid.SampledFrom(append([]string{""}, modelMetas...)).Draw(rt, "prefix")
	var want []string
	for n, b := range m.metas {
		if strings.HasPrefix(n, prefix) {
			want = append(want, n+"="+b)
		}
	}
	got := m.meta(prefix)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		rt.Errorf("meta %q: got %q, want %q", prefix, got, want)
	}
}

func (m *model) drawExpire(rt *rapid.T) {
	space, step := rapid.SampledFrom(modelSpaces).Draw(rt, "space"), rapid.SampledFrom(modelSteps).Draw(rt, "step")
	before := drawTime(rt, step)
	if err := m.Expire(context.Background(), space, step, before); err != nil {
		rt.Fatalf("expire: %v", err)
	}
	for p, h := range m.values {
		if p.space != space || p.step != step || p.start >= before {
			continue
		}
		if step <= 0 || store.Period(step, p.start) < store.Expired(step, before) && !h.kept {
			delete(m.values, p)
			continue
		}
		h.loose = true
		m.values[p] = h
	}
}

func (m *model) drawFence(rt *rapid.T) {
	epoch := max(0, m.epoch+rapid.Int64Range(-1, 1).Draw(rt, "epoch"))
	switch err := m.Fence(context.Background(), epoch); {
	case epoch < m.epoch && !errors.Is(err, store.ErrFenced), epoch >= m.epoch && err != nil:
		rt.Fatalf("fence at %d by %d: %v", m.epoch, epoch, err)
	}
	m.epoch = max(m.epoch, epoch)
}

func (m *model) drop(rt *rapid.T, space string) {
	if err := m.Drop(context.Background(), space); err != nil {
		rt.Fatalf("drop: %v", err)
	}
	for p := range m.values {
		if p.space == space {
			delete(m.values, p)
		}
	}
}
