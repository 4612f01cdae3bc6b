package plan_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

var rewrite = flag.Bool("rewrite", false, "write what is printed under ---- in testdata/*.txt; read the diff")

// scripted is one script: a title, definitions, and what is printed of them.
type scripted struct{ title, define, want string }

// scripts reads a file of scripts, parted by a line ====; in each ---- parts the definitions from what is printed.
func scripts(t *testing.T, file string) []scripted {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []scripted
	for _, part := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n====\n") {
		head, want, ok := strings.Cut(part+"\n", "\n----\n")
		title, define, _ := strings.Cut(head, "\n")
		if !ok || !strings.HasPrefix(title, "# ") {
			t.Fatalf("%s: a script is \"# title\", definitions, ----, what is printed; this is %q", file, part)
		}
		out = append(out, scripted{strings.TrimPrefix(title, "# "), define + "\n", want})
	}
	return out
}

// runScripts types each script's definitions, prints them, and compares with what stands there.
func runScripts(t *testing.T, file string, print func(p *feature.Project) string) {
	t.Helper()
	all := scripts(t, file)
	units := make([]project.Unit, len(all))
	for i := range all {
		units[i] = project.Unit{Name: "features.py", Text: &all[i].define}
	}
	defs, err := project.RecordUnits(t.Context(), project.Python{}, units)
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for i, c := range all {
		p, problems := feature.Check(defs[i], feature.Options{Schema: placeSchema})
		if problems.Failed() {
			t.Fatalf("%s: %v", c.title, problems)
		}
		got := print(p)
		written = append(written, fmt.Sprintf("# %s\n%s\n----\n%s", c.title, strings.TrimSuffix(c.define, "\n"), got))
		if got != c.want && !*rewrite {
			t.Errorf("%s\n%s\ngot:\n%s\nwant:\n%s", c.title, c.define, got, c.want)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(written, "====\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// placeSchema gives every path the columns of flights.
func placeSchema(feature.Place) (value.Schema, []string, error) {
	const columns = "flight_id int, carrier string, origin string, tailnum string, dep_time timestamp, arr_time timestamp, dep_delay int, distance int, fare float, ds string"
	typ, err := value.ParseType("struct<" + regexp.MustCompile(`(\w+) (\w+)`).ReplaceAllString(columns, "$1:$2") + ">")
	return value.Schema(typ.Fields), nil, err
}
