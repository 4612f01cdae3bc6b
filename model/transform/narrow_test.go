package transform

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// TestNarrow says of pipelines which columns have a reader, and that what is wanted of them stays the same.
func TestNarrow(t *testing.T) {
	in := value.Schema{{Name: "a", Type: value.Float}, {Name: "b", Type: value.Float}, {Name: "c", Type: value.String}, {Name: "m", Type: value.MapOf(value.Int)}}
	random := rand.New(rand.NewPCG(1, 2))
	batch := &value.Batch{Schema: in, N: 50}
	for _, f := range in {
		column := value.NewColumn(f.Type, batch.N)
		for i := range batch.N {
			switch {
			case random.IntN(5) == 0 || f.Type.Kind == value.KindMap:
				column.SetNull(i)
			case f.Type.Kind == value.KindFloat:
				column.Set(i, value.OfFloat(random.NormFloat64()))
			default:
				column.Set(i, value.OfString(fmt.Sprint(random.IntN(3))))
			}
		}
		batch.Columns = append(batch.Columns, column)
	}
	for _, c := range []struct {
		name   string
		steps  []Step
		wanted string
		reads  string
	}{
		{"all go in", nil, "a b c m", "a b c m"},
		{"some are not given", nil, "b c", "b c"},
		{"left out", []Step{step("drop", "", "m", "a")}, "b c", "b c"},
		{"selected", []Step{step("select", "", "b")}, "b", "b"},
		{"made something of, and then left out", []Step{step("ordinal", "", "c"), step("drop", "", "c", "m")}, "a b", "a b c"},
		{"named and left out", []Step{step("rename", `{"to": ["z"]}`, "m"), step("drop", "", "z")}, "a b c", "a b c"},
		{"named twice and wanted", []Step{step("rename", `{"to": ["z"]}`, "a"), step("rename", `{"to": ["y"]}`, "z"), step("drop", "", "m", "b")}, "y c", "a c"},
		{"another takes its name", []Step{step("drop", "", "a"), step("rename", `{"to": ["a"]}`, "b"), step("standard", "", "a"), step("drop", "", "m")}, "a", "b"},
		{"what was made is named and left out", []Step{step("standard", "", "a"), step("rename", `{"to": ["z"]}`, "a"), step("drop", "", "z", "m")}, "b", "a b"},
		{"made and not given", []Step{step("one_hot", "", "c"), step("drop", "", "m")}, "b c_1", "b c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole, err := Fit(t.Context(), in, c.steps, "", RowsOf(batch))
			if err != nil {
				t.Fatal(err)
			}
			wanted := strings.Fields(c.wanted)
			want, err := whole.NewApplier().Apply(batch)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if p, err = p.Narrow(wanted); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(p.Input().Names(), " "); got != c.reads {
				t.Fatalf("%s have a reader, want %s", got, c.reads)
			}
			if text, err = json.Marshal(p); err != nil {
				t.Fatal(err)
			}
			if p, err = Decode(text); err != nil {
				t.Fatal(err)
			}
			narrow := &value.Batch{Schema: p.Input(), N: batch.N}
			for _, f := range narrow.Schema {
				narrow.Columns = append(narrow.Columns, batch.Column(f.Name))
			}
			got, err := p.NewApplier().Apply(narrow)
			if err != nil {
				t.Fatal(err)
			}
			if order := slices.DeleteFunc(got.Schema.Names(), func(n string) bool { return !slices.Contains(wanted, n) }); strings.Join(order, " ") != c.wanted {
				t.Errorf("it leaves %v", got.Schema.Names())
			}
			for _, name := range got.Schema.Names() {
				if want.Column(name) == nil {
					t.Errorf("it leaves %s, which was left out", name)
				}
			}
			for _, name := range wanted {
				for i := range batch.N {
					if x, y := got.Column(name).At(i), want.Column(name).At(i); x.String() != y.String() {
						t.Fatalf("row %d of %s is %s, and was %s", i, name, x, y)
					}
				}
			}
		})
	}
}
