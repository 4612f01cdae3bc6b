package project

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Starter is a small working project: file name → text.
type Starter map[string]string

// StarterFrom writes a project over a file, with what was guessed and why as comments. path is where the definitions shall look for
// the file; name, an Identifier, names the project and its source.
func StarterFrom(g *Guess, name, path string) (Starter, error) {
	file := filepath.Base(path)
	switch {
	case g.Rows == 0:
		return nil, fmt.Errorf("%s has no rows, so there is nothing to guess from; write the definitions by hand, or choose a file with rows", file)
	case g.Time.Column == "":
		return nil, fmt.Errorf("%s has no column of timestamps or dates, so nothing in it has a time. Rows that happen need one: if text or a number says it, "+
			"write a definition by hand with time=\"cast(… as timestamp)\" or time_unit=. Rows that describe things (customers, aircraft) "+
			"are a bh.EntitySource with keys=", file)
	case g.Key.Column == "":
		return nil, fmt.Errorf("%s has no column whose values repeat, so there is nothing to aggregate by: features need a key", file)
	}
	s := newStarting(g, name, path)
	return Starter{
		"bighead.toml":     fmt.Sprintf("[project]\nname = %q\n", name),
		"features.py":      s.features(),
		"tests/first.feat": s.script(),
		".gitignore":       ".bighead/\n",
	}, nil
}

// starting is a starter while it is written: what was guessed, and the names that are made of it.
type starting struct {
	*Guess
	name, path                string
	source, group, view, rows string // Python names
	clock                     string // the time as SQL
	unit                      string // of time_unit=
	b                         strings.Builder
}

func newStarting(g *Guess, name, path string) *starting {
	s := &starting{Guess: g, name: name, path: filepath.ToSlash(path), clock: expr.QuoteName(g.Time.Column)}
	switch bare := s.clock == g.Time.Column; {
	case g.timeKind() == value.KindDate:
		s.clock = "cast(" + s.clock + " as timestamp)"
	case g.Unit != "" && !bare: // time_unit is for columns, and a quoted name is an expression
		s.clock = fmt.Sprintf("to_timestamp(%s, '%s')", s.clock, g.Unit)
	case g.Unit != "":
		s.unit = g.Unit
	}
	taken := map[string]bool{"bh": true}
	s.source, s.group = unused(taken, name), unused(taken, "by_"+Identifier(g.Key.Column))
	s.view, s.rows = unused(taken, name+"_view"), unused(taken, name+"_rows")
	return s
}

// unused is a Python name like this one that is neither taken nor a keyword.
func unused(taken map[string]bool, name string) string {
	for taken[name] || slices.Contains(pythonKeywords, name) {
		name += "_"
	}
	taken[name] = true
	return name
}

// pythonKeywords are those in small letters: Identifier makes no others.
var pythonKeywords = strings.Fields("and as assert async await break class continue def del elif else except finally for from global if import in is " +
	"lambda nonlocal not or pass raise return try while with yield match case type")

func (s *starting) line(format string, args ...any) { fmt.Fprintf(&s.b, format+"\n", args...) }

func (s *starting) features() string {
	doc := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(shown(filepath.Base(s.path)))
	s.line(`"""Features of %s. Guesses are marked with what speaks for them: correct what is wrong, then run bighead check."""`, doc)
	s.line("")
	s.line("import bighead as bh")
	s.line("")
	s.sourceText()
	s.groupText()
	s.line("%s = bh.FeatureView(%q, groups=[%s])", s.view, s.name, s.group)
	s.line("")
	s.line("# Training rows: one for each row of the source, as of its own time. Add what is to be predicted as labels={…}.")
	s.line("%s = bh.TrainingSet(", s.rows)
	s.line("    %q,", s.name)
	s.line("    view=%s,", s.view)
	s.line("    spine=bh.Spine(%s, at=%q%s),", s.source, s.clock, s.withTime())
	s.line(")")
	return s.b.String()
}

func (s *starting) sourceText() {
	s.line("%s = bh.EventSource(", s.source)
	s.line("    %q,", s.name)
	s.line("    path=%q,", s.path)
	s.line("    time=%q,  # guessed: %s%s", s.clock, s.Time.Evidence, others(s.Time))
	if s.unit != "" {
		s.line("    time_unit=%q,", s.unit)
	}
	if s.ID.Column != "" {
		s.line("    id=%q,  # guessed: %s%s", s.ID.Column, s.ID.Evidence, others(s.ID))
		s.line("    order_by=%q,  # decides between events of one millisecond", expr.QuoteName(s.ID.Column))
	} else {
		s.line("    # id=…: no column is different in every row, so copies of a row count twice")
	}
	s.line(")")
	s.line("")
}

