package spark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/feature"
)

// The counts of a join's source are a query of their own over the same steps, after the rows: what became of the source's rows (E1, E3), and
// which of them belong to keys that are asked for.

// counts prints that query: the join's number, then what countSources reads.
func (p *printer) counts() {
	var union []string
	done := map[*feature.Source]bool{}
	for i, j := range p.joins {
		ofRead, ofKept := p.sourceNulls(j, !done[j.plan.Scan.Source])
		done[j.plan.Scan.Source] = true
		p.query.sources = append(p.query.sources, j.made)
		union = append(union, fmt.Sprintf("select %d as `join`, read.*, copies.*, used.*, made.*\nfrom (%s) read\ncross join (%s) copies\ncross join (%s) used\ncross join (%s) made",
			i, p.lost(j, arrayOf(ofRead)+" as made_read"), p.copied(j), used(j), madeOf(j, ofKept)))
	}
	if len(union) == 0 {
		return
	}
	q := &Query{steps: slices.Clone(p.query.steps)}
	q.steps = append(q.steps, step{of: "what became of the rows of each source", sql: strings.Join(union, "\nunion all\n")})
	p.query.counts = q
}

// lost counts rows and those that E1 drops, each by the first reason.
func (p *printer) lost(j *joined, more ...string) string {
	s := j.plan.Scan.Source
	whole := []string{}
	for _, k := range j.plan.Keys {
		whole = append(whole, name(k)+" is not null")
	}
	key, where, known := strings.Join(whole, " and "), "true", "true"
	if s.Where != nil {
		where = "coalesce(" + p.counting(s) + ", false)"
	}
	if s.KnownAt != nil {
		known = "`#known` is not null"
	}
	out := append(columns(more), "count(*) as row_count")
	before := ""
	for _, c := range []struct{ condition, as string }{{name(tsColumn) + " is not null", "null_time"}, {key, "null_key"}, {where, "not_where"}, {known, "null_known_at"}} {
		out.add("count_if("+before+"not ("+c.condition+"))", c.as)
		before += "(" + c.condition + ") and "
	}
	return "select " + strings.Join(out, ", ") + " from " + j.name("timed")
}

// madeOf counts the nulls that are made of the rows that count.
func madeOf(j *joined, counts []string) string {
	return countsOf(counts, "made_counting", j.name("kept"))
}

// countsOf are counts of a step's rows as one column, without reading them where there are none.
func countsOf(counts []string, as, step string) string {
	if len(counts) == 0 {
		return "select " + arrayOf(nil) + " as " + as
	}
	return "select " + arrayOf(counts) + " as " + as + " from " + step
}

// copied counts the copies of E3, and the rows of one id and other times.
func (p *printer) copied(j *joined) string {
	s := j.plan.Scan.Source
	if s.ID == "" {
		return "select 0L as duplicates, 0L as conflicts"
	}
	typ, _ := s.Schema.Lookup(s.ID)
	moments := fmt.Sprintf("(select id, count(*) as copies from (select %s as id, %s as ts from %s where %s is not null) group by id, ts)", ordered(name(s.ID), typ), name(tsColumn), j.name("kept"), name(s.ID))
	return "select coalesce(sum(copies - 1), 0L) as duplicates, count(*) - count(distinct id) as conflicts from " + moments
}

// used counts the events whose key a row asks for, and those of them that share key and time with another where nothing else decides (E2).
func used(j *joined) string {
	var on, keys []string
	for i := range j.plan.On {
		keys = append(keys, fmt.Sprintf("e.`#k%d`", i))
		on = append(on, fmt.Sprintf("e.`#k%d` = a.`#k%d`", i, i))
	}
	ties := "0L"
	if len(j.plan.Scan.Source.OrderBy) == 0 {
		ties = "coalesce(sum(if(same > 1, same, 0L)), 0L)"
	}
	moments := fmt.Sprintf("select e.%s as ts, count(*) as same from %s e left semi join %s a on %s group by %s, e.%s",
		name(tsColumn), j.name("events"), j.name("asked"), strings.Join(on, " and "), strings.Join(keys, ", "), name(tsColumn))
	return fmt.Sprintf("select (select count(*) from %s) as event_count, coalesce(sum(same), 0L) as used_count, min(ts) as earliest, max(ts) as latest, %s as ties from (%s)",
		j.name("events"), ties, moments)
}

// counting is what a row of a source must be beside having a time and a key.
func (p *printer) counting(s *feature.Source) string {
	where := p.expr(s.Where, "where of "+s.Name, s.Pos)
	if s.Deleted != "" {
		return "(`#deleted` or " + where + ")"
	}
	return where
}

// countSources puts the rows of the query of counts into a report.
func (q *Query) countSources(res *connect.Result, report *engine.Report) {
	for _, row := range res.Rows {
		s := report.Sources[row[0].Int()]
		events := int64(0)
		for i, to := range []*int64{&s.Rows, &s.NullTime, &s.NullKey, &s.Where, &s.NullKnownAt, &s.Duplicates, &s.Conflicts, &events, &s.Used, &s.Earliest, &s.Latest, &s.Ties} {
			*to = row[2+i].Int()
		}
		s.OtherKeys = events - s.Used
		read, counting := row[1], row[len(row)-1]
		for i, m := range q.sources[row[0].Int()] {
			n := i - read.Len()
			if n < 0 {
				addNulls(&report.ExpressionNulls, m, read.At(i).Int())
			} else {
				addNulls(&report.ExpressionNulls, m, counting.At(n).Int())
			}
		}
	}
}
