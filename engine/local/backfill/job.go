package backfill

import (
	"context"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// job is one scan, and where its rows wait.
type job struct {
	*cells.Job
	run     *run
	targets []*target
	wide    bool // whole rows are read, because copies differ (E3)
	slots   int  // buckets of days
	bits    int  // each slot has 2^bits buckets of keys

	mu        sync.Mutex
	contested []int64 // days in which copies differ
}

// target is what a job makes of one set.
type target struct {
	*cells.Target
	job    *job
	layout layout
	store  *exchange.Store // rows by day and key
	copies *exchange.Store // rows by day and id, where a day's keys are shared out; nil: copies are told with the keys
	commit *cells.Committer
}

// layout is which columns a waiting row has, beside its day and its time: the key's first.
type layout struct {
	keys   int
	id     int   // index, −1: none
	order  []int // the parts of order_by
	inputs map[int]int
	wheres map[int]int
	bys    map[int]int
	row    int // all columns as one text that compares as they do; −1: not read
	exprs  []*expr.Expr
	names  []string // of what is computed, for reports
	types  []value.Type
}

func (l *layout) add(what string, e *expr.Expr) int {
	l.exprs, l.names, l.types = append(l.exprs, e), append(l.names, what), append(l.types, e.Type())
	return len(l.types) - 1
}

func newJob(r *run, of *cells.Job, wide bool) *job {
	j := &job{Job: of, run: r, wide: wide}
	for _, t := range of.Targets {
		j.targets = append(j.targets, &target{Target: t, job: j})
	}
	return j
}

// slot is the bucket of a day.
func (j *job) slot(day int64) int { return int(uint64(day-j.Days[0].From) % uint64(j.slots)) }

// prepare lays out the waiting rows and makes the stores for them.
func (j *job) prepare() {
	days := int64(0)
	for _, d := range j.Days {
		days = min(days+d.To-d.From, 1<<20)
	}
	j.slots = int(min(int64(j.run.options.Slots), days))
	perDay := j.Rows() / max(1, min(days, 1<<12))
	j.bits = min(bits.Len64(uint64(perDay/j.run.options.BucketRows)), 6)
	for _, t := range j.targets {
		t.prepare()
	}
}

func (t *target) prepare() {
	p, s := t.Set.Plan, t.job.Source.Source
	l := layout{keys: len(p.Keys), id: -1, row: -1, inputs: map[int]int{}, wheres: map[int]int{}, bys: map[int]int{}}
	name := func(what string) string { return s.Name + " by " + strings.Join(t.Set.KeyNames(), ", ") + ": " + what }
	for _, k := range p.Keys {
		l.add(k.Name, expr.Column(k.Name, k.Type))
	}
	if s.ID != "" {
		l.id = l.add(s.ID, column(s.Schema, s.ID))
	}
	one := func(at map[int]int, i int, what string, e *expr.Expr) {
		if _, ok := at[i]; !ok {
			at[i] = l.add(name(what), e)
		}
	}
	for _, i := range t.Folds {
		f := &p.Folds[i]
		if f.Input >= 0 {
			one(l.inputs, f.Input, p.Inputs[f.Input].String(), p.Inputs[f.Input])
		}
		if f.Where >= 0 {
			one(l.wheres, f.Where, "where "+p.Wheres[f.Where].String(), p.Wheres[f.Where])
		}
		if f.By >= 0 {
			one(l.bys, f.By, p.Bys[f.By], column(s.Schema, p.Bys[f.By]))
		}
		if f.Ordered() && l.order == nil {
			for _, e := range s.OrderBy {
				l.order = append(l.order, l.add(name("order_by"), e))
			}
		}
	}
	if t.job.wide {
		l.row = len(l.types)
		l.types = append(l.types, value.Bytes)
	}
	t.layout = l
	pool := t.job.run.pool
	t.store = pool.NewStore(l.types, t.job.slots<<t.job.bits)
	if l.id >= 0 && t.job.bits > 0 {
		t.copies = pool.NewStore(l.types, t.job.slots<<t.job.bits)
	}
	t.commit = t.Committer()
}

func column(s value.Schema, name string) *expr.Expr {
	typ, ok := s.Lookup(name)
	if !ok {
		panic("backfill: no column " + name)
	}
	return expr.Column(name, typ)
}

// do reads the rows and makes the tiles. again is a job for the days in which copies differ, nil if there are none.
func (j *job) do(ctx context.Context) (again *job, err error) {
	j.prepare()
	defer func() {
		for _, t := range j.targets {
			t.commit.Abort()
			t.store.Drop()
			if t.copies != nil {
				t.copies.Drop()
			}
		}
	}()
	if parts := j.Parts(); len(parts) > 0 {
		if err := j.scan(ctx, parts); err != nil {
			return nil, err
		}
	}
	for _, t := range j.targets {
		if err := t.tellCopies(ctx); err != nil {
			return nil, err
		}
	}
	for _, t := range j.targets {
		t.store.Seal()
		if err := team.Each(ctx, j.run.options.Threads, j.slots, func(_, slot int) error { return t.slot(slot) }); err != nil {
			return nil, err
		}
	}
	again = j.withWholeRows()
	for _, t := range j.targets {
		if err := t.commit.Finish(j.contested); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// withWholeRows is the job for the days in which copies differ, which reads all columns.
func (j *job) withWholeRows() *job {
	if len(j.contested) == 0 {
		return nil
	}
	slices.Sort(j.contested)
	j.contested = slices.Compact(j.contested)
	return newJob(j.run, j.Again(j.contested), true)
}
