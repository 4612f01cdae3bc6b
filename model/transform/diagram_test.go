package transform

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestDiagram(t *testing.T) {
	rows, err := ParseColumns([]string{"x float: 1.0 | null", "c string: A<B | UA", "t timestamp: 2024-01-01T00:00:00Z | null"})
	if err != nil {
		t.Fatal(err)
	}
	p := mustFit(t, rows.Schema, []Step{step("impute", `{"strategy": "mean"}`, "x"), step("one_hot", `{"missing": "zeros"}`, "c"), step("drop", ``, "t")}, "", RowsOf(rows))
	want := `input    x float, c string, t timestamp
  1 impute         x → in place
  2 one_hot        c → c_A<B, c_UA
  3 drop           t → left out
output   x float, c_A<B bool, c_UA bool
`
	if got := p.Diagram(); got != want {
		t.Errorf("the diagram is\n%s\nnot\n%s", got, want)
	}
	svg, texts := xml.NewDecoder(strings.NewReader(p.SVG())), ""
	for {
		token, err := svg.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the SVG is no XML: %v", err)
		}
		if text, ok := token.(xml.CharData); ok {
			texts += string(text)
		}
	}
	for _, part := range []string{"input: 3 columns", "1  impute", "c → c_A<B, c_UA", "t → left out", "output: 3 columns"} {
		if !strings.Contains(texts, part) {
			t.Errorf("the SVG does not say %q", part)
		}
	}
}
