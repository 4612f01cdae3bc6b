package random

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/script"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// An engine on a cluster takes seconds to plan a query and none to read forty rows more. So that a plan is worth its price, the definitions
// of a case are asked about many lots of rows at once, each lot as it would be drawn for a case of its own: Lot is a column of every table
// and part of every key, so that no event of a lot is seen by a row of another, and each lot's answer is the oracle's over that lot alone.
//
// What the contract lets reach across keys is made the same for all lots, see alike: ids, the partitions that a snapshot table has, and how
// far the events of a label's source go. A test holds the oracle's answers over all lots to those over each.

// Lot is the column that tells lots apart.
const Lot = "lot"

// lotsOf draws the case of a seed over so many lots, the first of them New's own rows.
func lotsOf(seed uint64, n int) []*Case {
	first, d := drawn(seed)
	lots := []*Case{first}
	for i := 1; i < n; i++ {
		lots = append(lots, d.lot(first, i))
	}
	first.alike(lots)
	first.keyed()
	for i, c := range lots {
		c.Defs = first.Defs
		for _, data := range c.tables() {
			data.mark(i)
		}
	}
	return lots
}

// lot draws other rows for a case's definitions.
func (d *draw) lot(of *Case, n int) *Case {
	o := &draw{Rand: rand.New(rand.NewPCG(d.seed, 0x6c6f74<<16+uint64(n))), seed: d.seed, scale: d.scale, base: d.base, reach: d.scale.spread,
		keys: map[string][]value.Value{}, types: d.types, cuts: d.cuts, spans: d.spans, least: 1}
	o.named = of.partitions()
	if of.Kind != script.TrainingSet && len(o.named) == 0 && o.one(3) { // whose start and end, or partitions, are about the base
		o.base = pick(o, bases...)
	}
	o.reach /= pick[int64](o, 1, 4, 16, 64)
	o.wild, o.times = o.one(4), []int64{o.base}
	for _, name := range []string{"k", "j"} {
		switch keys := d.keys[name]; {
		case keys == nil:
		case o.one(2):
			o.keys[name] = keys // the lot alone tells the keys apart
		default:
			for range 1 + o.IntN(3) {
				o.keys[name] = append(o.keys[name], o.value(o.types[name]))
			}
		}
	}
	o.nulls = pick(o, 0, 0, 8, 30)
	o.sized()
	c := &Case{Seed: of.Seed, Kind: of.Kind, Name: of.Name, Defs: of.Defs, Tables: map[string]*Data{}}
	for i := range of.Defs.Sources {
		s := &of.Defs.Sources[i]
		schema := of.Tables[s.Name.Value].Schema
		if s.Name.Value == "spine" {
			o.ownSpine(c, schema)
			continue
		}
		c.Tables[s.Name.Value] = o.rows(s, schema)
	}
	if of.Spine != nil {
		o.spine(c)
	}
	return c
}

// sized draws how many rows the sources have: now and then none, one, or many of one key.
func (d *draw) sized() {
	n := 0
	switch d.IntN(8) {
	case 0:
	case 1:
		n = 1
	case 2:
		n = 40 + d.IntN(40)
		for name, keys := range d.keys {
			d.keys[name] = keys[:1:1]
		}
	default:
		return
	}
	d.size = &n
}

// partitions are those that rows of snapshot tables name, by the type of their names.
func (c *Case) partitions() map[value.Kind][]value.Value {
	out := map[value.Kind][]value.Value{}
	for i := range c.Defs.Sources {
		if s := &c.Defs.Sources[i]; s.Snapshot != nil {
			data := c.Tables[s.Name.Value]
			ds := data.Schema.Index("ds")
			for _, p := range data.Parts {
				for _, row := range p.Rows {
					out[data.Schema[ds].Type.Kind] = append(out[data.Schema[ds].Type.Kind], row[ds])
				}
			}
		}
	}
	return out
}

