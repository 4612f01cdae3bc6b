package transform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// testdata/sklearn.json is made by testdata/make_sklearn.py.
type sklearnFile struct {
	Types map[string]value.Type `json:"types"`
	Train map[string][]any      `json:"train"`
	Apply map[string][]any      `json:"apply"`
	Cases []sklearnCase         `json:"cases"`
}

type sklearnCase struct {
	Kind      string          `json:"kind"`
	Columns   []string        `json:"columns"`
	Args      json.RawMessage `json:"args"`
	Target    string          `json:"target"`
	Tolerance float64         `json:"tolerance"`
	Names     []string        `json:"names"`
	Want      [][]any         `json:"want"`
	Fitted    json.RawMessage `json:"fitted"`
}

func (f *sklearnFile) batch(t *testing.T, data map[string][]any, names []string) *value.Batch {
	t.Helper()
	b := &value.Batch{}
	for _, name := range names {
		typ := f.Types[name]
		cells := make([]value.Value, len(data[name]))
		for i, x := range data[name] {
			v, err := value.FromJSON(typ, x)
			if err != nil {
				t.Fatal(err)
			}
			cells[i] = v
		}
		b.N = len(cells)
		b.Schema = append(b.Schema, value.Field{Name: name, Type: typ})
		b.Columns = append(b.Columns, value.ColumnOf(typ, cells))
	}
	return b
}

func TestAgreesWithScikitLearn(t *testing.T) {
	data, err := os.ReadFile("testdata/sklearn.json")
	if err != nil {
		t.Fatal(err)
	}
	var f sklearnFile
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for i, c := range f.Cases {
		kinds[c.Kind] = true
		t.Run(fmt.Sprintf("%d %s %v %s", i, c.Kind, c.Columns, c.Args), func(t *testing.T) { c.run(t, &f) })
	}
	if len(f.Cases) < 50 || len(kinds) < 13 {
		t.Errorf("only %d cases of %d kinds", len(f.Cases), len(kinds))
	}
}

func (c *sklearnCase) run(t *testing.T, f *sklearnFile) {
	names := c.Columns
	if c.Target != "" {
		names = append(slices.Clone(names), c.Target)
	}
	train, apply := f.batch(t, f.Train, names), f.batch(t, f.Apply, c.Columns)
	p, err := Fit(context.Background(), train.Schema[:len(c.Columns)], []Step{{c.Kind, c.Columns, c.Args}}, c.Target, RowsOf(train))
	if err != nil {
		t.Fatal(err)
	}
	if c.Names != nil && !slices.Equal(p.Names(), c.Names) {
		t.Errorf("names %q, want %q", p.Names(), c.Names)
	}
	out, err := p.NewApplier().Apply(apply)
	if err != nil {
		t.Fatal(err)
	}
	c.compare(t, out, c.Tolerance)
	if c.Fitted == nil {
		return
	}
	file := pipelineFile{Version: 1, Input: []fieldFile{{c.Columns[0], f.Types[c.Columns[0]]}}, Units: []unitFile{{0, c.Kind, c.Columns, p.Names(), false, c.Fitted}}}
	raw, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	given, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = given.NewApplier().Apply(apply); err != nil {
		t.Fatal(err)
	}
	c.compare(t, out, 0)
}

func (c *sklearnCase) compare(t *testing.T, out *value.Batch, tolerance float64) {
	t.Helper()
	if len(out.Columns) != len(c.Want) {
		t.Fatalf("%d columns, want %d", len(out.Columns), len(c.Want))
	}
	wrong := 0
	for j, want := range c.Want {
		for i, w := range want {
			if got := out.Columns[j].At(i); !agrees(got, w, tolerance) {
				if wrong++; wrong < 4 {
					t.Errorf("row %d, column %s is %s, want %v", i, out.Schema[j].Name, got, w)
				}
			}
		}
	}
}

func agrees(got value.Value, want any, tolerance float64) bool {
	switch w := want.(type) {
	case nil:
		return got.IsNull()
	case bool:
		return got.Kind() == value.KindBool && got.Bool() == w
	case string:
		return got.Kind() == value.KindString && got.Str() == w
	case json.Number:
		x, err := w.Float64()
		if err != nil || got.IsNull() {
			return false
		}
		return got.Number() == x || math.Abs(got.Number()-x) <= tolerance*max(1, math.Abs(x))
	}
	return false
}
