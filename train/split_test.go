package train

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/drift"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// labelled makes rows of times and labels, a null label where the value is null.
func labelled(of value.Type, at []int64, labels ...value.Value) dataset.Table {
	schema := value.Schema{{Name: "x", Type: value.Float}, {Name: "y", Type: of}, {Name: plan.AtColumn, Type: value.Timestamp}}
	var rows [][]value.Value
	for i, t := range at {
		rows = append(rows, []value.Value{value.OfFloat(1), labels[i], value.OfTimestamp(t)})
	}
	return dataset.Memory(schema, value.BatchOf(schema, rows))
}

func splitModel(task model.Task, end *int64) *feature.Model {
	view := &feature.View{Name: "v", Columns: []feature.ViewColumn{{Name: "x", Type: value.Float}}}
	return &feature.Model{Name: "m", Label: "y", Task: task, TrainingSet: &feature.TrainingSet{Name: "set", View: view}, Split: feature.TimeSplit{Valid: 10, Test: 20, End: end}}
}

// Rows at a bound belong to the part that begins there; rows at the end and behind, and rows without a label, are left out and counted.
func TestSplit(t *testing.T) {
	i, end, null := value.OfInt, int64(30), value.Value{}
	rows := labelled(value.Int, []int64{29, 9, 10, 19, 20, 30, 31, 3, 4}, i(1), i(0), i(1), i(0), i(1), i(0), i(1), i(1), null)
	p, err := split(t.Context(), splitModel(model.Binary, &end), rows, "")
	if err != nil {
		t.Fatal(err)
	}
	if p.Train.Rows != 2 || p.Train.From != 3 || p.Train.To != 10 || p.Valid.Rows != 2 || p.Test.Rows != 2 || p.Test.To != 30 || p.Beyond != 2 || p.Unlabelled != 1 {
		t.Errorf("%+v", p)
	}
	if p.Classes() != nil || p.count != 2 {
		t.Errorf("classes %v", p.Classes())
	}
	n := 0
	for b, err := range p.rowsOf(t.Context(), &p.Train)() {
		if err != nil {
			t.Fatal(err)
		}
		n += b.N
	}
	if n != 2 {
		t.Errorf("%d rows for training", n)
	}
}

