package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// guessRows is how many rows a guess looks at: enough to tell a key from an identifier, and done in a moment.
const guessRows = 200_000

// Guess is what a file seems to be, each part with its evidence, for `bighead init --from`. It is a start that its user reads and
// corrects, so it never decides silently.
type Guess struct {
	Time, Key, ID Choice
	Unit          string   // of an integer time: s, ms, us or ns; "" for other types
	Numbers       []string // columns worth an average, likeliest first
	Columns       []Profile
	Rows          int64 // looked at
	Whole         bool  // that is all of them
}

// Choice is a column and why. Column is "" where nothing fits.
type Choice struct {
	Column   string
	Evidence string
	Others   []string // that would have fitted as well
}

// frameIndex is what pandas calls the numbers of its rows in a file: they say nothing of what happened.
var frameIndex = regexp.MustCompile(`^__index_level_\d+__$`)

// Profile is what was seen of one column.
type Profile struct {
	Name            string
	Type            value.Type
	Nulls, Distinct int64
	Min, Max        value.Value
}

// GuessFrom reads the first rows of a table and guesses its time, key and id.
func GuessFrom(ctx context.Context, t dataset.Table) (*Guess, error) {
	g := &Guess{}
	seen := make([]map[string]bool, len(t.Schema()))
	for i, f := range t.Schema() {
		g.Columns = append(g.Columns, Profile{Name: f.Name, Type: f.Type})
		seen[i] = map[string]bool{}
	}
	r, err := t.Scan(ctx, dataset.Scan{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for g.Rows < guessRows {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			g.Whole = true
			break
		}
		if err != nil {
			return nil, err
		}
		g.profile(b, seen)
	}
	for i := range g.Columns {
		g.Columns[i].Distinct = int64(len(seen[i]))
	}
	g.Columns = slices.DeleteFunc(g.Columns, func(p Profile) bool { return frameIndex.MatchString(p.Name) })
	g.choose()
	return g, nil
}

func (g *Guess) profile(b *value.Batch, seen []map[string]bool) {
	n := int(min(int64(b.N), guessRows-g.Rows))
	g.Rows += int64(n)
	var buf []byte
	for j, c := range b.Columns {
		p := &g.Columns[j]
		for i := range n {
			v := c.At(i)
			if v.IsNull() {
				p.Nulls++
				continue
			}
			buf = value.Append(buf[:0], v)
			seen[j][string(buf)] = true
			if p.Min.IsNull() || value.Compare(v, p.Min) < 0 {
				p.Min = v
			}
			if p.Max.IsNull() || value.Compare(v, p.Max) > 0 {
				p.Max = v
			}
		}
	}
}

// The names by which columns of a kind usually go, best first. A column is judged by the whole name or by one of its words.
var (
	timeNames = []string{"ts", "event_time", "timestamp", "time", "occurred_at", "created_at", "datetime", "date", "at"}
	keyNames  = []string{"user_id", "customer_id", "account_id", "entity_id", "key", "user", "customer", "account"}
	idNames   = []string{"event_id", "id", "uuid", "guid", "transaction_id", "row_id"}
)

func (g *Guess) choose() {
	g.chooseTime()
	g.ID = g.pick(idNames, func(p Profile) bool {
		return (p.Type.Kind == value.KindInt || p.Type.Kind == value.KindString) && g.Rows > 1 && p.Nulls == 0 && p.Distinct == g.Rows && p.Name != g.Time.Column
	}, func(Profile) string { return fmt.Sprintf("never null and different in each of %d rows", g.Rows) })
	g.Key = g.pick(keyNames, func(p Profile) bool {
		return (p.Type.Kind == value.KindInt || p.Type.Kind == value.KindString || p.Type.Kind == value.KindBytes) &&
			p.Name != g.ID.Column && p.Name != g.Time.Column && p.Name != asOfColumn && p.Distinct > 1 && 2*p.Distinct <= g.Rows-p.Nulls
	}, func(p Profile) string {
		return fmt.Sprintf("%s, %d different ones in %d rows, %s null", p.Type, p.Distinct, g.Rows, share(p.Nulls, g.Rows))
	})
	g.chooseNumbers()
}

// asOfColumn is what training sets call the time of a row, so nothing else is called that.
const asOfColumn = "at"

// chooseTime takes a timestamp; where there is none a date; where there is none an integer that is called a time and counts from 1970.
func (g *Guess) chooseTime() {
	for _, kind := range []value.Kind{value.KindTimestamp, value.KindDate} {
		g.Time = g.pick(timeNames, func(p Profile) bool { return p.Type.Kind == kind && p.Nulls < g.Rows }, func(p Profile) string {
			return fmt.Sprintf("%s, %s null, from %s to %s", value.An(p.Type.String()), share(p.Nulls, g.Rows), p.Min, p.Max)
		})
		if g.Time.Column != "" {
			return
		}
	}
	g.Time = g.pick(timeNames, func(p Profile) bool {
		return p.Type.Kind == value.KindInt && nameRank(p.Name, timeNames) < 2*len(timeNames) && epochUnit(p) != ""
	}, func(p Profile) string { return "an integer that is called so, and " + epochText(p) })
	for _, p := range g.Columns {
		if p.Name == g.Time.Column {
			g.Unit = epochUnit(p)
		}
	}
}

// epochUnits are the units of integer times and how many make a second.
var epochUnits = []struct {
	name string
	per  int64
}{{"s", 1}, {"ms", 1e3}, {"us", 1e6}, {"ns", 1e9}}

// The years in which an integer must lie, in the one unit where it does, to be taken for a time: 1990 to 2100.
const firstEpoch, lastEpoch = 631_152_000, 4_102_444_800

func epochUnit(p Profile) string {
	for _, u := range epochUnits {
		if !p.Min.IsNull() && p.Min.Int()/u.per >= firstEpoch && p.Max.Int()/u.per < lastEpoch {
			return u.name
		}
	}
	return ""
}

func unitsPerSecond(unit string) int64 {
	for _, u := range epochUnits {
		if u.name == unit {
			return u.per
		}
	}
	return 1
}

func epochText(p Profile) string {
	unit := epochUnit(p)
	from, to := p.Min.Int()/unitsPerSecond(unit), p.Max.Int()/unitsPerSecond(unit)
	return fmt.Sprintf("in %s since 1970 goes from %s to %s", unit, value.FormatTimestamp(1000*from), value.FormatTimestamp(1000*to))
}

func (g *Guess) timeKind() value.Kind {
	for _, p := range g.Columns {
		if p.Name == g.Time.Column {
			return p.Type.Kind
		}
	}
	return value.KindNull
}

// chooseNumbers puts fractions before integers, and integers that go below zero before others: codes are neither.
func (g *Guess) chooseNumbers() {
	var all []Profile
	for _, p := range g.Columns {
		if p.Type.Numeric() && p.Name != g.ID.Column && p.Name != g.Key.Column && p.Name != g.Time.Column && p.Distinct > 2 {
			all = append(all, p)
		}
	}
	likely := func(p Profile) int {
		switch {
		case p.Type.Kind == value.KindFloat:
			return 0
		case p.Min.Int() < 0:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b Profile) int { return cmp.Compare(likely(a), likely(b)) })
	for _, p := range all {
		g.Numbers = append(g.Numbers, p.Name)
	}
}

// pick chooses among the columns that fit: by name first, then strings before numbers, then fewer nulls, then the file's order.
func (g *Guess) pick(names []string, fits func(Profile) bool, evidence func(Profile) string) Choice {
	var all []Profile
	for _, p := range g.Columns {
		if fits(p) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Profile) int {
		return cmp.Or(cmp.Compare(nameRank(a.Name, names), nameRank(b.Name, names)), cmp.Compare(b.Type.Kind, a.Type.Kind), cmp.Compare(a.Nulls, b.Nulls))
	})
	if len(all) == 0 {
		return Choice{}
	}
	c := Choice{Column: all[0].Name, Evidence: evidence(all[0])}
	for _, p := range all[1:] {
		c.Others = append(c.Others, p.Name)
	}
	return c
}

func nameRank(name string, names []string) int {
	name = strings.ToLower(name)
	for i, n := range names {
		if name == n {
			return i
		}
	}
	for i, n := range names {
		if slices.Contains(strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ' ' }), n) {
			return len(names) + i
		}
	}
	return 2 * len(names)
}

func share(part, of int64) string {
	if part == 0 || of == 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(of))
}
