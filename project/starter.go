package project

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Starter is a small working project: file name → text.
type Starter map[string]string

// StarterFrom writes a project over a file, with what was guessed and why as comments. path is where the definitions shall look for
// the file; name names the project and its source.
func StarterFrom(g *Guess, name, path string) (Starter, error) {
	if g.Time.Column == "" {
		return nil, fmt.Errorf("%s has no timestamp column, so nothing in it has a time: features need one (docs/semantics.md E1). "+
			"If an integer column is a time, write a definition by hand with time= and time_unit=", filepath.Base(path))
	}
	if g.Key.Column == "" {
		return nil, fmt.Errorf("%s has no column whose values repeat, so there is nothing to aggregate by: features need a key", filepath.Base(path))
	}
	return Starter{
		"bighead.toml":     fmt.Sprintf("[project]\nname = %q\n", name),
		"features.py":      g.features(name, path),
		"tests/first.feat": g.script(name),
		".gitignore":       ".bighead/\n",
	}, nil
}

func (g *Guess) features(name, path string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`"""Features of %s. Guesses are marked with what speaks for them: correct what is wrong, then run "bighead check"."""`, filepath.Base(path))
	line("")
	line("import bighead as bh")
	line("")
	line("%s = bh.EventSource(", Identifier(name))
	line("    %q,", name)
	line("    path=%q,", filepath.ToSlash(path))
	line("    time=%q,  # guessed: %s%s", g.Time.Column, g.Time.Evidence, others(g.Time))
	if g.ID.Column != "" {
		line("    id=%q,  # guessed: %s%s", g.ID.Column, g.ID.Evidence, others(g.ID))
		line("    order_by=%q,  # decides between events of one millisecond", g.ID.Column)
	} else {
		line("    # id=…: no column is different in every row, so copies of a row count twice")
	}
	line(")")
	line("")
	line("by_%s = bh.FeatureGroup(", Identifier(g.Key.Column))
	line("    %q,", "by_"+Identifier(g.Key.Column))
	line("    source=%s,", Identifier(name))
	line("    keys=[%q],  # guessed: %s%s", g.Key.Column, g.Key.Evidence, others(g.Key))
	line("    features=[")
	line("        bh.count(windows=[\"1d\", \"7d\"]),")
	for _, n := range g.Numbers[:min(3, len(g.Numbers))] {
		input, named := sqlName(n), ""
		if input != n {
			named = fmt.Sprintf(", name=%q", Identifier(n)+"_avg")
		}
		line("        bh.avg(%q, windows=[\"1d\", \"7d\"]%s),", input, named)
	}
	line("        bh.time_since_last(),")
	line("    ],")
	line(")")
	line("")
	line("%s_view = bh.FeatureView(%q, groups=[by_%s])", Identifier(name), name, Identifier(g.Key.Column))
	line("")
	line("# Training rows: one for each row of the spine, as of its own time. Add what is to be predicted as labels={…}.")
	line("%s_rows = bh.TrainingSet(", Identifier(name))
	line("    %q,", name)
	line("    view=%s_view,", Identifier(name))
	line("    spine=bh.Spine(%q, at=%q),", filepath.ToSlash(path), sqlName(g.Time.Column))
	line(")")
	return b.String()
}

func (g *Guess) script(name string) string {
	key := "a"
	for _, p := range g.Columns {
		if p.Name == g.Key.Column && p.Min.Kind().String() != "string" {
			key = p.Min.String()
		}
	}
	id, first, second := "", "", ""
	if g.ID.Column != "" {
		id, first, second = " | "+g.ID.Column, " | 1", " | 2"
	}
	return fmt.Sprintf(`# What happens at a time is not known at that time (W1).
use features.py

load %[1]s
    %[2]s | %[3]s%[4]s
    %[5]s | 2024-01-01T10:00:00Z%[6]s
    %[5]s | 2024-01-01T11:00:00Z%[7]s

eval by_%[8]s
    %[2]s | at
    %[5]s | 2024-01-01T11:00:00Z
----
    count_1d
    1
`, name, g.Key.Column, g.Time.Column, id, key, first, second, Identifier(g.Key.Column))
}

func others(c Choice) string {
	if len(c.Others) == 0 {
		return ""
	}
	return "; or " + strings.Join(c.Others[:min(4, len(c.Others))], ", ")
}

// Identifier makes a Python name of any text.
func Identifier(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	if out := b.String(); out != "" && (out[0] < '0' || out[0] > '9') {
		return out
	}
	return "x_" + b.String()
}

// sqlName quotes a column's name where SQL would not take it bare.
func sqlName(s string) string {
	if Identifier(s) == s {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
