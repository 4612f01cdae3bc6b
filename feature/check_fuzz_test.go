package feature_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/feature/report"
)

// survives checks definitions and prints the report in every format: whatever they hold, that ends without a panic.
func survives(t *testing.T, d *feature.Definitions) {
	t.Helper()
	p, problems := feature.Check(d, feature.Options{Schema: schemaOf})
	for _, f := range report.Formats() {
		if err := report.Write(&bytes.Buffer{}, f, problems, report.Options{Source: func(string) (string, error) { return "x\n", nil }}); err != nil {
			t.Fatal(err)
		}
	}
	if problems.Failed() {
		return
	}
	if len(p.Sources) != len(d.Sources) || len(p.Groups) != len(d.Groups) || len(p.Views) != len(d.Views) || len(p.TrainingSets) != len(d.TrainingSets) ||
		len(p.Models) != len(d.Models) || len(p.Endpoints) != len(d.Endpoints) {
		t.Errorf("no error, and of %d sources, %d groups, %d views, %d sets, %d models, %d endpoints are sound %d, %d, %d, %d, %d, %d: %v", len(d.Sources), len(d.Groups), len(d.Views), len(d.TrainingSets),
			len(d.Models), len(d.Endpoints), len(p.Sources), len(p.Groups), len(p.Views), len(p.TrainingSets), len(p.Models), len(p.Endpoints), problems)
	}
}

// leaves collects pointers to every text of definitions.
func leaves(v reflect.Value, texts *[]*feature.Text) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), texts)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), texts)
		}
	case reflect.Struct:
		if x, ok := v.Addr().Interface().(*feature.Text); ok {
			*texts = append(*texts, x)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				leaves(v.Field(i), texts)
			}
		}
	}
}

// Scripts in which texts have changed places with other texts, of the same script or another, are checked like any other: without a
// panic, and with a sound project where there is no error.
func TestShuffledDefinitions(t *testing.T) {
	all := cases(t)
	sources := make([]string, len(all))
	for i, c := range all {
		sources[i] = c.define
	}
	defs := recorded(t, sources)
	var pool []string
	for _, d := range defs {
		var texts []*feature.Text
		leaves(reflect.ValueOf(d), &texts)
		for _, x := range texts {
			pool = append(pool, x.Value)
		}
	}
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	for round := range 40 {
		for i, d := range defs {
			copied := again(t, d)
			var texts []*feature.Text
			leaves(reflect.ValueOf(copied), &texts)
			for range 1 + random.IntN(4) {
				texts[random.IntN(len(texts))].Value = pool[random.IntN(len(pool))]
			}
			for i := range copied.Groups {
				if r := copied.Groups[i].Source; r != nil && random.IntN(4) == 0 {
					r.Index = random.IntN(len(copied.Sources))
				}
			}
			survives(t, copied)
			if t.Failed() {
				t.Fatalf("seed %d, round %d, script %q", seed, round, all[i].title)
			}
		}
	}
}

// again is a deep copy.
func again(t *testing.T, d *feature.Definitions) *feature.Definitions {
	t.Helper()
	var b bytes.Buffer
	if err := feature.Encode(&b, d); err != nil {
		t.Fatal(err)
	}
	out, err := feature.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzCheck(f *testing.F) {
	seeds, err := filepath.Glob("../project/testdata/recordings/*/recorded.json")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no recordings: %v", err)
	}
	for _, path := range seeds {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := feature.Decode(bytes.NewReader(b)); err == nil {
			survives(t, d)
		}
	})
}
