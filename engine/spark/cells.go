package spark

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/engine/cells"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Tiles of a backfill are printed from the same steps of a source as training sets are, up to its events; what follows is one row for each key
// and tile with an event, with the state of each fold (states.go), in the order of tile files: by day, by the MD5 of the key's canonical
// encoding and by that encoding, by time.

// Columns of these queries that no column of a user can be called.
const (
	tileColumn = "#tile" // when the tile begins, ms
	textColumn = "#text" // the key's canonical encoding
)

// Cells is the query for the tiles of one length.
type Cells struct {
	Tiles *Query
	folds []toldFold
}

// PrintCells prints the folds of a set at the places given, in tiles of one length, on some days; nil: all. An error is *Unsupported.
func PrintCells(s *plan.TileSet, folds []int, step int64, from Table, days []cells.Stretch) (*Cells, error) {
	p, j := ofEvents(s, folds, from, days)
	p.cells(j, step)
	return &Cells{Tiles: p.query, folds: j.told()}, p.err
}

// ExplainTiles is the queries that Spark is handed for the tiles of a backfill, one for each source, key and length of tiles, with each table
// under its source's name. It begins with a newline where there are any, and is empty where the groups have no tiles.
func ExplainTiles(b *plan.Backfill) (string, error) {
	var out strings.Builder
	for _, s := range b.Sets {
		byStep := map[int64][]int{}
		for i, f := range s.Folds {
			byStep[f.Step] = append(byStep[f.Step], i)
		}
		for _, step := range slices.Sorted(maps.Keys(byStep)) {
			c, err := PrintCells(s, byStep[step], step, Table{From: name(s.Source.Name)}, nil)
			if err != nil {
				return "", err
			}
			var keys []string
			for _, k := range s.Keys {
				keys = append(keys, k.Name)
			}
			fmt.Fprintf(&out, "\n-- what backfill makes of %s by %s: tiles of %s, each with how many events it has and the states of its folds, which our own code encodes\n%s",
				s.Source.Name, strings.Join(keys, ", "), value.FormatDuration(step), c.Tiles)
		}
	}
	return out.String(), nil
}

// PrintDayCounts prints the query for the counts of the rows that tiles of these folds are made of, of whatever length. own: also of the nulls
// that the source's own expressions make, which one set's query tells for all sets.
func PrintDayCounts(s *plan.TileSet, folds []int, from Table, days []cells.Stretch, own bool) (*Query, error) {
	p, j := ofEvents(s, folds, from, days)
	return p.dayCounts(j, s, own), p.err
}

// ofEvents prints the steps of a source up to its events, as folds of a set read them.
func ofEvents(s *plan.TileSet, folds []int, from Table, days []cells.Stretch) (*printer, *joined) {
	p := &printer{query: &Query{}, finishes: map[*feature.Feature]*expr.Expr{}}
	j := joinOf(s, folds)
	j.table, j.days = &from, days
	p.read(j)
	p.kept(j)
	p.events(j)
	return p, j
}

// joinOf is folds of a set as a join, of which the steps up to its events are printed.
func joinOf(s *plan.TileSet, folds []int) *joined {
	pj := &plan.Join{Scan: plan.Scan{Source: s.Source, Read: s.Read(folds)}}
	for _, k := range s.Keys {
		pj.Keys, pj.On = append(pj.Keys, k.Name), append(pj.On, k.Name)
	}
	pj.Name = "tiles of " + s.Source.Name + " by " + strings.Join(pj.Keys, ", ")
	j := &joined{plan: pj, prefix: "j0", of: fmt.Sprintf("%s (source %s)", pj.Name, s.Source.Pos), unordered: true}
	for _, i := range folds {
		f := s.Folds[i]
		f.Input, f.Where, f.By = moved(&pj.Inputs, s.Inputs, f.Input), moved(&pj.Wheres, s.Wheres, f.Where), moved(&pj.Bys, s.Bys, f.By)
		pj.Folds = append(pj.Folds, f.Fold)
		// The value stands for the fold in messages.
		pj.Values = append(pj.Values, plan.Value{Name: f.Features[0], Feature: &feature.Feature{Pos: f.Pos}, Input: f.Input, Where: f.Where, By: f.By})
		j.unordered = j.unordered && !f.Ordered()
	}
	return j
}

// moved is where the i-th of all stands in a list of those that are used, which it is added to; −1: none.
func moved[T comparable](used *[]T, all []T, i int) int {
	if i < 0 {
		return i
	}
	if at := slices.Index(*used, all[i]); at >= 0 {
		return at
	}
	*used = append(*used, all[i])
	return len(*used) - 1
}

// told are the folds, as what Spark tells of them is read.
func (j *joined) told() []toldFold {
	var out []toldFold
	var ties []value.Type
	if !j.unordered {
		for _, e := range j.plan.Scan.Source.OrderBy {
			ties = append(ties, e.Type())
		}
	}
	for _, f := range j.plan.Folds {
		out = append(out, toldFold{f.Fold, ties})
	}
	return out
}

// within is the condition that a row has no time, or one of the days.
func within(days []cells.Stretch) string {
	out := []string{name(tsColumn) + " is null"}
	for i := 0; i < len(days); {
		from, to := days[i].From, days[i].To
		for i++; i < len(days) && days[i].From == to; i++ {
			to = days[i].To
		}
		out = append(out, fmt.Sprintf("%s >= %s and %[1]s < %[3]s", name(tsColumn), long(from*value.DayMS), long(to*value.DayMS)))
	}
	return strings.Join(out, "\n  or ")
}

