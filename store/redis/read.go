package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/bighead-ml/bighead/store"
)

// A part is what is read of one hash for one range.
type part struct {
	i    int // of the range
	name string
	// fields are what is asked for, the starts of so many tiles from the first one on; none: the whole hash.
	fields []string
	first  int64
	asked  int
	answer rueidis.RedisMessage
}

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, ranges []store.Range, found func(i int, start int64, bytes []byte) error) error {
	if err := s.ended(ctx, "read"); err != nil {
		return err
	}
	if err := store.CheckRanges(ranges); err != nil {
		return err
	}
	parts := s.parts(ranges)
	groups := map[string][]*part{}
	for i := range parts {
		at := "" // one group, where all can be read at once
		if s.cluster {
			r := &ranges[parts[i].i]
			at = s.names.space(r.Space) + r.Key
		}
		groups[at] = append(groups[at], &parts[i])
	}
	if err := s.readGroups(ctx, groups); err != nil {
		return s.fail(ctx, "read", err)
	}
	var cells []cell
	for i := range parts {
		p := &parts[i]
		var err error
		if cells, err = p.cells(&ranges[p.i], cells[:0]); err != nil {
			return s.fail(ctx, "read", err)
		}
		for _, c := range cells {
			if err := found(p.i, c.start, c.bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts are the hashes that ranges touch, whether or not they are there.
func (s *Store) parts(ranges []store.Range) []part {
	var parts []part
	var w words // the name of each part, followed by its fields
	for i := range ranges {
		r := &ranges[i]
		from, to := r.Periods()
		if from > to {
			continue
		}
		line := s.names.line(r.Space, r.Key, r.Step)
		for period := from; period <= to; period++ {
			p := part{i: i}
			if r.Step > 0 {
				if first, last := r.Tiles(period); last-first < store.PeriodSteps-1 {
					p.first, p.asked = first, int(last-first+1)
				}
			}
			w.text.WriteString(line)
			w.number(period)
			for t := range int64(p.asked) {
				w.number((p.first + t) * r.Step)
			}
			parts = append(parts, p)
		}
	}
	texts := w.all()
	for i := range parts {
		p := &parts[i]
		p.name, p.fields = texts[0], texts[1:1+p.asked]
		texts = texts[1+p.asked:]
	}
	return parts
}

// words are texts that lie in one piece of memory: a read asks for hundreds of them.
type words struct {
	text strings.Builder
	ends []int
}

// number ends a word with a number.
func (w *words) number(n int64) {
	var digits [20]byte
	w.text.Write(strconv.AppendInt(digits[:0], n, 10))
	w.ends = append(w.ends, w.text.Len())
}

func (w *words) all() []string {
	all, text, from := make([]string, len(w.ends)), w.text.String(), 0
	for i, end := range w.ends {
		all[i], from = text[from:end], end
	}
	return all
}

// readGroups reads each group at one moment. Groups that are one hash need no transaction, and go together.
func (s *Store) readGroups(ctx context.Context, groups map[string][]*part) error {
	var single []*part
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	run := func(parts []*part, whole bool) {
		if err := s.again(ctx, func() error { return s.exchange(ctx, parts, whole) }); err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		}
	}
	for _, parts := range groups {
		switch {
		case len(parts) == 1:
			single = append(single, parts[0])
		case len(groups) == 1:
			run(parts, true)
		default:
			wg.Go(func() { run(parts, true) })
		}
	}
	if len(single) > 0 {
		run(single, false)
	}
	wg.Wait()
	return errors.Join(errs...)
}

// wires is how many connections the client may have to a server; after a restart each of them is found broken once.
const wires = 5

// again repeats what a connection was lost at. Reads may be repeated, and so may writes: they replace whole values, under an epoch.
func (s *Store) again(ctx context.Context, try func() error) (err error) {
	for range wires {
		err = try()
		answer := (*rueidis.RedisError)(nil)
		if err == nil || ctx.Err() != nil || errors.As(err, &answer) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return err
}

// exchange asks for parts in one round trip, and where they are to be of one moment in a transaction.
func (s *Store) exchange(ctx context.Context, parts []*part, whole bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cmds := make(rueidis.Commands, 0, len(parts)+2)
	if whole {
		cmds = append(cmds, s.client.B().Multi().Build())
	}
	for _, p := range parts {
		if len(p.fields) == 0 {
			cmds = append(cmds, s.client.B().Hgetall().Key(p.name).Build())
			continue
		}
		cmds = append(cmds, s.client.B().Hmget().Key(p.name).Field(p.fields...).Build())
	}
	if whole {
		cmds = append(cmds, s.client.B().Exec().Build())
	}
	results := s.client.DoMulti(ctx, cmds...)
	if !whole {
		for i, p := range parts {
			var err error
			if p.answer, err = results[i].ToMessage(); err != nil {
				return err
			}
		}
		return nil
	}
	answers, err := results[len(results)-1].ToArray()
	if err != nil {
		for _, r := range results { // the first says why it was aborted
			if first := r.Error(); first != nil {
				return first
			}
		}
		return err
	}
	if len(answers) != len(parts) {
		return fmt.Errorf("%d answers to %d questions", len(answers), len(parts))
	}
	for i, p := range parts {
		p.answer = answers[i]
	}
	return nil
}

// A cell is a value in a hash.
type cell struct {
	start int64
	bytes []byte
}

// cells appends what an answer holds of a range, starts ascending.
func (p *part) cells(r *store.Range, to []cell) ([]cell, error) {
	if len(p.fields) == 0 {
		return cellsOf(&p.answer, p.name, to, func(start int64) bool { return start >= r.From && start < r.To })
	}
	values, err := p.answer.ToArray()
	if err != nil {
		return nil, err
	}
	if len(values) != len(p.fields) {
		return nil, fmt.Errorf("%d values of %d fields", len(values), len(p.fields))
	}
	for i := range values {
		if values[i].IsNil() {
			continue
		}
		b, err := values[i].AsBytes()
		if err != nil {
			return nil, err
		}
		to = append(to, cell{(p.first + int64(i)) * r.Step, b})
	}
	return to, nil
}

// cellsOf appends the values of a whole hash.
func cellsOf(answer *rueidis.RedisMessage, name string, cells []cell, in func(start int64) bool) ([]cell, error) {
	fields, err := answer.AsMap()
	if err != nil {
		return nil, err
	}
	from := len(cells)
	for field, value := range fields {
		start, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return nil, mistake{fmt.Sprintf("hash %q has a field %q, which is no start: something else uses names with this prefix", name, field)}
		}
		if !in(start) {
			continue
		}
		b, err := value.AsBytes()
		if err != nil {
			return nil, err
		}
		cells = append(cells, cell{start, b})
	}
	slices.SortFunc(cells[from:], func(a, b cell) int { return cmp.Compare(a.start, b.start) })
	return cells, nil
}

// Meta implements store.Store.
func (s *Store) Meta(ctx context.Context, prefix string, found func(name string, bytes []byte) error) error {
	if err := s.ended(ctx, "read meta from"); err != nil {
		return err
	}
	var all map[string]string
	err := s.again(ctx, func() (err error) {
		all, err = s.do(ctx, s.client, s.client.B().Hgetall().Key(s.names.meta()).Build()).AsStrMap()
		return err
	})
	if err != nil {
		return s.fail(ctx, "read meta from", err)
	}
	var those []string
	for name := range all {
		if strings.HasPrefix(name, prefix) {
			those = append(those, name)
		}
	}
	slices.Sort(those)
	for _, name := range those {
		if err := found(name, []byte(all[name])); err != nil {
			return err
		}
	}
	return nil
}