// alike sees that what does not go by keys is the same in all lots.
func (c *Case) alike(lots []*Case) {
	for i := range c.Defs.Sources {
		s := &c.Defs.Sources[i]
		var all []*Data
		for _, lot := range lots {
			all = append(all, lot.Tables[s.Name.Value])
		}
		if s.Snapshot != nil {
			samePartitions(all)
		}
		if c.labels(i) {
			c.sameEnd(s.Name.Value, all)
		}
	}
}

// labels tells whether a label looks forward in a source.
func (c *Case) labels(source int) bool {
	for _, t := range c.Defs.TrainingSets {
		for _, l := range t.Labels {
			if l.Within != nil && l.Within.Source.Index == source {
				return true
			}
		}
	}
	return false
}

// samePartitions lays out the lots' rows of a snapshot table as the first's and has each name the partitions that any has (E6): by a part,
// or by a row without a key.
func samePartitions(all []*Data) {
	ds := all[0].Schema.Index("ds")
	parted := slices.ContainsFunc(all[0].Parts, func(p enginetest.Part) bool { return p.Partition != nil })
	names := map[string]value.Value{}
	for _, d := range all {
		for _, p := range d.Parts {
			if p.Partition != nil {
				names[p.Partition["ds"].String()] = p.Partition["ds"]
			}
			for _, row := range p.Rows {
				names[row[ds].String()] = row[ds]
			}
		}
	}
	for _, d := range all {
		var rows [][]value.Value
		for _, p := range d.Parts {
			rows = append(rows, p.Rows...)
		}
		if !parted {
			d.Parts = []enginetest.Part{{Rows: rows}}
		} else {
			d.Parts = byPartition(ds, rows)
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			v := names[name]
			if parted {
				d.name(v)
				continue
			}
			if !slices.ContainsFunc(rows, func(row []value.Value) bool { return value.Equal(row[ds], v) }) {
				row := make([]value.Value, len(d.Schema))
				row[ds] = v
				d.Parts[0].Rows = append(d.Parts[0].Rows, row)
			}
		}
	}
}

// sameEnd has the events of every lot go as far as those of any (I2), by a copy of the newest.
func (c *Case) sameEnd(source string, all []*Data) {
	p, problems := feature.Check(c.Defs, feature.Options{})
	if problems.Failed() {
		panic(fmt.Sprintf("random: seed %d draws what check refuses: %v", c.Seed, problems.Err()))
	}
	at := slices.IndexFunc(p.Sources, func(s *feature.Source) bool { return s.Name == source })
	time := p.Sources[at].Time.Compile(all[0].Schema)
	var newest []value.Value
	var ts value.Value
	owner := -1
	for i, d := range all {
		for _, part := range d.Parts {
			for _, row := range part.Rows {
				if t := time(row, nil); !t.IsNull() && (ts.IsNull() || t.Int() > ts.Int()) {
					newest, ts, owner = row, t, i
				}
			}
		}
	}
	for i, d := range all {
		if newest != nil && i != owner {
			last := &d.Parts[len(d.Parts)-1]
			last.Rows = append(slices.Clip(last.Rows), slices.Clone(newest))
		}
	}
}

// keyed makes the lot a column of all sources and a part of all keys.
func (c *Case) keyed() {
	for i := range c.Defs.Sources {
		s := &c.Defs.Sources[i]
		s.Columns = append(s.Columns, feature.ColumnDef{Name: text(Lot), Type: feature.TypeDef{Type: value.Int.String()}})
		if s.Kind == feature.EntitySource {
			s.Keys = append(s.Keys, text(Lot))
		}
	}
	for i := range c.Defs.Groups {
		if g := &c.Defs.Groups[i]; g.Keys != nil {
			g.Keys = append(g.Keys, text(Lot))
		}
	}
	for i := range c.Defs.TrainingSets {
		for _, l := range c.Defs.TrainingSets[i].Labels {
			if l.Within != nil {
				l.Within.Keys = append(l.Within.Keys, text(Lot))
			}
		}
	}
}

