package random

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Road makes an engine with drawn settings, and says in words what they are.
type Road struct {
	Name string
	Open func(settings *rand.Rand) (road engine.Engine, words string)
}

// Options say how many cases are run, and on what.
type Options struct {
	Seed    uint64 // of the first case
	Cases   int
	Lots    int // of rows that each case's definitions are asked about by one plan; 0: 1
	Roads   []Road
	Tries   int // how often each road is asked, with other settings and another order of rows; 0: once
	Workers int // cases at once; 0: 1
	// Failures is after how many the run stops; 0: at the first.
	Failures int
	// Whole leaves a failing case as it was drawn, which is quicker.
	Whole bool
	// Progress, where not nil, hears how many cases are done.
	Progress func(done int)
}

// Report is what came of a run.
type Report struct {
	Cases int // definitions
	// Pairs counts the lots of which a road gave at least one row, which was compared; Answered the definitions that they are of.
	Pairs, Answered int

	Stats    Stats
	Failures []Failure // by seed
}

// Failure is a case on which a road was not right, shrunk to a script.
type Failure struct {
	Seed        uint64
	Settings    string
	Script      string
	Differences []enginetest.Difference
}

// String is the failure with its script.
func (f Failure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %s\n", f.Seed, f.Settings)
	for _, d := range f.Differences {
		fmt.Fprintf(&b, "    %s\n", d)
	}
	return b.String() + f.Script
}

// Run runs cases from the seed on. The error is of a cancelled context, or of a case that should not have been drawn.
func Run(ctx context.Context, o Options) (*Report, error) {
	o.Tries, o.Workers, o.Failures = max(o.Tries, 1), max(o.Workers, 1), max(o.Failures, 1)
	r := &Report{Stats: Stats{}}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	var group sync.WaitGroup
	seeds := make(chan uint64)
	for range o.Workers {
		group.Go(func() {
			for seed := range seeds {
				stats, pairs, failure, err := o.one(ctx, seed)
				mu.Lock()
				r.Stats.merge(stats)
				r.Cases++
				r.Pairs, r.Answered = r.Pairs+pairs, r.Answered+min(pairs, 1)
				if failure != nil {
					r.Failures = append(r.Failures, *failure)
				}
				if err != nil || len(r.Failures) >= o.Failures {
					stop(err)
				}
				if o.Progress != nil {
					o.Progress(r.Cases)
				}
				mu.Unlock()
			}
		})
	}
	for n := 0; n < o.Cases && ctx.Err() == nil; n++ {
		seeds <- o.Seed + uint64(n)
	}
	close(seeds)
	group.Wait()
	slices.SortFunc(r.Failures, func(a, b Failure) int { return int(int64(a.Seed - b.Seed)) })
	if err := context.Cause(ctx); err != nil && (len(r.Failures) == 0 || !errors.Is(err, context.Canceled)) {
		return r, err
	}
	return r, nil
}

// one runs the case of a seed on every road.
func (o *Options) one(ctx context.Context, seed uint64) (Stats, int, *Failure, error) {
	if o.Lots > 1 {
		return o.many(ctx, seed)
	}
	c := New(seed)
	stats, pairs, failure, err := o.check(ctx, c)
	if err != nil || failure == nil {
		return stats, pairs, nil, err
	}
	return stats, pairs, failure, o.write(ctx, c, failure)
}

// write shrinks a failing case, if it may, and has the failure show its script.
func (o *Options) write(ctx context.Context, c *Case, failure *Failure) error {
	if !o.Whole {
		var small *Failure
		c, small = o.shrink(ctx, c, failure)
		*failure = *small
	}
	var err error
	failure.Script, err = c.Script(context.WithoutCancel(ctx), fmt.Sprintf("seed %d, %s", c.Seed, failure.Settings))
	return err
}

// check asks the oracle and every road, and gives the first answer that is not right.
func (o *Options) check(ctx context.Context, c *Case) (Stats, int, *Failure, error) {
	k, err := c.compile()
	if err != nil {
		return nil, 0, nil, err
	}
	j, refused := c.judge(ctx, k)
	var stats Stats
	if refused == nil {
		stats = c.measure(k, j)
	} else {
		stats = Stats{"cases": 1, "cases: refused": 1}
	}
	pairs := 0
	failure, err := o.ask(ctx, c, k, stats, refused, func(got *enginetest.Answer) []enginetest.Difference {
		pairs = min(len(got.Rows), 1)
		return j.Compare(got)
	})
	return stats, pairs, failure, err
}

// ask asks every road for a case, and gives the first answer that differs.
func (o *Options) ask(ctx context.Context, c *Case, k *compiled, stats Stats, refused error, differ func(*enginetest.Answer) []enginetest.Difference) (*Failure, error) {
	for n := range o.Tries {
		for _, road := range o.Roads {
			settings := rand.New(rand.NewPCG(c.Seed, uint64(n)))
			e, words := road.Open(settings)
			in := c.shuffled(k, settings)
			got, err := enginetest.Ask(ctx, e, k.plan, in)
			failure := &Failure{Seed: c.Seed, Settings: road.Name + " with " + words}
			var declined enginetest.Declined
			switch {
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case errors.As(err, &declined):
				stats.add("declined on "+road.Name+": "+string(declined), 1)
			case err != nil && refused == nil:
				failure.Differences = []enginetest.Difference{{Road: road.Name, Why: err.Error()}}
			case err == nil && refused != nil:
				failure.Differences = []enginetest.Difference{{Road: road.Name, Why: "rows where the oracle refuses: " + refused.Error()}}
			case err == nil:
				failure.Differences = differ(got)
				stats.add("bytes spilled", got.Report.Spilled)
				stats.add("cases: spilled", one(got.Report.Spilled > 0))
			}
			if len(failure.Differences) > 0 {
				for i := range failure.Differences {
					failure.Differences[i].Road = road.Name
				}
				return failure, nil
			}
		}
	}
	return nil, nil
}

// shuffled are the inputs with the rows of every source in another order and in other parts.
func (c *Case) shuffled(k *compiled, settings *rand.Rand) engine.Inputs {
	in := k.in
	seed := settings.Uint64()
	in.Open = func(_ context.Context, at feature.Place, _ value.Schema) (dataset.Table, error) {
		d, ok := c.Tables[at.Path]
		if !ok {
			return nil, fmt.Errorf("no table %q", at.Path)
		}
		if at.Path == "spine" {
			return enginetest.NewTable(d.Schema, d.Parts...), nil
		}
		return enginetest.NewTable(d.Schema, shuffle(rand.New(rand.NewPCG(seed, uint64(len(at.Path)))), d.Parts)...), nil
	}
	return in
}

// shuffle arranges rows anew; partitions keep their own.
func shuffle(r *rand.Rand, parts []enginetest.Part) []enginetest.Part {
	var out []enginetest.Part
	var loose [][]value.Value
	for _, p := range parts {
		if p.Partition == nil {
			loose = append(loose, p.Rows...)
			continue
		}
		rows := slices.Clone(p.Rows)
		r.Shuffle(len(rows), func(a, b int) { rows[a], rows[b] = rows[b], rows[a] })
		out = append(out, enginetest.Part{Rows: rows, Partition: p.Partition})
	}
	r.Shuffle(len(loose), func(a, b int) { loose[a], loose[b] = loose[b], loose[a] })
	for len(loose) > 0 {
		n := 1 + r.IntN(len(loose))
		out = append(out, enginetest.Part{Rows: loose[:n:n]})
		loose = loose[n:]
	}
	r.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	if len(out) == 0 {
		out = []enginetest.Part{{}}
	}
	return out
}
