package transform

import (
	"encoding/json"
	"slices"
	"testing"
)

// Every kind of step has a documentation, and examples that are checked, fitted, written, read and applied.
func TestExamplesRun(t *testing.T) {
	for _, k := range Kinds() {
		if k.Doc == "" || k.Names == "" || k.Nulls == "" || len(k.Examples) == 0 {
			t.Errorf("%s lacks documentation or examples", k.Name)
		}
		for _, e := range k.Examples {
			p, got, err := k.Run(e)
			if err != nil {
				t.Errorf("%s %s of %q: %v", k.Name, e.Args, e.In, err)
				continue
			}
			lines := FormatColumns(got)
			if !slices.Equal(lines, e.Want) {
				t.Errorf("%s %s of %q is\n%q, documented\n%q", k.Name, e.Args, e.In, lines, e.Want)
			}
			data, err := json.Marshal(p)
			if err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
			again, err := Decode(data)
			if err != nil {
				t.Errorf("%s reads back: %v\n%s", k.Name, err, data)
				continue
			}
			rows, _ := ParseColumns(e.In)
			out, err := again.NewApplier().Apply(rows)
			if err != nil || !slices.Equal(FormatColumns(out), lines) {
				t.Errorf("%s read back from %s: %v", k.Name, data, err)
			}
		}
	}
}