func (s *starting) groupText() {
	s.line("%s = bh.FeatureGroup(", s.group)
	s.line("    %q,", s.group)
	s.line("    source=%s,", s.source)
	s.line("    keys=[%q],  # guessed: %s%s", s.Key.Column, s.Key.Evidence, others(s.Key))
	s.line("    features=[")
	s.line("        bh.count(windows=[\"1d\", \"7d\"]),")
	taken := map[string]bool{"count": true, "time_since_last": true}
	for _, n := range s.Numbers[:min(3, len(s.Numbers))] {
		column, name := expr.QuoteName(n), ""
		if own := unused(taken, Identifier(n)+"_avg"); own != n+"_avg" || column != n {
			name = fmt.Sprintf(", name=%q", own)
		}
		s.line("        bh.avg(%q, windows=[\"1d\", \"7d\"]%s),", column, name)
	}
	s.line("        bh.time_since_last(),")
	s.line("    ],")
	s.line(")")
	s.line("")
}

// withTime leaves rows without a time out of the spine, where there are any or may be.
func (s *starting) withTime() string {
	for _, p := range s.Columns {
		if p.Name == s.Time.Column && p.Nulls == 0 && s.Whole {
			return ""
		}
	}
	return fmt.Sprintf(", where=%q", expr.QuoteName(s.Time.Column)+" is not null")
}

func (s *starting) script() string {
	key := "a"
	for _, p := range s.Columns {
		switch {
		case p.Name == s.Key.Column && p.Type.Kind == value.KindInt:
			key = "7"
		case p.Name == s.Key.Column && p.Type.Kind == value.KindBytes:
			key = "YQ==" // base64
		}
	}
	first, second, at := s.scriptTimes()
	keyHead := headCell(s.Key.Column)
	head, rows := keyHead+" | "+headCell(s.Time.Column), [2]string{key + " | " + first, key + " | " + second}
	if s.ID.Column != "" {
		head += " | " + headCell(s.ID.Column)
		rows[0] += " | 1"
		rows[1] += " | 2"
	}
	return fmt.Sprintf(`# What happens at a time is not known at that time (W1).
use features.py

load %s
    %s
    %s
    %s

eval %s
    %s | at
    %s | %s
----
    count_1d
    1
`, s.name, head, rows[0], rows[1], s.group, keyHead, key, at)
}

// scriptTimes are the cells of two rows' times, and the time to ask at, which is the second's.
func (s *starting) scriptTimes() (first, second, at string) {
	switch {
	case s.timeKind() == value.KindDate:
		return "2024-01-01", "2024-01-02", "2024-01-02T00:00:00Z"
	case s.Unit != "" && s.unit == "":
		const ten, eleven = 1_704_103_200, 1_704_106_800 // of 2024-01-01, in seconds
		zeros := strings.Repeat("0", len(fmt.Sprint(unitsPerSecond(s.Unit)))-1)
		return fmt.Sprint(ten) + zeros, fmt.Sprint(eleven) + zeros, "2024-01-01T11:00:00Z"
	}
	return "2024-01-01T10:00:00Z", "2024-01-01T11:00:00Z", "2024-01-01T11:00:00Z"
}

// headCell is a column's name in the head of a script's table.
func headCell(name string) string {
	if Identifier(name) == name {
		return name
	}
	b, _ := json.Marshal(name) // a string has no error
	return string(b)
}

func others(c Choice) string {
	if len(c.Others) == 0 {
		return ""
	}
	names := make([]string, min(4, len(c.Others)))
	for i := range names {
		names[i] = shown(c.Others[i])
	}
	return "; or " + strings.Join(names, ", ")
}

// shown is a name within a line of text.
func shown(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, name)
}

// Identifier makes a Python name of any text: small letters, digits, and single underscores for all else.
func Identifier(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	out := b.String()
	if trimmed := strings.Trim(out, "_"); trimmed != "" && s != out {
		out = trimmed
	}
	if out == "" || out == "_" || out[0] >= '0' && out[0] <= '9' {
		out = "x_" + strings.TrimLeft(out, "_")
	}
	return strings.TrimRight(out, "_")
}
