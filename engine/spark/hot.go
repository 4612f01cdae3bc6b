package spark

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// A row that asks is put beside the events of its key one by one, which is the quickest way while keys have few of them, and never ends where one
// key has a third of all events and of all rows that ask: all pairs. Such hot keys are answered by tiles: the states of their events in blocks of
// time that are powers of two in ms long, down to one ms, so that every window, wherever it begins and ends, is made of whole blocks: no more
// than 30 of each length, most of them empty. The blocks of a row are found by equality of key, length and the block above, so that a hot key
// is spread over as many tasks as there are such blocks.

// Shape is how the joins of a query are computed.
type Shape struct {
	// Hot is how many events a key must have to be answered by tiles, if more than a sixteenth as many rows ask for it; 0: no key is; below 0:
	// all are.
	Hot int64
	// Cool are the joins, by number, of which it is known that no key is.
	Cool []int
}

// hotEvents is where tiles begin to be quicker.
const hotEvents = 1024

// blocks are the lengths of tiles as powers of two, each with the next; the longest, 139 years, has none.
var blocks = [][2]int{{0, 10}, {10, 14}, {14, 18}, {18, 22}, {22, 26}, {26, 30}, {30, 34}, {34, 38}, {38, 42}, {42, 0}}

// longest is the power of the longest blocks, which count as one block of a longer length.
const longest = 42

// lengths is blocks as an array.
func lengths() string {
	all := make([]string, len(blocks))
	for i, b := range blocks {
		all[i] = fmt.Sprintf("struct(%d as bits, %d as up)", b[0], b[1])
	}
	return "array(" + strings.Join(all, ", ") + ")"
}

// tileable tells whether tiles can answer a join: with known_at, what counts of a block depends on who asks.
func tileable(j *joined) bool { return j.plan.Scan.KnownAt == nil }

// hot prints the keys that have many events and are asked for often.
func (p *printer) hot(j *joined) {
	count := func(from, as string) string {
		keys := j.keyColumns("")
		return fmt.Sprintf("(select %s, count(*) as %s from %s group by %s)", strings.Join(keys, ", "), as, j.name(from), strings.Join(keys, ", "))
	}
	p.step(j.name("hot"), "keys that many rows ask for and that have many events: tiles answer them", fmt.Sprintf(
		"select %s\nfrom %s e\njoin %s a on %s\nwhere e.events > %dL and a.asking > %dL",
		strings.Join(j.keyColumns("e."), ", "), count("events", "events"), count("asked", "asking"), j.sameKey("e", "a"), p.shape.Hot, p.shape.Hot/16))
	p.hotSteps = append(p.hotSteps, p.query.steps[p.began:]...)
	p.hotKeys = append(p.hotKeys, fmt.Sprintf("select %d as `join`, count(*) as keys from %s", len(p.joins)-1, j.name("hot")))
}

// hotQuery counts the hot keys of each join that may have some.
func (p *printer) hotQuery() *Query {
	if len(p.hotKeys) == 0 {
		return nil
	}
	q := &Query{steps: slices.Clone(p.hotSteps)}
	q.steps = append(q.steps, step{of: "how many keys have many events and are asked for often", sql: strings.Join(p.hotKeys, "\nunion all\n")})
	return q
}

// parted prints the rows of a step whose key is hot, or whose key is not, and gives the step's name.
func (p *printer) parted(j *joined, step, kind string) string {
	as, of := step+"_few", "of "+step+" those whose key is not hot"
	if kind == "semi" {
		as, of = step+"_many", "of "+step+" those whose key is hot"
	}
	p.step(j.name(as), of, fmt.Sprintf("select e.*\nfrom %s e\nleft %s join %s h on %s", j.name(step), kind, j.name("hot"), j.sameKey("e", "h")))
	return j.name(as)
}

// shaped prints what the joins of a source's events and the rows that ask are made of, in the shape that the query has.
func (p *printer) shaped(j *joined) {
	tiled := p.shape.Hot != 0 && tileable(j) && !slices.Contains(p.shape.Cool, len(p.joins)-1)
	j.paired, j.tiled = p.shape.Hot >= 0 || !tiled, tiled
	j.many = j.name("events")
	switch {
	case j.paired && j.tiled:
		p.hot(j)
		p.pairs(j, p.parted(j, "asked", "anti"), p.parted(j, "events", "anti"))
		j.many = p.parted(j, "events", "semi")
		p.spans(j, p.parted(j, "asked", "semi"))
	case j.paired:
		p.pairs(j, j.name("asked"), j.name("events"))
	default:
		p.spans(j, j.name("asked"))
	}
}

func (j *joined) keyColumns(table string) []string {
	out := make([]string, len(j.plan.On))
	for i := range out {
		out[i] = fmt.Sprintf("%s`#k%d`", table, i)
	}
	return out
}

func (j *joined) sameKey(a, b string) string {
	out := make([]string, len(j.plan.On))
	for i := range out {
		out[i] = fmt.Sprintf("%s.`#k%d` = %s.`#k%d`", a, i, b, i)
	}
	return strings.Join(out, " and ")
}