// What the pipeline only drops is not read, and null in what it is given: these rows do not even have it.
func TestDroppedColumnsAreNotRead(t *testing.T) {
	i := value.OfInt
	m := splitModel(model.Binary, nil)
	m.TrainingSet.View.Columns = append([]feature.ViewColumn{{Name: "before", Type: value.MapOf(value.Int)}}, m.TrainingSet.View.Columns...)
	m.TrainingSet.View.Columns = append(m.TrainingSet.View.Columns, feature.ViewColumn{Name: "behind", Type: value.String})
	m.Steps = []transform.Step{{Kind: "drop", Columns: []string{"before", "behind"}}}
	p, err := split(t.Context(), m, labelled(value.Int, []int64{1, 2, 3, 11, 21}, i(0), i(1), value.Value{}, i(1), i(0)), "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for b, err := range p.rowsOf(t.Context(), &p.Train)() {
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(b.Schema.Names(), " "); got != "before x behind y at" {
			t.Fatalf("the pipeline is given %s", got)
		}
		for row := range b.N {
			if got := b.Row(row); !got[0].IsNull() || got[1].Float() != 1 || !got[2].IsNull() || got[3].Int() != int64(n) {
				t.Errorf("row %d is %v", n, got)
			}
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d rows for training", n)
	}
	f, err := p.fit(t.Context())
	if err != nil || strings.Join(f.inputs, " ") != "x" {
		t.Fatalf("the pipeline leaves %v, %v", f, err)
	}
	// Nor is it the version's: serving would fetch it, and drift be measured of it.
	made := &training{Options: Options{Model: m}, parts: p, fitted: f, returned: &returned{Inputs: f.inputs}}
	if made.manifest, err = made.newManifest("tree"); err != nil || strings.Join(made.manifest.Schema().Names(), " ") != "x" {
		t.Fatalf("the manifest names %v, %v", made.manifest, err)
	}
	if pipeline, err := transform.Decode(made.manifest.Pipeline); err != nil || strings.Join(pipeline.Input().Names(), " ") != "x" {
		t.Errorf("its pipeline reads %v, %v", pipeline, err)
	}
	text, err := made.reference(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r, err := drift.Parse(text); err != nil || len(r.Columns) != 1 || r.Columns[0].Name != "x" {
		t.Errorf("the reference is %s, %v", text, err)
	}
}

// What only the rows show of steps is the author's mistake, told at the steps, all of one pass at once, with cures; so is a row that a step refuses.
func TestUnfitSteps(t *testing.T) {
	schema := value.Schema{{Name: "a", Type: value.String}, {Name: "a_b", Type: value.String}, {Name: "x", Type: value.Float}, {Name: "y", Type: value.Bool}, {Name: plan.AtColumn, Type: value.Timestamp}}
	var rows []*value.Batch // of one row each
	for i, a := range []string{"b_x", "null", "b_x", "new", "b_x"} {
		rows = append(rows, value.BatchOf(schema, [][]value.Value{{value.OfString(a), value.OfString("x"), {}, value.OfBool(i%2 == 0), value.OfTimestamp(int64(i) * 5)}}))
	}
	at := func(line, col int) feature.Span {
		return feature.Span{Pos: feature.Pos{File: "features.py", Line: line, Col: col}, EndLine: line, EndCol: col + 1}
	}
	for name, c := range map[string]struct {
		steps []transform.Step
		want  []string // each mistake's place, words and cure
	}{
		"names that collide":         {[]transform.Step{{Kind: "one_hot", Columns: []string{"a"}, Args: []byte(`{"missing": "zeros"}`)}, {Kind: "one_hot", Columns: []string{"a_b"}, Args: []byte(`{"missing": "zeros"}`)}}, []string{`features.py:2:7: one_hot of a_b: two columns would be called "a_b_x"; rename or drop one of them before this step`}},
		"a value called null":        {[]transform.Step{{Kind: "one_hot", Columns: []string{"a"}}}, []string{`features.py:1:7: one_hot of a: two columns would be called "a_null"; a value is called as the column for null is: missing="zeros" has none, or impute another word before`}},
		"several that cannot learn":  {[]transform.Step{{Kind: "standard", Columns: []string{"x"}}, {Kind: "one_hot", Columns: []string{"a"}, Args: []byte(`{"min_count": 9}`)}}, []string{"features.py:1:7: standard of x: it has no value in the training rows; drop it, or impute a constant before", "features.py:2:7: one_hot of a: no value comes 9 times; lower min_count"}},
		"a row that a step refuses":  {[]transform.Step{{Kind: "drop", Columns: []string{"x"}}, {Kind: "ordinal", Columns: []string{"a"}, Args: []byte(`{"unknown": "error"}`)}}, []string{`features.py:2:1: apply the pipeline of model m to rows for valid: row 1: column "a": its value was not in the training rows, or too seldom; say in the step what`}},
		"a member that nobody found": {[]transform.Step{{Kind: "one_hot", Columns: []string{"a"}}, {Kind: "drop", Columns: []string{"a_zz"}}}, []string{"features.py:1:7: one_hot"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := splitModel(model.Binary, nil)
			m.TrainingSet.View.Columns = []feature.ViewColumn{{Name: "a", Type: value.String}, {Name: "a_b", Type: value.String}, {Name: "x", Type: value.Float}}
			m.Steps = c.steps
			for i := range m.Steps {
				m.StepsAt = append(m.StepsAt, feature.StepAt{Site: feature.Site{At: at(i+1, 1)}, Columns: []feature.Span{at(i+1, 7)}})
			}
			p, err := split(t.Context(), m, dataset.Memory(schema, rows...), "")
			if err != nil {
				t.Fatal(err)
			}
			f, err := p.fit(t.Context())
			for _, part := range p.each() {
				if err == nil {
					err = p.write(t.Context(), f, part, t.TempDir(), []dataset.Format{parquet.Format{}})
				}
			}
			var failed *Failed
			if !errors.As(err, &failed) || !IsMistake(err) {
				t.Fatalf("it is no mistake: %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("%q", lines)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("%s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

// Classes are numbered in the order of their values; numbers 0, 1, … stay what they are.
func TestClasses(t *testing.T) {
	s := value.OfString
	p, err := split(t.Context(), splitModel(model.Multiclass, nil), labelled(value.String, []int64{1, 2, 3, 11, 21}, s("pear"), s("apple"), s("fig"), s("fig"), s("pear")), "")
	if err != nil || strings.Join(p.Classes(), " ") != "apple fig pear" || p.code(s("pear")) != 2 {
		t.Errorf("%v, %v", p.Classes(), err)
	}
	b := value.OfBool
	p, err = split(t.Context(), splitModel(model.Binary, nil), labelled(value.Bool, []int64{1, 2, 11, 21}, b(true), b(false), b(true), b(true)), "")
	if err != nil || strings.Join(p.Classes(), " ") != "false true" || p.code(b(true)) != 1 {
		t.Errorf("%v, %v", p.Classes(), err)
	}
}

// What the rows for training say as a whole is an answer of the task; rows of other parts, and without a label, say nothing of it.
func TestPopular(t *testing.T) {
	i, b, s, f, null := value.OfInt, value.OfBool, value.OfString, value.OfFloat, value.Value{}
	at := []int64{1, 2, 3, 4, 5, 11, 21}
	for _, c := range []struct {
		task model.Task
		rows dataset.Table
		want []float64
	}{
		{model.Binary, labelled(value.Bool, at, b(true), b(false), b(false), null, b(false), b(true), b(true)), []float64{0.25}},
		{model.Binary, labelled(value.String, at, s("no"), s("yes"), s("yes"), s("yes"), s("yes"), s("no"), s("no")), []float64{0.8}},
		{model.Multiclass, labelled(value.Int, at, i(7), i(3), i(7), i(9), i(7), i(3), i(3)), []float64{0.2, 0.6, 0.2}},
		{model.Regression, labelled(value.Float, at, f(4), f(1), f(3), f(8), f(5), f(-100), f(-100)), []float64{4}},
		{model.Regression, labelled(value.Int, at, i(4), i(1), i(3), i(8), null, i(-100), i(-100)), []float64{3}}, // of the two in the middle the lower
		{model.Ranking, labelled(value.Int, at, i(4), i(1), i(3), i(8), i(2), i(1), i(1)), nil},
	} {
		p, err := split(t.Context(), splitModel(c.task, nil), c.rows, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.popular(t.Context()); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", c.task, got, err, c.want)
		}
	}
	m := splitModel(model.Binary, nil)
	m.Label = ""
	p, err := split(t.Context(), m, labelled(value.Int, at, null, null, null, null, null, null, null), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.popular(t.Context()); err != nil || got != nil {
		t.Errorf("without a label: %v, %v", got, err)
	}
}

// Each mistake says what there is.
func TestSplitMistakes(t *testing.T) {
	i, s, null := value.OfInt, value.OfString, value.Value{}
	for _, c := range []struct {
		task model.Task
		rows dataset.Table
		says string
	}{
		{model.Binary, labelled(value.Int, []int64{1, 2, 11}, i(0), i(1), i(0)), "no row for test, which is from 1970-01-01T00:00:00.020Z on; the training set's rows are of 1970-01-01T00:00:00.001Z to 1970-01-01T00:00:00.011Z"},
		{model.Binary, labelled(value.Int, []int64{11, 21, 1}, i(0), i(1), null), "no row for train, which is before 1970-01-01T00:00:00.010Z; the training set's rows are of 1970-01-01T00:00:00.001Z to 1970-01-01T00:00:00.021Z, 1 of them without a label"},
		{model.Regression, labelled(value.Int, nil), "the training set has no rows"},
		{model.Binary, labelled(value.Int, []int64{1, 2, 11, 21}, i(1), i(1), i(1), i(1)), "label y is 1 in all rows for training"},
		{model.Binary, labelled(value.Int, []int64{1, 2, 3, 11, 21}, i(0), i(1), i(2), i(1), i(1)), `label y has 3 values, and task "binary" is for two`},
		{model.Multiclass, labelled(value.String, []int64{1, 2, 11, 21}, s("a"), s("b"), s("a"), s("c")), "in rows for test and in none for training"},
	} {
		_, err := split(t.Context(), splitModel(c.task, nil), c.rows, "")
		if !IsMistake(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v; want %s", err, c.says)
		}
	}
}
