package serve

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve/breaker"
	"github.com/bighead-ml/bighead/value"
)

// Second is L2: what keys came to, kept beside the store and apart from this process, so that a server that has just begun has a last word too
// while the store fails. It is a cache: it may forget anything at any time. It is safe for concurrent use.
type Second interface {
	// Get is what is kept under each of the names; nil: nothing is.
	Get(ctx context.Context, names []string) ([][]byte, error)
	// Set keeps values for a while from now on.
	Set(ctx context.Context, entries []SecondEntry, keep time.Duration) error
}

// SecondEntry is one value under its name.
type SecondEntry struct {
	Name  string
	Bytes []byte
}

// How much waits to be written to L2, and how it goes out. What does not fit is left out and counted: no request waits for it.
const (
	secondQueue  = 4096
	secondBatch  = 256
	secondWithin = time.Second // of one write
)

// second is the server's side of L2. Its writer ends with the server.
type second struct {
	of       Second
	queue    chan SecondEntry
	keep     time.Duration
	breaker  *breaker.Breaker
	log      *slog.Logger
	hit      prometheus.Counter
	miss     prometheus.Counter
	failed   prometheus.Counter
	written  prometheus.Counter
	dropped  prometheus.Counter
	troubles sync.Once // the first failure is logged, the others are counted
}

func newSecond(of Second, keep time.Duration, m *Metrics, log *slog.Logger, now func() time.Time) *second {
	at := func(result string) prometheus.Counter { return m.cache.WithLabelValues("l2", result) }
	return &second{of: of, keep: keep, queue: make(chan SecondEntry, secondQueue), breaker: breaker.New(now), log: log,
		hit: at("hit"), miss: at("miss"), failed: at("failed"), written: at("written"), dropped: at("dropped")}
}

// run writes what comes until the context ends.
func (x *second) run(ctx context.Context) {
	batch := make([]SecondEntry, 0, secondBatch)
	for {
		select {
		case e := <-x.queue:
			batch = append(batch[:0], e)
		case <-ctx.Done():
			return
		}
	gather:
		for len(batch) < secondBatch {
			select {
			case e := <-x.queue:
				batch = append(batch, e)
			default:
				break gather
			}
		}
		x.write(ctx, batch)
	}
}

func (x *second) write(ctx context.Context, batch []SecondEntry) {
	if !x.breaker.Allow() {
		x.dropped.Add(float64(len(batch)))
		return
	}
	within, cancel := context.WithTimeout(ctx, secondWithin)
	defer cancel()
	err := x.of.Set(within, batch, x.keep)
	if x.tell(ctx, err); err != nil {
		x.dropped.Add(float64(len(batch)))
		return
	}
	x.written.Add(float64(len(batch)))
}

// tell notes how a call has ended.
func (x *second) tell(ctx context.Context, err error) {
	switch {
	case err == nil:
		x.breaker.Done(breaker.Succeeded)
	case ctx.Err() != nil:
		x.breaker.Done(breaker.GivenUp)
	default:
		x.breaker.Done(breaker.Failed)
		x.failed.Inc()
		x.troubles.Do(func() {
			x.log.WarnContext(ctx, "the second cache fails; it is tried again and this is said once", "error", err)
		})
	}
}

// secondVersion is of the encoding: what another has written is forgotten.
const secondVersion = 1

// secondName is under what L2 keeps a key of a part: the part's by what its values mean, so that servers of other definitions share nothing that
// differs.
func (p *part) secondName(key string) string {
	p.named.Do(func() {
		h := sha256.New()
		fmt.Fprintln(h, secondVersion, p.of.ID, p.kind)
		for i := range p.values {
			fmt.Fprintln(h, p.values[i].feature.Fingerprint)
		}
		p.name = hex.EncodeToString(h.Sum(nil)[:12])
	})
	return p.name + ":" + key
}