// spans prints of each asking row which blocks make up its windows: where an edge of any window lies, blocks part, so that each lies in a
// window whole or not at all.
func (p *printer) spans(j *joined, asked string) {
	edges, whole := []string{}, false
	out := columns{}
	for i, w := range j.windows {
		start, end := fmt.Sprintf("`#start%d`", i), fmt.Sprintf("`#end%d`", i)
		edges = append(edges, end)
		in := "b <= " + end
		switch kind := j.plan.Scan.Source.Kind; {
		case kind == feature.Snapshots: // the one time of a partition
			edges = append(edges, end+" + 1L")
			in = "a = " + end
		case kind == feature.Events && !w.Unbounded:
			edges = append(edges, start)
			in = "a >= " + start + " and " + in
		default:
			whole = true
		}
		out.add("coalesce("+in+", false)", fmt.Sprintf("#w%d", i))
	}
	if whole {
		edges = append(edges, long(plan.MinTime))
	}
	kept := columns{name(rowNumber)}
	kept = append(kept, j.keyColumns("")...)
	for i := range j.windows {
		if p.readsAsOf(j, i, true) {
			kept.add(fmt.Sprintf("`#asof%d`", i), "")
		}
	}
	edged := columns{"*"}
	edged.add("array_sort(filter(array_distinct(array("+strings.Join(edges, ", ")+")), e -> e is not null))", "#edges")
	p.step(j.name("edges"), "where the windows of an asking row begin and end", edged.selects("from "+asked))
	between := "transform(slice(`#edges`, 1, greatest(size(`#edges`) - 1, 0)), (e, i) -> struct(e as a, get(`#edges`, i + 1) as b))"
	p.step(j.name("parts"), "the time from each of them to the next, and the windows that it lies in",
		slices.Concat(kept, columns{"a", "b"}, out).selects("from "+j.name("edges")+"\nlateral view outer inline("+between+") parts as a, b"))
	used := make([]string, len(j.windows))
	for i := range j.windows {
		used[i] = fmt.Sprintf("`#w%d`", i)
		kept.add(used[i], "")
	}
	p.step(j.name("spans"), "the blocks that make it up: of each length those before the first block of the next length, and those behind the last",
		slices.Concat(kept, columns{"bits", "parent", "i", "j"}).selects("from "+j.name("parts")+"\nlateral view outer inline("+runsOfBlocks("("+strings.Join(used, " or ")+")")+") blocks as bits, parent, i, j"))
}

// runsOfBlocks are the blocks from a to b, where a condition holds: [i, j) of one length, which all lie in one block of the next.
func runsOfBlocks(where string) string {
	return fmt.Sprintf(`filter(flatten(transform(
    transform(%s, l -> struct(l.bits as bits, l.up as up,
      shiftright(a + shiftleft(1L, l.bits) - 1L, l.bits) as i, shiftright(b, l.bits) as j,
      shiftright(a + shiftleft(1L, l.up) - 1L, l.up) as next_i, shiftright(b, l.up) as next_j)),
    l -> case
      when l.i >= l.j then array(struct(l.bits as bits, 0L as parent, 0L as i, 0L as j))
      when l.bits = %d then array(struct(l.bits as bits, 0L as parent, l.i as i, l.j as j))
      when l.next_i > l.next_j then array(struct(l.bits as bits, l.next_j as parent, l.i as i, l.j as j))
      else array(struct(l.bits as bits, l.next_i - 1L as parent, l.i as i, shiftleft(l.next_i, l.up - l.bits) as j),
        struct(l.bits as bits, l.next_j as parent, shiftleft(l.next_j, l.up - l.bits) as i, l.j as j))
    end)), s -> s.i < s.j and %s)`, lengths(), longest, where)
}

// tiles prints the states of a leg's events in blocks, and puts them beside the rows whose windows hold the blocks.
func (p *printer) tiles(l *leg) {
	j, by := l.j, ""
	keys, where := j.keyColumns(""), ""
	pieces := columns{"s." + name(rowNumber)}
	join := "left join"
	if l.by >= 0 {
		by = fmt.Sprintf("`#b%d`", l.by)
		keys, where, join = append(keys, by), "\nwhere "+by+" is not null", "join"
		pieces.add("t."+by, "")
	}
	tiles := slices.Concat(columns(keys), columns{"l.bits", fmt.Sprintf("if(l.bits = %d, 0L, shiftright(`#ts`, l.up)) as parent", longest), "shiftright(`#ts`, l.bits) as block"}, l.states)
	p.step(l.name("tiles"), "the states of blocks of events", tiles.selects(fmt.Sprintf("from %s\nlateral view explode(%s) lengths as l%s\ngroup by %s, l.bits, parent, block", j.many, lengths(), where, strings.Join(keys, ", "))))
	for i := range j.windows {
		pieces.add(fmt.Sprintf("s.`#w%d`", i), "")
		if p.readsAsOf(j, i, true) {
			pieces.add(fmt.Sprintf("s.`#asof%d`", i), "")
		}
	}
	for _, s := range l.stateNames {
		pieces.add("t."+name(s), "")
	}
	p.step(l.name("pieces"), "each row that asks, beside the blocks that its windows are made of", pieces.selects(fmt.Sprintf(
		"from %s s\n%s %s t\n  on %s and t.bits = s.bits and t.parent = s.parent and t.block >= s.i and t.block < s.j", j.name("spans"), join, l.name("tiles"), j.sameKey("t", "s"))))
}
