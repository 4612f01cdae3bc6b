package transform

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestDiagram(t *testing.T) {
	rows, err := ParseColumns([]string{"x float: 1.0 | null", "c string: A&B | UA", "t timestamp: 2024-01-01T00:00:00Z | null"})
	if err != nil {
		t.Fatal(err)
	}
	p := mustFit(t, rows.Schema, []Step{step("impute", `{"strategy": "mean"}`, "x"), step("one_hot", `{"missing": "zeros"}`, "c"), step("drop", ``, "t")}, "", RowsOf(rows))
	want := `input    x float, c string, t timestamp
  1 impute         x → in place
  2 one_hot        c → c_A&B, c_UA
  3 drop           t → left out
output   x float, c_A&B bool, c_UA bool
`
	if got := p.Diagram().Text(); got != want {
		t.Errorf("the diagram is\n%s\nnot\n%s", got, want)
	}
	texts := textsOf(t, p.Diagram().SVG())
	for _, part := range []string{"input|3 columns", "|1|impute|1 column in place|x|", "|2|one_hot|1 column → 2 columns|c|→ c_A&B, c_UA|", "|3|drop|1 column left out|t|", "output|3 columns|x float, c_A&B bool, c_UA bool"} {
		if !strings.Contains(texts, part) {
			t.Errorf("the SVG does not say %q:\n%s", part, texts)
		}
	}
}

// textsOf is the texts of an SVG, which must be XML, with bars between them; none is longer than a line of a box.
func textsOf(t *testing.T, svg string) string {
	t.Helper()
	var texts []string
	in := ""
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(texts, "|")
		}
		if err != nil {
			t.Fatalf("the SVG is no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local
		case xml.EndElement:
			in = ""
		case xml.CharData:
			if in == "text" {
				if texts = append(texts, string(token)); signs(string(token)) > lineSigns {
					t.Errorf("a line of %d signs does not fit: %s", signs(string(token)), token)
				}
			}
		}
	}
}

// Steps are drawn before they are fitted too, with families where a fitted pipeline has their members, and otherwise alike.
func TestDraw(t *testing.T) {
	rows, err := ParseColumns([]string{"x float: 1.0 | null", "c string: AA | UA", "d string: a | b"})
	if err != nil {
		t.Fatal(err)
	}
	steps := []Step{step("impute", `{"strategy": "mean", "indicator": true}`, "x"), step("one_hot", `{"missing": "zeros"}`, "c"), step("cross", ``, "d", "x_missing"), step("ordinal", ``, "d"), step("drop", ``, "d_x_x_missing")}
	d, err := Draw(rows.Schema, steps)
	if err != nil {
		t.Fatal(err)
	}
	want := `input    x float, c string, d string
  1 impute         x → x, x_missing
  2 one_hot        c → c_*
  3 cross          d, x_missing → beside d_x_x_missing
  4 ordinal        d → in place
  5 drop           d_x_x_missing → left out
output   x float, x_missing bool, c_* bool, d int code
`
	if got := d.Text(); got != want {
		t.Errorf("the diagram is\n%s\nnot\n%s", got, want)
	}
	for _, part := range []string{"|2|one_hot|1 column → those that fitting finds|c|→ c_*|", "|3|cross|1 column beside 2 columns|d, x_missing|→ d_x_x_missing|"} {
		if texts := textsOf(t, d.SVG()); !strings.Contains(texts, part) {
			t.Errorf("the SVG does not say %q:\n%s", part, texts)
		}
	}
	p := mustFit(t, rows.Schema, steps, "", RowsOf(rows))
	if got, want := p.Diagram().Text(), strings.NewReplacer("c_* bool", "c_AA bool, c_UA bool", "c_*", "c_AA, c_UA").Replace(want); got != want {
		t.Errorf("the fitted diagram is\n%s\nnot\n%s", got, want)
	}
	if _, err := Draw(rows.Schema, []Step{step("drop", ``, "z")}); err == nil || !strings.Contains(err.Error(), `no column is called "z"`) {
		t.Errorf("a wrong step is drawn: %v", err)
	}
}

// What has no room in a box is counted, and stands in its title.
func TestLines(t *testing.T) {
	var names []string
	for i := range 400 {
		names = append(names, fmt.Sprintf("column_%d", i))
	}
	got := lines(names)
	if len(got) != mostLines {
		t.Fatalf("%d lines: %q", len(got), got)
	}
	shown := 0
	for _, line := range got {
		if shown += strings.Count(line, "column_"); signs(line) > lineSigns-2 {
			t.Errorf("a line of %d signs: %s", signs(line), line)
		}
	}
	if want := fmt.Sprintf(" … and %d more", len(names)-shown); !strings.HasSuffix(got[mostLines-1], want) {
		t.Errorf("the last line is %q; it does not end with %q", got[mostLines-1], want)
	}
	for n := range 60 { // all of those that have room, and none is lost at an edge
		n++
		if last := lines(append(slices.Clone(names[:n]), strings.Repeat("z", 60))); len(last) > mostLines {
			t.Errorf("%d names and a long one are %d lines", n, len(last))
		}
		got, shown := lines(names[:n]), 0
		if len(got) > mostLines {
			t.Errorf("%d names are %d lines", n, len(got))
		}
		for _, line := range got {
			shown += strings.Count(line, "column_")
		}
		if _, more, cut := strings.Cut(got[len(got)-1], "… and "); cut && more != fmt.Sprintf("%d more", n-shown) || !cut && shown != n {
			t.Errorf("%d names are %q", n, got)
		}
	}
	long := lines([]string{strings.Repeat("x", 500), strings.Repeat("y", 500), "z", strings.Repeat("ü", 500), strings.Repeat("v", 500), "w"})
	for _, line := range long {
		if signs(line) > lineSigns-2 {
			t.Errorf("a line of %d signs: %s", signs(line), line)
		}
	}
}
