package model_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/value"
)

func runtimes(name string) (model.Open, error) {
	if name != "tree" {
		return nil, errors.New("there is none of that name")
	}
	return tree.Open, nil
}

// TestArtifact writes and opens one for each task, and asks it rows that are not in its check.
func TestArtifact(t *testing.T) {
	for _, c := range []struct {
		fixture string
		task    model.Task
		width   int
	}{{"lgb_binary", model.Binary, 1}, {"lgb_multiclass", model.Multiclass, 0}, {"lgb_regression", model.Regression, 1}, {"lgb_lambdarank", model.Ranking, 1},
		{"xgb_binary", model.Binary, 1}, {"xgb_multi", model.Multiclass, 0}} {
		t.Run(c.fixture, func(t *testing.T) {
			m, root := modeltest.Fixture(t, c.fixture), t.TempDir()
			name := m.Write(t, root, c.task, nil)
			if again := m.Write(t, root, c.task, nil); again != name {
				t.Errorf("written again it is called %s", again)
			}
			a, err := model.OpenArtifact(context.Background(), filepath.Join(root, name), runtimes)
			if err != nil {
				t.Fatal(err)
			}
			per := len(m.Answers) / (len(m.Rows) / m.Width)
			if a.Answer.Width != per || c.width != 0 && per != c.width || a.Name != name {
				t.Errorf("%d answers a row, the framework gives %d; name %s", a.Answer.Width, per, a.Name)
			}
			in := &model.Batch{Rows: 3, Numbers: m.Rows[m.Width : 4*m.Width]}
			out := make([]float64, 3*per)
			if err := a.Answer.Predict(context.Background(), a.Model, in, out, &model.Scratch{}); err != nil {
				t.Fatal(err)
			}
			for i, want := range m.Answers[per : 4*per] {
				if d := out[i] - want; d > 2e-7 || d < -2e-7 {
					t.Errorf("at %d: %v, want %v", i, out[i], want)
				}
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(filepath.Join(root, ".*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestRefusedManifests opens artifacts that are whole and say what is not so.
func TestRefusedManifests(t *testing.T) {
	m := modeltest.Fixture(t, "lgb_binary")
	for _, c := range []struct {
		want   string
		change func(*model.Manifest)
	}{
		{"answers row 2 of check with", func(f *model.Manifest) { f.Check[2].Answer[0] *= 1 + 1e-13 }},
		{"takes 13 inputs, and its manifest names 12", func(f *model.Manifest) { f.Inputs = f.Inputs[1:] }},
		{"encode it in the pipeline", func(f *model.Manifest) { f.Columns[3].Type = value.String }},
		{"is a list<int>, which is no number", func(f *model.Manifest) { f.Columns[3].Type = value.ListOf(value.Int) }},
		{`a model for task "multiclass" has an output of kind probability, of two numbers or more`, func(f *model.Manifest) { f.Task = model.Multiclass }},
		{`a model for task "regression" has an output of kind value`, func(f *model.Manifest) { f.Task = model.Regression }},
		{`task "guess" is not known`, func(f *model.Manifest) { f.Task = "guess" }},
		{"names 3 classes, and the model has 2", func(f *model.Manifest) { f.Classes = []string{"a", "b", "c"} }},
		{`runtime "abacus": there is none`, func(f *model.Manifest) { f.Runtime = "abacus" }},
		{"row 1 of check has 12 numbers", func(f *model.Manifest) { f.Check[1].Numbers = f.Check[1].Numbers[1:] }},
		{"row 1 of check has 2 answers", func(f *model.Manifest) { f.Check[1].Answer = []float64{0, 1} }},
	} {
		root := t.TempDir()
		_, err := model.OpenArtifact(context.Background(), filepath.Join(root, m.Write(t, root, model.Binary, c.change)), runtimes)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), root) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestRefusedWrites sees that what is no artifact is not written, and leaves nothing.
func TestRefusedWrites(t *testing.T) {
	m, root := modeltest.Fixture(t, "lgb_binary"), t.TempDir()
	file := m.Save(t, t.TempDir())
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		want   string
		ctx    context.Context
		files  map[string]string
		change func(*model.Manifest)
	}{
		{"which is none of its files", context.Background(), map[string]string{"other": file}, nil},
		{"is no path within an artifact", context.Background(), map[string]string{"../" + m.File: file, m.File: file}, nil},
		{"manifest.json is the artifact's own", context.Background(), map[string]string{"manifest.json": file, m.File: file}, nil},
		{"no such file", context.Background(), map[string]string{m.File: file + "x"}, nil},
		{"canceled", ended, map[string]string{m.File: file}, nil},
		{"check must have rows", context.Background(), map[string]string{m.File: file}, func(f *model.Manifest) { f.Check = nil }},
		{`input 0 is column "none"`, context.Background(), map[string]string{m.File: file}, func(f *model.Manifest) { f.Inputs[0] = "none" }},
		{"another's name", context.Background(), map[string]string{m.File: file}, func(f *model.Manifest) { f.Columns[1].Name = "f0" }},
	} {
		f := m.Manifest(model.Binary)
		if c.change != nil {
			c.change(f)
		}
		if _, err := model.WriteArtifact(c.ctx, root, f, c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestDamagedArtifacts changes, cuts, adds and takes away bytes and files at random: each is refused, with its folder's name.
func TestDamagedArtifacts(t *testing.T) {
	m := modeltest.Fixture(t, "xgb_binary")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		root := t.TempDir()
		folder := filepath.Join(root, m.Write(t, root, model.Binary, nil))
		path := filepath.Join(folder, []string{m.File, "manifest.json"}[r.IntN(2)])
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		what := r.IntN(5)
		switch what {
		case 0:
			text[r.IntN(len(text))] ^= 1 << r.IntN(8)
		case 1:
			text = text[:r.IntN(len(text))]
		case 2:
			text = append(text, ' ')
		case 3:
			path = filepath.Join(folder, "more")
		case 4:
			err = os.Remove(path)
		}
		if what != 4 {
			err = os.WriteFile(path, text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		if a, err := model.OpenArtifact(context.Background(), folder, runtimes); err == nil || a != nil || !strings.Contains(err.Error(), folder) {
			t.Errorf("damage %d: %v", what, err)
		}
	}
}

// TestForeignFolders opens what is no artifact at all.
func TestForeignFolders(t *testing.T) {
	m, root := modeltest.Fixture(t, "xgb_binary"), t.TempDir()
	name := m.Write(t, root, model.Binary, nil)
	if err := os.Rename(filepath.Join(root, name), filepath.Join(root, "champion")); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(root, strings.Repeat("a", 64))
	if err := os.Mkdir(linked, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(linked, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{"champion": "is no SHA-256", filepath.Base(linked): "is no file", strings.Repeat("0", 64): "no such file"} {
		_, err := model.OpenArtifact(context.Background(), filepath.Join(root, folder), runtimes)
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, model.ErrDamaged) != (want == "no such file") {
			t.Errorf("%s: %v, want %q", folder, err, want)
		}
	}
}

// TestFill compares with each cell as docs/models.md has it.
func TestFill(t *testing.T) {
	info := &model.Info{Inputs: []model.Input{{Name: "a", Type: value.Float}, {Name: "s", Type: value.String}, {Name: "b", Type: value.Int}, {Name: "c", Type: value.Float}, {Name: "d", Type: value.Float}}}
	columns := []*value.Column{
		value.ColumnOf(value.Float, []value.Value{value.OfFloat(1.5), {}}), value.ColumnOf(value.String, []value.Value{value.OfString("x"), value.OfString("")}),
		value.ColumnOf(value.Bool, []value.Value{value.OfBool(true), value.OfBool(false)}), value.ColumnOf(value.Timestamp, []value.Value{value.OfTimestamp(5), {}}),
		value.ColumnOf(value.Date, []value.Value{{}, value.OfDate(-3)})}
	b := &model.Batch{Numbers: slices.Repeat([]float64{7}, 20)}
	if err := b.Fill(info, columns, 2); err != nil {
		t.Fatal(err)
	}
	want := []float64{1.5, 1, 5, nan, nan, 0, nan, -3}
	if b.Rows != 2 || !slices.EqualFunc(b.Numbers, want, func(a, b float64) bool { return a == b || a != a && b != b }) || !slices.Equal(b.Texts, []string{"x", ""}) {
		t.Errorf("%+v", b)
	}
	columns[1].SetNull(1)
	var row *model.RowError
	if err := b.Fill(info, columns, 2); !errors.As(err, &row) || row.Row != 1 || row.Input != "s" {
		t.Errorf("a text that is null: %v", err)
	}
}

var nan = math.NaN()
