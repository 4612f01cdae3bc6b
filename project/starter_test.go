package project

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// guessTable is a table of n rows made by a function of the row's number.
func guessTable(t *testing.T, schema value.Schema, n int, row func(i int64) []value.Value) *Guess {
	t.Helper()
	var rows [][]value.Value
	for i := range n {
		rows = append(rows, row(int64(i)))
	}
	g, err := GuessFrom(t.Context(), dataset.Memory(schema, value.BatchOf(schema, rows)))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func letter(i int64) value.Value { return value.OfString(string(rune('a' + i))) }

// midnight2024 is 2024-01-01T00:00:00Z, in seconds.
const midnight2024 = 1_704_067_200

func TestGuess(t *testing.T) {
	g := guessTable(t, value.Schema{
		{Name: "code", Type: value.Int}, {Name: "loaded_at", Type: value.Timestamp}, {Name: "event_time", Type: value.Timestamp},
		{Name: "row_id", Type: value.Int}, {Name: "country", Type: value.String}, {Name: "user", Type: value.String},
		{Name: "delay", Type: value.Int}, {Name: "price", Type: value.Float}, {Name: "constant", Type: value.Int},
		{Name: "__index_level_0__", Type: value.Int},
	}, 100, func(i int64) []value.Value {
		delay := value.OfInt(i%50 - 10)
		at := value.OfTimestamp(1000 * (midnight2024 + i))
		if i%4 == 0 {
			at = value.Value{}
		}
		return []value.Value{
			value.OfInt(i % 40), value.OfTimestamp(1000 * midnight2024), at, value.OfInt(1000 - i), letter(i % 3), letter(i % 7),
			delay, value.OfFloat(float64(i) / 3), value.OfInt(4), value.OfInt(i * 3 % 100),
		}
	})
	for _, c := range []struct{ what, got, want string }{
		{"time", g.Time.Column, "event_time"}, // by its name, though it has nulls
		{"its rival", strings.Join(g.Time.Others, " "), "loaded_at"},
		{"its evidence", g.Time.Evidence, "a timestamp, 25.0 % null, from 2024-01-01T00:00:01Z to 2024-01-01T00:01:39Z"},
		{"id", g.ID.Column, "row_id"},
		{"its rivals", strings.Join(g.ID.Others, " "), ""}, // not the index of a frame
		{"key", g.Key.Column, "user"},                      // by its name, before country
		{"its evidence", g.Key.Evidence, "string, 7 different ones in 100 rows, none null"},
		{"numbers", strings.Join(g.Numbers, " "), "price delay code"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
}

func TestGuessTimes(t *testing.T) {
	ints := func(column string, first, step int64) *Guess {
		return guessTable(t, value.Schema{{Name: column, Type: value.Int}, {Name: "k", Type: value.String}}, 10,
			func(i int64) []value.Value { return []value.Value{value.OfInt(first + step*i), letter(i % 2)} })
	}
	for _, c := range []struct {
		column      string
		first, step int64
		unit        string // "": no time
	}{
		{"ts", midnight2024, 60, "s"},
		{"event_time", midnight2024 * 1e3, 1, "ms"},
		{"created_at", midnight2024 * 1e6, 1, "us"},
		{"time", midnight2024 * 1e9, 1, "ns"},
		{"amount", midnight2024, 60, ""}, // nothing calls it a time
		{"time", 3600, 60, ""},           // the time of a day
		{"ts", -midnight2024, 60, ""},
		{"ts", 631_151_999, 0, ""}, // a second before 1990
		{"ts", 631_152_000, 0, "s"},
		{"ts", 4_102_444_799, 0, "s"},
		{"ts", 4_102_444_800, 0, ""}, // 2100
	} {
		g := ints(c.column, c.first, c.step)
		if g.Unit != c.unit || (g.Time.Column != "") != (c.unit != "") {
			t.Errorf("%s from %d by %d: time %q in %q, want %q", c.column, c.first, c.step, g.Time.Column, g.Unit, c.unit)
		}
	}
}

func TestStarterRefuses(t *testing.T) {
	schema := value.Schema{{Name: "ts", Type: value.Timestamp}, {Name: "k", Type: value.Int}}
	at := value.OfTimestamp(0)
	for _, c := range []struct {
		why  string
		rows int
		row  func(i int64) []value.Value
	}{
		{"has no rows", 0, nil},
		{"has no column of timestamps or dates", 3, func(i int64) []value.Value { return []value.Value{{}, value.OfInt(i % 2)} }},
		{"has no column whose values repeat", 3, func(i int64) []value.Value { return []value.Value{at, value.OfInt(i)} }},
	} {
		g := guessTable(t, schema, c.rows, c.row)
		if _, err := StarterFrom(g, "x", "data/x.csv"); err == nil || !strings.Contains(err.Error(), "x.csv "+c.why) {
			t.Errorf("got %v, want that it %s", err, c.why)
		}
	}
}

// What is written over a plain file and over one with the worst of names. That such projects are green is shown by TestInitFrom of the
// command.
func TestStarter(t *testing.T) {
	plain := guessTable(t, value.Schema{
		{Name: "event_id", Type: value.String}, {Name: "ts", Type: value.Timestamp}, {Name: "user", Type: value.String}, {Name: "amount", Type: value.Float},
	}, 20, func(i int64) []value.Value {
		return []value.Value{value.OfString(fmt.Sprint("e", i)), value.OfTimestamp(1000 * (midnight2024 + i)), letter(i % 3), value.OfFloat(float64(i))}
	})
	strange := guessTable(t, value.Schema{
		{Name: "Event Time", Type: value.Int}, {Name: "user's \"name\"", Type: value.Int}, {Name: "x y", Type: value.Float},
		{Name: "x-y", Type: value.Float}, {Name: "sélect\n", Type: value.Float}, {Name: "a\nb", Type: value.Int},
	}, 20, func(i int64) []value.Value {
		ms := value.OfInt(1000 * (midnight2024 + i))
		if i == 7 {
			ms = value.Value{}
		}
		return []value.Value{ms, value.OfInt(i % 3), value.OfFloat(1.5 * float64(i)), value.OfFloat(float64(i)), value.OfFloat(float64(i % 9)), value.OfInt(i % 4)}
	})
	for _, c := range []struct {
		folder, name, path string
		guess              *Guess
	}{
		{"plain", "purchases", "data/purchases.parquet", plain},
		{"strange", Identifier(`Class`), "../it's \"Class\"\\\n.csv", strange},
	} {
		s, err := StarterFrom(c.guess, c.name, c.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range slices.Sorted(maps.Keys(s)) {
			compareGolden(t, filepath.Join("testdata", "starter", c.folder, strings.ReplaceAll(strings.TrimPrefix(file, "."), "/", "_")), []byte(s[file]))
		}
	}
}

func TestIdentifier(t *testing.T) {
	for text, want := range map[string]string{
		"carrier": "carrier", "_x": "_x", "My File (2).v1": "my_file_2_v1", "2024": "x_2024", "größe €": "gr_e", "": "x", "€": "x", "__": "x", "-a-": "a",
	} {
		if got := Identifier(text); got != want {
			t.Errorf("Identifier(%q) = %q, want %q", text, got, want)
		}
	}
}
