package script

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

const whole = `# nothing that happens at t is known at t (W1), nor twice (E3, W5)
skip flink: no such source there
define
    # a comment of Python (A1) counts too
    e = bh.EventSource("e", columns={"k": bh.String})

    if True:
        pass
load e
    k    | ts                   | "odd|name"
    # a comment between rows
    a    | 2024-01-01T10:00:00Z | "1|2"
    "\"" | null                 | ["|", "a"]

load planes ds=2024-01-02
    k

eval view v
    k | at
    a | 2024-01-01T11:00:00Z
----
    x
    # why
    1

eval training set late
----
error BH012: no such
counts
    g: duplicates | 2
`

func TestParseReadsEveryPart(t *testing.T) {
	f, err := Parse("t.feat", whole)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"A1", "E3", "W1", "W5"}; !reflect.DeepEqual(f.Rules, want) {
		t.Errorf("rules %v, want %v", f.Rules, want)
	}
	if want := "# a comment of Python (A1) counts too\ne = bh.EventSource(\"e\", columns={\"k\": bh.String})\n\nif True:\n    pass\n"; f.Define.Text != want || f.Define.Line != 4 || f.Define.Indent != 4 {
		t.Errorf("define: %+v", f.Define)
	}
	if len(f.Skips) != 1 || f.Skips[0] != (Skip{"flink", "no such source there", 2}) {
		t.Errorf("skips: %+v", f.Skips)
	}
	l := f.Steps[0].Load
	if l.Name != (Cell{"e", 9, 6}) || l.Table.Header[2] != (Cell{"odd|name", 10, 35}) || len(l.Table.Rows) != 2 {
		t.Errorf("load: %+v", l)
	}
	if got := l.Table.Rows[1]; got[0].Text != `"\""` || got[2] != (Cell{`["|", "a"]`, 13, 35}) {
		t.Errorf("row: %+v", got)
	}
	if p := f.Steps[1].Load.Partition; p.Column != "ds" || p.Value != (Cell{"2024-01-02", 15, 16}) {
		t.Errorf("partition: %+v", p)
	}
	v, ts := f.Evals()[0], f.Evals()[1]
	if v.Kind != View || v.Name != (Cell{"v", 18, 11}) || v.Expect.Table.Rows[0][0] != (Cell{"1", 24, 5}) {
		t.Errorf("eval: %+v", v)
	}
	if ts.Kind != TrainingSet || ts.Name != (Cell{"late", 26, 19}) || ts.Table.Header != nil {
		t.Errorf("eval: %+v", ts)
	}
	if x := ts.Expect; len(x.Errors) != 1 || x.Errors[0] != (Refusal{"BH012", "no such", 28}) || len(x.Counts) != 1 || x.Counts[0] != (Count{"g: duplicates", 2, 30}) {
		t.Errorf("expected: %+v", x)
	}
	if f.Text() != whole {
		t.Error("the text is not as it was read")
	}
}

func TestParseReadsExpectedMistakesOfDefinitions(t *testing.T) {
	for _, text := range []string{
		"use features.py\n----\nerror BH001\nwarning BH200: future\n",
		"use features.py\n----\n    # c\n    error BH001\n\n    warning: BH200: future\n",
	} {
		f, err := Parse("t.feat", text)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Expect.Errors) != 1 || f.Expect.Errors[0].Code != "BH001" || len(f.Expect.Warnings) != 1 || f.Expect.Warnings[0].Message != "future" {
			t.Errorf("%q: %+v", text, f.Expect)
		}
	}
}

