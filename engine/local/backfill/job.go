package backfill

import (
	"context"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/local/exchange"
	"github.com/bighead-ml/bighead/engine/local/team"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// job is one scan: for some days, what is to be made of them.
type job struct {
	run     *run
	src     *source
	days    []stretch // ascending
	targets []*target
	columns []string // to read
	schema  value.Schema
	wide    bool // whole rows are read, because copies differ (E3)
	slots   int  // buckets of days
	bits    int  // each slot has 2^bits buckets of keys

	mu        sync.Mutex
	contested []int64 // days in which copies differ
}

// target is what a job makes of one set.
type target struct {
	job    *job
	set    *set
	folds  []int
	files  []*fileKind
	layout layout
	store  *exchange.Store // rows by day and key
	copies *exchange.Store // rows by day and id, where a day's keys are shared out; nil: copies are told with the keys
	commit *committer
}

// fileKind is the folds whose tiles are of one length: they stand in one file.
type fileKind struct {
	step    int64
	folds   []int // indexes into the target's
	columns []tiletable.Column
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

func (r *run) newJob(s *source, needs []need) *job {
	j := &job{run: r, src: s}
	want := map[string]bool{}
	for _, n := range needs {
		t := &target{job: j, set: n.set, folds: n.folds}
		for k, i := range n.folds {
			step := n.set.plan.Folds[i].Step
			f := slices.IndexFunc(t.files, func(f *fileKind) bool { return f.step == step })
			if f < 0 {
				f = len(t.files)
				t.files = append(t.files, &fileKind{step: step})
			}
			t.files[f].folds = append(t.files[f].folds, k)
			t.files[f].columns = append(t.files[f].columns, n.set.columns[i])
		}
		j.targets = append(j.targets, t)
		for _, c := range n.set.plan.Read(n.folds) {
			want[c] = true
		}
	}
	j.read(func(name string) bool { return want[name] })
	return j
}

// read says which columns are read.
func (j *job) read(want func(name string) bool) {
	j.columns, j.schema = []string{}, nil
	for _, f := range j.src.source.Schema {
		if want(f.Name) {
			j.columns, j.schema = append(j.columns, f.Name), append(j.schema, f)
		}
	}
}

// parts are the files that the job reads.
func (j *job) parts() []int {
	var out []int
	for _, d := range j.days {
		out = append(out, d.parts...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// rows is about how many rows the files have.
func (j *job) rows() int64 {
	n := int64(0)
	for _, i := range j.parts() {
		p := j.src.table.Parts()[i]
		if p.Rows >= 0 {
			n += p.Rows
		} else {
			n += p.Size / textRow
		}
	}
	return n
}

// stretchOf finds the stretch that a day lies in.
func (j *job) stretchOf(day int64) *stretch {
	i, found := slices.BinarySearchFunc(j.days, day, func(s stretch, day int64) int { return int(min(max(s.from-day, -1), 1)) })
	if !found {
		i--
	}
	if i < 0 || day >= j.days[i].to {
		return nil
	}
	return &j.days[i]
}

// slot is the bucket of a day.
func (j *job) slot(day int64) int { return int(uint64(day-j.days[0].from) % uint64(j.slots)) }

// prepare lays out the waiting rows and makes the stores for them.
func (j *job) prepare() {
	days := int64(0)
	for _, d := range j.days {
		days = min(days+d.to-d.from, 1<<20)
	}
	j.slots = int(min(int64(j.run.options.Slots), days))
	perDay := j.rows() / max(1, min(days, 1<<12))
	j.bits = min(bits.Len64(uint64(perDay/j.run.options.BucketRows)), 6)
	for _, t := range j.targets {
		t.prepare()
	}
}

func (t *target) prepare() {
	p, s := t.set.plan, t.job.src.source
	l := layout{keys: len(p.Keys), id: -1, row: -1, inputs: map[int]int{}, wheres: map[int]int{}, bys: map[int]int{}}
	name := func(what string) string { return s.Name + " by " + strings.Join(t.set.keyNames(), ", ") + ": " + what }
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
	for _, i := range t.folds {
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
	t.commit = &committer{target: t}
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
			t.commit.abort()
			t.store.Drop()
			if t.copies != nil {
				t.copies.Drop()
			}
		}
	}()
	if parts := j.parts(); len(parts) > 0 {
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
		if err := t.commit.finish(); err != nil {
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
	w := j.run.newJob(j.src, j.days[0].needs)
	w.wide = true
	w.read(func(string) bool { return true })
	for _, day := range j.contested {
		st := *j.stretchOf(day)
		st.from, st.to = day, day+1
		w.days = append(w.days, st)
	}
	return w
}

// ranges let the table skip what lies outside the job's days.
func (j *job) ranges() []dataset.Range {
	name, ok := j.src.source.Time.Column()
	if !ok {
		return nil
	}
	clamp := func(ms int64) value.Value {
		return value.OfTimestamp(min(max(ms, value.MinTimestamp), value.MaxTimestamp))
	}
	return []dataset.Range{{Column: name, Min: clamp(j.days[0].from * value.DayMS), Max: clamp(j.days[len(j.days)-1].to*value.DayMS - 1)}}
}