// dayCounts counts the events of each day, and in the first row, whose day is null, the rows that are none (E1, E3) and the nulls that
// expressions make (X1).
func (p *printer) dayCounts(j *joined, s *plan.TileSet, own bool) *Query {
	all := j.name("timed") // with the rows of other days, which have times too
	if j.days != nil {
		all = j.name("dated")
	}
	var ofAll, ofTimed, ofKept []string
	if own {
		ofAll = p.nullsOf(j, ofAll, s.Source.Time, s.Source.Name+": time", "")
		ofTimed = p.nullsOf(j, ofTimed, s.Source.Where, s.Source.Name+": where", name(tsColumn)+" is not null")
	}
	ofKept = p.keptNulls(j, fmt.Sprintf("%s by %s", s.Source.Name, strings.Join(j.plan.Keys, ", ")))
	q := &Query{steps: slices.Clone(p.query.steps), sources: [][]made{j.made}, uncounted: p.query.uncounted}
	day := milliseconds{}.Floor(name(tsColumn), value.DayMS)
	q.steps = append(q.steps, step{of: "how many events each day has, and how many rows are none, by the reason", sql: fmt.Sprintf(
		"select cast(null as bigint) as day, row_count as events, null_time, null_key, not_where, duplicates, concat(made_time, made_where, made_counting) as made\nfrom (%s)\ncross join (%s)\ncross join (%s)\ncross join (%s)\nunion all\nselect %s, count(*), 0L, 0L, 0L, 0L, null\nfrom %s\ngroup by 1",
		p.lost(j, arrayOf(ofTimed)+" as made_where"), p.copied(j), countsOf(ofAll, "made_time", all), madeOf(j, ofKept), day, j.name("events"))})
	return q
}

// cells prints the tiles of a join's events.
func (p *printer) cells(j *joined, length int64) {
	tile := name(tileColumn)
	keys := append(columns(j.keyColumns("")), tile)
	p.step(j.name("placed"), "each event in its tile, "+value.FormatDuration(length)+" long",
		columns{"*", milliseconds{}.Floor(name(tsColumn), length) + " as " + tile}.selects("from "+j.name("events")))
	tiles, out := append(slices.Clone(keys), "count(*) as `#rows`"), append(slices.Clone(keys), "`#rows`")
	for n, f := range j.plan.Folds {
		if f.By < 0 {
			tiles.add(j.stateOf(n), fmt.Sprintf("#f%d", n))
		}
		out.add(fmt.Sprintf("`#f%d`", n), "")
	}
	p.step(j.name("tiles"), "the states of each tile's events:\n"+j.foldLines(), tiles.selects("from "+j.name("placed")+"\ngroup by "+strings.Join(keys, ", ")))
	from := "from " + j.name("tiles")
	for by := range j.plan.Bys {
		from += fmt.Sprintf("\nleft join %s using (%s)", p.entries(j, by, keys), strings.Join(keys, ", "))
	}
	whole := make([]string, len(j.plan.Keys))
	for i, k := range j.plan.Keys {
		t, _ := j.plan.Scan.Source.Schema.Lookup(k)
		whole[i] = encoded(fmt.Sprintf("`#k%d`", i), t)
	}
	p.step(j.name("keyed"), "the same with the key's canonical encoding", columns{"*", "concat(" + strings.Join(whole, ", ") + ") as " + name(textColumn)}.selects(from))
	p.step("", "in the order of tile files", out.selects(fmt.Sprintf("from %s\norder by %s, md5(%s), %[3]s, %s",
		j.name("keyed"), milliseconds{}.Floor(tile, value.DayMS), name(textColumn), tile)))
}

// stateOf is the aggregate that tells a fold's state.
func (j *joined) stateOf(n int) string {
	f, x := j.plan.Folds[n], ""
	if f.Input >= 0 {
		x = fmt.Sprintf("`#i%d`", f.Input)
	}
	return states[f.Kind].sql(f.Fold, x, passing(f.Where))
}

// entries prints of each tile the states by the strings of a column, the least first, and gives the step's name (A3).
func (p *printer) entries(j *joined, by int, keys columns) string {
	b, where := fmt.Sprintf("`#b%d`", by), map[int]bool{}
	each, maps := append(slices.Clone(keys), b), slices.Clone(keys)
	for n, f := range j.plan.Folds {
		if f.By != by {
			continue
		}
		rows, as := "#rows"+ofWhere(f.Where), fmt.Sprintf("#f%d", n)
		if !where[f.Where] {
			where[f.Where] = true
			each.add("count(*)"+passing(f.Where), rows)
		}
		each.add(j.stateOf(n), as)
		maps.add(leastEntries(fmt.Sprintf("collect_list(struct(%s as k, %s as v)) filter (where %s > 0)", b, name(as), name(rows)), f.ByMax), as)
	}
	step := fmt.Sprintf("%s_entries%d", j.prefix, by)
	p.step(step, "the states by "+j.plan.Bys[by]+" (A3)", each.selects(fmt.Sprintf("from %s\nwhere %s is not null\ngroup by %s", j.name("placed"), b, strings.Join(each[:len(keys)+1], ", "))))
	out := fmt.Sprintf("%s_maps%d", j.prefix, by)
	p.step(out, "of each tile, the least strings first", maps.selects("from "+step+"\ngroup by "+strings.Join(keys, ", ")))
	return out
}

// foldLines says which fold each column is, and what it is for.
func (j *joined) foldLines() string {
	lines := make([]string, len(j.plan.Folds))
	for n, f := range j.plan.Folds {
		v := &j.plan.Values[n]
		lines[n] = fmt.Sprintf("#f%d %s for %s (%s)", n, f.Fold.ID(), v.Name, v.Feature.Pos)
	}
	return strings.Join(lines, "\n")
}
