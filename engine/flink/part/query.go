package part

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/plan"
)

// Names of the columns of the view of events that the parts are queries of: the group's keys and these. There is a row for each event and
// level.
const (
	TimeColumn  = "#ts"
	TieColumn   = "#tie"  // where the layout has ties
	ProcColumn  = "#proc" // the time of processing, where the layout has a pivot
	StepColumn  = stepColumn
	StartColumn = startColumn
)

// InputColumn is where the view has an input of the space's.
func InputColumn(i int) string { return fmt.Sprintf("#i%d", i) }

// WhereColumn is of a condition.
func WhereColumn(i int) string { return fmt.Sprintf("#w%d", i) }

// ByColumn is of a string of by.
func ByColumn(i int) string { return fmt.Sprintf("#b%d", i) }

// selection is a select list of columns with their types.
type selection struct {
	columns []Column
	sql     []string
}

func (s *selection) add(column, typ, sql string) {
	s.columns = append(s.columns, Column{column, typ})
	s.sql = append(s.sql, sql+" AS "+name(column))
}

func name(s string) string { return dialect.Name(s) }

// KeyColumns are the columns of the topic's key, with their types.
func (l *Layout) KeyColumns() []Column {
	var out []Column
	for _, k := range l.Space.Group.Keys {
		out = append(out, Column{k.Name, dialect.Physical(k.Type)})
	}
	return append(out, Column{stepColumn, "BIGINT"}, Column{startColumn, "BIGINT"}, Column{partColumn, "INT"}, Column{subColumn, "STRING"})
}

// Columns are the columns of a part's records beside those of the key.
func (l *Layout) Columns(part int) []Column { return l.selection(part).columns }

// selection is the aggregates of a part.
func (l *Layout) selection(part int) *selection {
	p, s := &l.Parts[part], &selection{}
	if p.counted() {
		s.add(rowsColumn, "BIGINT", "COUNT(*)")
	}
	if p.By >= 0 && !p.List {
		for w := range l.Space.Wheres {
			if slices.ContainsFunc(slices.Concat(p.Folds, p.Lists), func(i int) bool { return l.Space.Folds[i].Where == w }) {
				s.add(whereName(w), "BIGINT", "COUNT(*) FILTER (WHERE "+name(WhereColumn(w))+" IS TRUE)")
			}
		}
	}
	for _, i := range p.Folds {
		table[l.Space.Folds[i].Kind].write(l.writing(i, s))
	}
	return s
}

func (l *Layout) writing(fold int, out *selection) *writing {
	f := l.Space.Folds[fold]
	w := &writing{layout: l, fold: f, name: foldName(fold), out: out}
	var conditions []string
	if f.Where >= 0 {
		conditions = append(conditions, name(WhereColumn(f.Where))+" IS TRUE")
	}
	if f.Input >= 0 {
		w.x = name(InputColumn(f.Input))
		if !f.Rows {
			conditions = append(conditions, w.x+" IS NOT NULL")
		}
	}
	if w.where = strings.Join(conditions, " AND "); w.where != "" {
		w.filter = " FILTER (WHERE " + w.where + ")"
	}
	return w
}

// Query is a part as a query of the view of events.
func (l *Layout) Query(part int, view string) string {
	p, s := &l.Parts[part], l.selection(part)
	keys := l.tileKeys(p)
	from := name(view)
	switch {
	case p.List:
		from = l.listQuery(p, keys, from)
	case p.By >= 0:
		from += "\nWHERE " + name(ByColumn(p.By)) + " IS NOT NULL"
	}
	if pivots := l.pivots(p, keys); len(pivots) > 0 {
		from = "(\n  SELECT *,\n    " + strings.Join(pivots, ",\n    ") + "\n  FROM " + strings.ReplaceAll(from, "\n", "\n  ") + "\n)"
	}
	sub := "''"
	if p.By >= 0 {
		sub = name(ByColumn(p.By))
	}
	out := slices.Clone(keys[:len(l.Space.Group.Keys)+2])
	out = append(out, fmt.Sprintf("%d AS %s", part, name(partColumn)), "CAST("+sub+" AS STRING) AS "+name(subColumn))
	return "SELECT\n  " + strings.Join(append(out, s.sql...), ",\n  ") + "\nFROM " + from + "\nGROUP BY " + strings.Join(keys, ", ")
}

// tileKeys are what rows of a part are grouped by.
func (l *Layout) tileKeys(p *Part) []string {
	var out []string
	for _, k := range l.Space.Group.Keys {
		out = append(out, name(k.Name))
	}
	out = append(out, name(stepColumn), name(startColumn))
	if p.By >= 0 {
		out = append(out, name(ByColumn(p.By)))
	}
	return out
}

// Pivots tells whether a part needs ProcColumn.
func (l *Layout) Pivots() bool {
	return slices.ContainsFunc(l.Space.Folds[:l.Space.Tiled], func(f plan.Fold) bool { return f.Kind == agg.KindMoments })
}

// pivots are the columns that moments of the part are taken about: of each tile the first input that came.
func (l *Layout) pivots(p *Part, keys []string) []string {
	var out []string
	for _, i := range p.Folds {
		if f := l.Space.Folds[i]; f.Kind == agg.KindMoments {
			w := l.writing(i, nil)
			out = append(out, fmt.Sprintf("FIRST_VALUE(CASE WHEN %s THEN %s END) OVER (PARTITION BY %s ORDER BY %s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS %s",
				w.where, w.float(), strings.Join(keys, ", "), name(ProcColumn), w.pivot()))
		}
	}
	return out
}

// listQuery is the first k texts of each tile.
func (l *Layout) listQuery(p *Part, keys []string, view string) string {
	f := l.Space.Folds[p.Folds[0]]
	w := l.writing(p.Folds[0], nil)
	text, distinct, direction, grouped := Order(w.x, f.In), "", "ASC", strings.Join(keys, ", ")
	if f.Kind == agg.KindEventList {
		text = w.eventText()
	}
	if f.Distinct {
		distinct = "DISTINCT "
	}
	if f.Last {
		direction = "DESC"
	}
	where := w.where
	if p.By >= 0 {
		where += " AND " + name(ByColumn(p.By)) + " IS NOT NULL"
	}
	return fmt.Sprintf(`(
  SELECT *, ROW_NUMBER() OVER (PARTITION BY %[1]s ORDER BY `+"`#text`"+` %[2]s) AS `+"`#rank`"+`
  FROM (
    SELECT %[3]s%[1]s, %[4]s AS `+"`#text`"+`
    FROM %[5]s
    WHERE %[6]s
  )
)
WHERE `+"`#rank`"+` <= %[7]d`, grouped, direction, distinct, text, view, where, f.K)
}
