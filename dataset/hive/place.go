package hive

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Place is a table, or some partitions of it.
type Place struct {
	Database, Table string
	conditions      []condition
	keys            []string // of a table to be made: its partition columns
	host            string   // the metastore that was asked
}

// Name is db.table.
func (p Place) Name() string { return p.Database + "." + p.Table }

// title is the table in messages, with the metastore that it is of.
func (p Place) title() string {
	if p.host == "" {
		return "hive table " + p.Name()
	}
	return fmt.Sprintf("table %s of the Hive metastore at %s", p.Name(), p.host)
}

// condition is one on a partition column.
type condition struct{ column, op, text string }

// operators in the order in which they are looked for.
var operators = []string{">=", "<=", "!=", "=", ">", "<"}

const placeCure = `write "hive:db.table", or with conditions on partition columns "hive:db.table/ds>=2024-01-01/ds<2024-02-01"`

// ParsePlace reads db.table, db.table/ds=2024-01-02 and the like, as they stand behind "hive:". A word without an operator is a partition column
// of a table that is to be made.
func ParsePlace(text string) (Place, error) {
	parts := strings.Split(text, "/")
	db, table, ok := strings.Cut(parts[0], ".")
	if !ok || db == "" || table == "" || strings.ContainsAny(table, ".=<>! ") {
		return Place{}, fmt.Errorf("hive table %q: %s", text, placeCure)
	}
	p := Place{Database: strings.ToLower(db), Table: strings.ToLower(table)} // as Hive keeps them
	for _, part := range parts[1:] {
		c, isKey, err := parseCondition(part)
		if err != nil {
			return Place{}, fmt.Errorf("hive table %q: %w: %s", text, err, placeCure)
		}
		if isKey {
			p.keys = append(p.keys, c.column)
		} else {
			p.conditions = append(p.conditions, c)
		}
	}
	return p, nil
}

func parseCondition(part string) (c condition, isKey bool, err error) {
	at, op := -1, ""
	for _, o := range operators {
		if i := strings.Index(part, o); i >= 0 && (at < 0 || i < at) {
			at, op = i, o
		}
	}
	column, text := part, ""
	if at >= 0 {
		column, text = part[:at], part[at+len(op):]
	}
	if column == "" || at >= 0 && text == "" {
		return c, false, fmt.Errorf("%q is no condition", part)
	}
	if text, err = url.PathUnescape(text); err != nil {
		return c, false, fmt.Errorf("%q: %w", part, err)
	}
	return condition{strings.ToLower(column), op, text}, at < 0, nil
}

// filter is the conditions in Hive's filter language; ok: the metastore can evaluate all of them. It compares strings and dates as texts and
// integers as numbers; Derby and some servers refuse integers, so those are filtered here.
func (p Place) filter(keys value.Schema) (text string, ok bool) {
	var all []string
	for _, c := range p.conditions {
		t, _ := keys.Lookup(c.column)
		if t.Kind != value.KindString || c.text == nullPartition || strings.Contains(c.text, `"`) {
			return "", false
		}
		all = append(all, c.column+" "+c.op+` "`+c.text+`"`)
	}
	return strings.Join(all, " and "), len(all) > 0
}

// nullPartition is how a null is written among the values of a partition.
const nullPartition = "__HIVE_DEFAULT_PARTITION__"

// wanted are the conditions with values of the columns' types.
func (p Place) wanted(keys value.Schema) ([]want, error) {
	var out []want
	for _, c := range p.conditions {
		i := slices.IndexFunc(keys, func(f value.Field) bool { return strings.EqualFold(f.Name, c.column) })
		if i < 0 {
			if len(keys) == 0 {
				return nil, fmt.Errorf("%s has no partitions, so none is %s%s%s: name the table alone", p.title(), c.column, c.op, c.text)
			}
			return nil, fmt.Errorf("%s: %q is none of its partition columns%s", p.title(), c.column, nearestOf(c.column, keys.Names()))
		}
		v, err := keyValue(keys[i].Type, c.text)
		if err != nil {
			return nil, fmt.Errorf("%s: partition column %s: %w", p.title(), keys[i].Name, err)
		}
		out = append(out, want{i, c.op, v})
	}
	return out, nil
}

type want struct {
	key int
	op  string
	v   value.Value
}

// lets tells whether a partition fulfils the condition; a null equals null alone.
func (w want) lets(values []value.Value) bool {
	v := values[w.key]
	if v.IsNull() || w.v.IsNull() {
		same := v.IsNull() && w.v.IsNull()
		return w.op == "=" && same || w.op == "!=" && !same
	}
	switch c := value.Compare(v, w.v); w.op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return value.Compare(v, w.v) >= 0
}

// keyValue is the value of a partition column.
func keyValue(t value.Type, text string) (value.Value, error) {
	if text == nullPartition {
		return value.Value{}, nil
	}
	switch t.Kind {
	case value.KindString:
		return value.OfString(text), nil
	case value.KindInt:
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return value.OfInt(i), nil
		}
	case value.KindDate:
		if d, ok := value.ParseDate(text); ok {
			return value.OfDate(d), nil
		}
	case value.KindBool:
		if b, err := strconv.ParseBool(text); err == nil {
			return value.OfBool(b), nil
		}
	}
	return value.Value{}, fmt.Errorf("%q is not %s", text, value.An(t.String()))
}

// nearestOf says what was meant, or what there is.
func nearestOf(name string, known []string) string {
	if near := expr.Nearest(name, known); len(near) > 0 {
		return fmt.Sprintf("; did you mean %q?", near[0])
	}
	const shown = 20
	known = slices.Sorted(slices.Values(known))
	if len(known) == 0 {
		return "; there are none"
	}
	if len(known) > shown {
		known = append(known[:shown:shown], "…")
	}
	return "; there are " + strings.Join(known, ", ")
}