func TestParseNamesEveryMistake(t *testing.T) {
	const define = "define\n    x\n"
	for _, c := range []struct{ text, want string }{
		{"", "t.feat:1:1: nothing is defined"},
		{"load e\n    k\n", "t.feat:1:1: nothing is defined"},
		{define + "  stray\n" + "oops\n", "t.feat:4:1: unknown statement \"oops\""},
		{"   x\n", "t.feat:1:1: an indented line that belongs to nothing"},
		{"define\n", "t.feat:1:1: `define` without anything under it"},
		{define + define, "t.feat:3:1: a second `define`"},
		{define + "use a.py\n", "t.feat:3:1: `use` beside `define`"},
		{"use a.py\n" + define, "t.feat:2:1: `define` beside `use`"},
		{"define\n        x\n    y\n", "t.feat:3:1: indented otherwise"},
		{define + "skip flink\n", "t.feat:3:1: write `skip ENGINE: reason`"},
		{define + "load e\n", "t.feat:3:6: `load e` without a header"},
		{define + "load e ds\n    k\n", "t.feat:3:6: after the name comes only a partition"},
		{define + "load e\n    k | k\n", "t.feat:4:9: column \"k\" twice"},
		{define + "load e\n    k | x\n    a\n", "t.feat:5:5: 1 cells under a header of 2"},
		{define + "load e\n    k | x\n    a |\n", "t.feat:5:8: an empty cell"},
		{define + "eval\n", "t.feat:3:1: `eval` without a name"},
		{define + "eval g\n    k\n----\n    x\n    1 | 2\n", "t.feat:7:5: 2 cells under a header of 1"},
		{define + "eval g\n    k\n----\n    x\n----\n    x\n", "t.feat:7:1: a ---- that answers nothing"},
		{define + "load e\n    k\n----\n", "t.feat:5:1: a ---- that answers nothing"},
		{define + "eval g\n----\nerror BH001\n    x\n", "t.feat:6:1: rows beside an error"},
		{define + "error BH001\n", "t.feat:3:1: `error` without a ----"},
		{define + "----\n    x\n", "t.feat:4:1: rows under the ---- of `define`"},
		{define + "eval g\n    k\n----\n    x\ncounts\n    a\n", "t.feat:8:5: write `what is counted | number`"},
		{"define\n    \xff\n", "t.feat:1:1: the script is not UTF-8"},
	} {
		f, err := Parse("t.feat", c.text)
		if err == nil || f != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	_, err := Parse("t.feat", define+"skip a\nload\neval\n")
	if n := strings.Count(err.Error(), "t.feat:"); n != 3 {
		t.Errorf("%d of 3 mistakes: %v", n, err)
	}
}

func TestRewriteChangesTheAnswerAlone(t *testing.T) {
	f, err := Parse("t.feat", whole)
	if err != nil {
		t.Fatal(err)
	}
	v, ts := f.Evals()[0], f.Evals()[1]
	got := f.Rewrite(map[*Eval]Answer{
		v:  {Header: []string{"x", "yy"}, Rows: [][]string{{"12", "3"}, {"4", "5"}}},
		ts: {Header: []string{"z"}, Counts: []Count{{Name: "g: duplicates", N: 3}}},
	})
	want := strings.Replace(whole, "    x\n    # why\n    1\n", "    x  | yy\n    # why\n    12 | 3\n    4  | 5\n", 1)
	want = strings.Replace(want, "error BH012: no such\n", "    z\n", 1)
	want = strings.Replace(want, "duplicates | 2", "duplicates | 3", 1)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if again, err := Parse("t.feat", got); err != nil || again.Evals()[0].Expect.Table.Rows[1][1].Text != "5" {
		t.Errorf("what was written does not read back: %v", err)
	}
	if f.Rewrite(nil) != whole {
		t.Error("no answers, yet another text")
	}
}

func TestRewriteAddsWhatIsMissing(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"use a.py\neval g\n    k\n    a\n\n# end\n", "use a.py\neval g\n    k\n    a\n----\n    x\n    1\n\n# end\n"},
		{"use a.py\neval g\n    k\n----\n", "use a.py\neval g\n    k\n----\n    x\n    1\n"},
		{"use a.py\neval g\n----", "use a.py\neval g\n----\n    x\n    1"},
		{"use a.py\neval g", "use a.py\neval g\n----\n    x\n    1"},
	} {
		f, err := Parse("t.feat", c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Rewrite(map[*Eval]Answer{f.Evals()[0]: {Header: []string{"x"}, Rows: [][]string{{"1"}}}}); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestCellsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		types := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) value.Type { return valuetest.Type(t, 2) }), 1, 3).Draw(t, "types")
		header, row := make([]string, len(types)), make([]string, len(types))
		values := make([]value.Value, len(types))
		for i, typ := range types {
			values[i] = valuetest.Value(t, typ)
			header[i], row[i] = string(rune('a'+i)), FormatCell(values[i])
		}
		text := "use a.py\nload e\n"
		for _, line := range FormatTable(header, [][]string{row}) {
			text += "    " + line + "\n"
		}
		f, err := Parse("t.feat", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for i, typ := range types {
			got, err := ParseCell(typ, f.Steps[0].Load.Table.Rows[0][i].Text)
			if err != nil || !value.Equal(got, values[i]) {
				t.Errorf("%s reads back as %s: %v", values[i], got, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("use a\n----\nerror BH1\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("t.feat", text)
		if err != nil {
			return
		}
		if s.Text() != text {
			t.Fatal("the text is not as it was read")
		}
		answers := map[*Eval]Answer{}
		for _, e := range s.Evals() {
			answers[e] = Answer{Header: []string{"x"}, Rows: [][]string{{"1"}}}
		}
		if _, err := Parse("t.feat", s.Rewrite(answers)); err != nil {
			t.Fatalf("rewritten, it does not parse: %v", err)
		}
	})
}
