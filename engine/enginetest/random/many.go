package random

import (
	"context"
	"fmt"

	"github.com/bighead-ml/bighead/engine/enginetest"
)

// many are lots of a case that are asked about by one plan, and what the oracle says of each alone and of all.
type many struct {
	options *Options
	lots    []judged
	all     *Case
	plan    *compiled
	whole   *enginetest.Judge
	asked   *Data // the rows that ask, of all lots
	wrong   int   // the lot that the last answer compared is not right about; -1: none
}

type judged struct {
	*Case
	number int
	judge  *enginetest.Judge
}

// many asks every road about all lots of a seed's case by one plan, and holds each lot's rows to the oracle's answer to that lot.
func (o *Options) many(ctx context.Context, seed uint64) (stats Stats, pairs int, failure *Failure, err error) {
	m := &many{options: o}
	stats = Stats{}
	if failure, err = m.judge(ctx, seed, stats); err != nil || failure != nil || len(m.lots) == 0 {
		return stats, 0, failure, err
	}
	if err = m.together(ctx); err != nil {
		return stats, 0, nil, err
	}
	failure, err = o.ask(ctx, m.all, m.plan, stats, nil, func(got *enginetest.Answer) (wrong []enginetest.Difference) {
		pairs, wrong = m.compare(got)
		return wrong
	})
	if failure != nil {
		err = m.blame(ctx, failure)
	}
	return stats, pairs, failure, err
}

// judge asks the oracle about each lot. One that it refuses goes alone, so that the others are asked.
func (m *many) judge(ctx context.Context, seed uint64, stats Stats) (*Failure, error) {
	for i, c := range lotsOf(seed, m.options.Lots) {
		k, err := c.compile()
		if err != nil {
			return nil, err
		}
		j, refused := c.judge(ctx, k)
		if refused == nil {
			stats.merge(c.measure(k, j))
			m.lots = append(m.lots, judged{c, i, j})
			continue
		}
		s, _, failure, err := m.options.check(ctx, c)
		stats.merge(s)
		if failure != nil && err == nil {
			err = m.options.write(ctx, c, failure)
		}
		if err != nil || failure != nil {
			return failure, err
		}
	}
	return nil, nil
}

// together makes one case of the lots, and sees that they are asked of as they are alone: what the oracle says must be the same.
func (m *many) together(ctx context.Context) (err error) {
	cases := make([]*Case, len(m.lots))
	for i, lot := range m.lots {
		cases[i] = lot.Case
	}
	m.all = together(cases)
	if m.plan, err = m.all.compile(); err != nil {
		return err
	}
	if m.whole, err = m.all.judge(ctx, m.plan); err != nil {
		return fmt.Errorf("seed %d: the oracle refuses lots together that it answers alone: %w", m.all.Seed, err)
	}
	if m.asked = m.all.Spine; m.asked == nil {
		m.asked = m.all.Tables["spine"]
	}
	if _, wrong := m.compare(m.whole.Want); len(wrong) > 0 {
		return fmt.Errorf("seed %d: the oracle's answer to lot %d depends on the others: %s", m.all.Seed, m.lots[max(m.wrong, 0)].number, wrong[0])
	}
	return nil
}

// compare holds each lot's rows of an answer to what is right of it alone, and the counts to those of all. It counts lots that have rows.
func (m *many) compare(got *enginetest.Answer) (pairs int, wrong []enginetest.Difference) {
	m.wrong = -1
	parts, err := split(got, m.asked)
	if err != nil {
		return 0, []enginetest.Difference{{Why: err.Error()}}
	}
	for i, lot := range m.lots {
		part := parts[int64(lot.number)]
		if part == nil {
			part = &enginetest.Answer{Schema: got.Schema}
		}
		if d := lot.judge.CompareRows(part); len(d) > 0 {
			m.wrong = i
			return 0, d
		}
		pairs += min(len(part.Rows), 1)
		delete(parts, int64(lot.number))
	}
	for lot := range parts {
		return 0, []enginetest.Difference{{Why: fmt.Sprintf("rows of lot %d, of which there is none", lot)}}
	}
	return pairs, m.whole.CompareReports(got)
}

// blame says which lot failed, shows it alone, and tells whether it fails alone too: then it may be shrunk.
func (m *many) blame(ctx context.Context, failure *Failure) error {
	shown := m.all
	if m.wrong < 0 { // in what is counted of all
		failure.Settings += fmt.Sprintf(", %d lots together", len(m.lots))
	} else {
		lot := m.lots[m.wrong]
		shown = lot.Case
		words := fmt.Sprintf(", lot %d of %d", lot.number, len(m.lots))
		stats, _, alone, err := m.options.check(ctx, lot.Case)
		if err == nil && alone != nil {
			*failure = *alone
			err = m.options.write(ctx, lot.Case, failure)
			failure.Settings += words + ", alone too"
			return err
		}
		how := ", and right where it is asked alone"
		if err != nil || stats.declined() {
			how = ", which was not asked alone"
		}
		failure.Settings += words + how
	}
	script, err := shown.Script(context.WithoutCancel(ctx), fmt.Sprintf("seed %d, %s", failure.Seed, failure.Settings))
	failure.Script = script
	return err
}