// mark adds the lot to every row. An id is known beyond its key (E3), so that it names its lot too.
func (d *Data) mark(lot int) {
	id := d.Schema.Index("id")
	d.Schema = append(slices.Clone(d.Schema), value.Field{Name: Lot, Type: value.Int})
	for p := range d.Parts {
		rows := make([][]value.Value, len(d.Parts[p].Rows))
		for n, row := range d.Parts[p].Rows {
			row = append(slices.Clone(row), value.OfInt(int64(lot)))
			if id >= 0 && !row[id].IsNull() {
				if row[id].Kind() == value.KindInt {
					row[id] = value.OfInt(row[id].Int() + 1000*int64(lot))
				} else {
					row[id] = value.OfString(fmt.Sprintf("%s of %d", row[id].Str(), lot))
				}
			}
			rows[n] = row
		}
		d.Parts[p].Rows = rows
	}
}

// together is one case over the rows of all lots. Rows that ask stand in a drawn order, but for each lot's own.
func together(lots []*Case) *Case {
	first := lots[0]
	r := rand.New(rand.NewPCG(first.Seed, 0x6c6f74))
	out := &Case{Seed: first.Seed, Defs: first.Defs, Kind: first.Kind, Name: first.Name, Tables: map[string]*Data{}}
	for name, data := range first.Tables {
		var all []*Data
		for _, lot := range lots {
			all = append(all, lot.Tables[name])
		}
		if name == "spine" {
			out.Tables[name] = interleaved(r, all)
			continue
		}
		d := &Data{Schema: data.Schema}
		for _, of := range all {
			for _, p := range of.Parts {
				at := -1
				if p.Partition != nil {
					at = slices.IndexFunc(d.Parts, func(q enginetest.Part) bool { return value.Equal(q.Partition["ds"], p.Partition["ds"]) })
				}
				if at < 0 {
					at = len(d.Parts)
					d.Parts = append(d.Parts, enginetest.Part{Partition: p.Partition})
				}
				d.Parts[at].Rows = append(d.Parts[at].Rows, p.Rows...)
			}
		}
		out.Tables[name] = d
	}
	if first.Spine != nil {
		var all []*Data
		for _, lot := range lots {
			all = append(all, lot.Spine)
		}
		out.Spine = interleaved(r, all)
	}
	return out
}

// interleaved are the rows of all in one part.
func interleaved(r *rand.Rand, all []*Data) *Data {
	var turns []int
	left := make([][][]value.Value, len(all))
	for i, d := range all {
		for _, p := range d.Parts {
			left[i] = append(left[i], p.Rows...)
		}
		for range left[i] {
			turns = append(turns, i)
		}
	}
	r.Shuffle(len(turns), func(a, b int) { turns[a], turns[b] = turns[b], turns[a] })
	part := enginetest.Part{}
	for _, i := range turns {
		part.Rows, left[i] = append(part.Rows, left[i][0]), left[i][1:]
	}
	return &Data{Schema: all[0].Schema, Parts: []enginetest.Part{part}}
}

// split gives each lot the rows of an answer to all that are its own: by its key, or, where the answer has none, by the row that asked.
func split(a *enginetest.Answer, asked *Data) (map[int64]*enginetest.Answer, error) {
	of, schema, rows := a.Schema.Index(Lot), a.Schema, a.Rows
	if of < 0 {
		rows = nil
		for _, p := range asked.Parts {
			rows = append(rows, p.Rows...)
		}
		of, schema = asked.Schema.Index(Lot), asked.Schema
	}
	if len(rows) != len(a.Rows) || of < 0 {
		return nil, fmt.Errorf("%d rows where %d asked, by %s", len(a.Rows), len(rows), schema.Names())
	}
	out := map[int64]*enginetest.Answer{}
	for n, row := range rows {
		if row[of].IsNull() {
			return nil, fmt.Errorf("row %d is of no lot", n+1)
		}
		lot := row[of].Int()
		if out[lot] == nil {
			out[lot] = &enginetest.Answer{Schema: a.Schema}
		}
		out[lot].Rows = append(out[lot].Rows, a.Rows[n])
	}
	return out, nil
}