// appendSecond writes what a key came to.
func appendSecond(dst []byte, cells []cell, now int64) []byte {
	dst = append(dst, secondVersion)
	dst = binary.AppendVarint(dst, now)
	dst = binary.AppendUvarint(dst, uint64(len(cells)))
	for i := range cells {
		dst = value.Append(dst, cells[i].value)
	}
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// decodeSecond reads values of a part, and what the clock said when they were good; false: they are none.
func (p *part) decodeSecond(b []byte) (cells []value.Value, now int64, ok bool) {
	end := len(b) - crc32.Size
	if end < 1 || b[0] != secondVersion || crc32.Checksum(b[:end], castagnoli) != binary.BigEndian.Uint32(b[end:]) {
		return nil, 0, false
	}
	b = b[:end]
	now, n := binary.Varint(b[1:])
	if n <= 0 {
		return nil, 0, false
	}
	b = b[1+n:]
	count, n := binary.Uvarint(b)
	if n <= 0 || count != uint64(len(p.values)) {
		return nil, 0, false
	}
	b = b[n:]
	for i := range p.values {
		v, rest, err := value.Decode(b)
		if err != nil || !v.IsNull() && !v.HasType(p.values[i].feature.Type) {
			return nil, 0, false
		}
		cells, b = append(cells, v), rest
	}
	return cells, now, len(b) == 0
}

// tellSecond hands what a key came to, which is among the cells, on to L2, unless that was done within so many ms.
func (c *call) tellSecond(j *job, x *known, every int64) {
	l2 := c.sel.view.server.second
	if l2 == nil || c.asked != nil || c.now == plan.MinTime {
		return
	}
	last := x.told.Load()
	if last > 0 && c.now-last < every || !x.told.CompareAndSwap(last, max(c.now, 1)) {
		return
	}
	select {
	case l2.queue <- SecondEntry{j.part.secondName(j.key), appendSecond(nil, c.cells[j.cells:j.cells+len(j.part.values)], c.now)}:
	default:
		l2.dropped.Inc()
	}
}

// fromSecond answers jobs that neither the store nor L1 could, with the last that L2 knows of them, as stale; once for the whole request,
// and within the time of the least patient of them.
func (c *call) fromSecond() {
	s := c.sel.view.server
	if s.second == nil || c.asked != nil || c.now == plan.MinTime {
		return
	}
	var jobs []*job
	var names []string
	until := c.limit()
	for i := range c.jobs {
		if j := &c.jobs[i]; !j.done && !j.stale && j.key != "" {
			jobs, names = append(jobs, j), append(names, j.part.secondName(j.key))
			if own := j.part.limit(c.began, until); own.Before(until) {
				until = own
			}
		}
	}
	if len(jobs) == 0 || time.Until(until) <= 0 || !s.second.breaker.Allow() {
		return
	}
	ctx, cancel := context.WithDeadline(c.ctx, until)
	defer cancel()
	got, err := s.second.get(ctx, names)
	if s.second.tell(c.ctx, err); err != nil {
		return
	}
	for i, j := range jobs {
		c.fillSecond(j, got[i])
	}
}

// get is Get in a goroutine of its own: what does not come back must hold no answer beyond its deadline.
func (x *second) get(ctx context.Context, names []string) ([][]byte, error) {
	type answer struct {
		got [][]byte
		err error
	}
	done := make(chan answer, 1)
	go func() {
		got, err := x.of.Get(ctx, names)
		done <- answer{got, err}
	}()
	select {
	case a := <-done:
		if a.err == nil && len(a.got) != len(names) {
			return nil, fmt.Errorf("%d answers for %d names", len(a.got), len(names))
		}
		return a.got, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *call) fillSecond(j *job, b []byte) {
	s := c.sel.view.server
	values, now, ok := j.part.decodeSecond(b)
	if ok && c.now-now > s.cache.staleFor {
		ok = false
	}
	if !ok {
		s.second.miss.Inc()
		return
	}
	s.second.hit.Inc()
	cells := c.cells[j.cells : j.cells+len(values)]
	for i, v := range values {
		cells[i] = cell{v, Stale}
	}
	j.stale = true
	c.stales++
}
