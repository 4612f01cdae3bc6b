package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
)

func at(line, col, endLine, endCol int) feature.Span {
	return feature.Span{Pos: feature.Pos{File: "f.py", Line: line, Col: col}, EndLine: endLine, EndCol: endCol}
}

func code(t *testing.T, s string) feature.Code {
	t.Helper()
	c, ok := feature.ParseCode(s)
	if !ok {
		t.Fatalf("no number %s", s)
	}
	return c
}

func written(t *testing.T, format string, ps feature.Problems, source string, o Options) string {
	t.Helper()
	o.Source = func(file string) (string, error) {
		if file != "f.py" {
			return "", errors.New("no such file")
		}
		return source, nil
	}
	var b bytes.Buffer
	if err := Write(&b, format, ps, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The caret stands under the very characters, whatever stands before them.
func TestCaret(t *testing.T) {
	long := strings.Repeat("x", 500) + "NEEDLE" + strings.Repeat("y", 500)
	for _, c := range []struct {
		name, source string
		at           feature.Span
		want         string
	}{
		{"a word", "a bad word", at(1, 3, 1, 6), "    1 | a bad word\n      |   ^^^\n"},
		{"nothing at the end", "where=\"x >\"", at(1, 11, 1, 11), "    1 | where=\"x >\"\n      |           ^\n"},
		{"beyond the line", "ab", at(1, 9, 1, 12), "    1 | ab\n      |   ^\n"},
		{"tabs stay tabs", "\tx\ty", at(1, 4, 1, 5), "    1 | \tx\ty\n      | \t \t^\n"},
		{"wide letters take two columns", "日本 bad", at(1, 4, 1, 7), "    1 | 日本 bad\n      |      ^^^\n"},
		{"combining marks take none", "e\u0301 bad", at(1, 4, 1, 7), "    1 | e\u0301 bad\n      |   ^^^\n"},
		{"several lines: to the end of the first", "f(\"\"\"a  \nb\"\"\")", at(1, 3, 2, 5), "    1 | f(\"\"\"a  \n      |   ^^^^\n"},
		{"a carriage return is no character", "ab\r\ncd\r\n", at(2, 1, 2, 3), "    2 | cd\n      | ^^\n"},
		{"control characters are not printed", "a\x1b[31m bad", at(1, 8, 1, 11), "    1 | a\ufffd[31m bad\n      |        ^^^\n"},
		{"line 12345", strings.Repeat("\n", 123455) + "x", at(123456, 1, 123456, 2), "123456 | x\n       | ^\n"},
		{"no such line", "x", at(7, 1, 7, 2), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := written(t, "text", feature.Problems{{Code: code(t, "BH020"), At: c.at, Message: "m", Cure: "c"}}, c.source, Options{})
			if _, quoted, _ := strings.Cut(got, "m\n"); quoted != c.want+"   c\n" {
				t.Errorf("got\n%s\nwant\n%s", quoted, c.want)
			}
		})
	}
	got := strings.Split(written(t, "text", feature.Problems{{Code: code(t, "BH020"), At: at(1, 501, 1, 507), Message: "m"}}, long, Options{}), "\n")
	if len(got[1]) > 200 || !strings.HasPrefix(got[1], "    1 | …x") || !strings.HasSuffix(got[1], "y…") {
		t.Errorf("a long line is cut on both sides: %s", got[1])
	}
	if i := strings.Index(got[2], "^^^^^^"); i < 0 || string([]rune(got[1])[i:i+6]) != "NEEDLE" || strings.Count(got[2], "^") != 6 {
		t.Errorf("the caret of a cut line:\n%s\n%s", got[1], got[2])
	}
}

var some = func(t *testing.T) feature.Problems {
	return feature.Problems{
		{
			Code: code(t, "BH012"), At: at(2, 5, 2, 8), Message: `column "bad" is not in source "s"`, Near: []string{"bed"}, Names: []string{"f", "e", "d", "c", "bed", "a"}, What: "columns",
			Via: []feature.Pos{{File: "f.py", Line: 1, Col: 1}, {File: "g.py", Line: 9, Col: 3}}, More: 2,
			Related: []feature.Related{{At: at(1, 2, 1, 3), Message: "the first is here"}}, Traceback: "Traceback:\n  boom\n",
		},
		{Code: code(t, "BH080"), Severity: feature.SeverityWarning, At: at(1, 1, 2, 2), Message: "50% of a,b: leak", Cure: "do\nthis"},
		{Code: code(t, "BH095"), Message: "a setting"},
		{Code: code(t, "BH054"), Severity: feature.SeverityHint, At: at(3, 1, 3, 2), Message: "h"},
	}
}

const source = "one = 1\nx = bad\ny\n"

func TestText(t *testing.T) {
	want := `f.py:2:5: error[BH012]: column "bad" is not in source "s"
    2 | x = bad
      |     ^^^
   did you mean "bed"?  columns: a, bed, c, d, e, …
   f.py:1:2: the first is here
   called from f.py:1:1
    1 | one = 1
   called from g.py:9:3
   and 2 more like it from this place
   | Traceback:
   |   boom

f.py:1:1: warning[BH080]: 50% of a,b: leak
    1 | one = 1
      | ^^^^^^^
   do
this

error[BH095]: a setting
   bighead help BH095 explains it

f.py:3:1: hint[BH054]: h
    3 | y
      | ^
   bighead help BH054 explains it
`
	if got := written(t, "text", some(t), source, Options{Traceback: true}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := written(t, "text", some(t), source, Options{}); strings.Contains(got, "boom") {
		t.Error("a traceback that nobody asked for")
	}
	if got := Summary(some(t)); got != "4 errors, 1 warning, 1 hint" {
		t.Errorf("summary %q", got)
	}
}

func TestGitHub(t *testing.T) {
	want := `::error file=f.py,line=2,endLine=2,col=5,endColumn=8,title=BH012 unknown column::column "bad" is not in source "s"%0Adid you mean "bed"?  columns: a, bed, c, d, e, …
::warning file=f.py,line=1,endLine=2,title=BH080 a feature sees the spine's own row::50%25 of a,b: leak%0Ado%0Athis
::error title=BH095 a setting that check does not know::a setting%0Abighead help BH095 explains it
::notice file=f.py,line=3,endLine=3,col=1,endColumn=2,title=BH054 columns from different rows of one millisecond::h%0Abighead help BH054 explains it
`
	if got := written(t, "github", some(t), source, Options{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestJSON(t *testing.T) {
	var got struct {
		Errors, Warnings, Hints int
		Problems                []struct {
			Code, Severity, Title, Message, Advice string
			At                                     *struct {
				File      string
				Line, Col int
				EndLine   int `json:"end_line"`
				EndCol    int `json:"end_col"`
			}
			Near []string `json:"did_you_mean"`
			Via  []struct{ Line int }
		}
	}
	if err := json.Unmarshal([]byte(written(t, "json", some(t), source, Options{})), &got); err != nil {
		t.Fatal(err)
	}
	p := got.Problems[0]
	if got.Errors != 4 || got.Warnings != 1 || got.Hints != 1 || len(got.Problems) != 4 || p.Code != "BH012" || p.Severity != "error" || p.At.Line != 2 || p.At.EndCol != 8 || p.Near[0] != "bed" || p.Via[1].Line != 9 {
		t.Errorf("%+v", got)
	}
	if got.Problems[2].At != nil {
		t.Error("a problem without a place has none")
	}
	if got := written(t, "json", nil, source, Options{}); !strings.Contains(got, `"problems": []`) {
		t.Errorf("no problems are an empty list: %s", got)
	}
}

func TestSARIF(t *testing.T) {
	var got struct {
		Version string
		Runs    []struct {
			ColumnKind string
			Tool       struct {
				Driver struct {
					Rules []struct {
						ID   string
						Help struct{ Text, Markdown string }
					}
				}
			}
			Results []struct {
				RuleID    string `json:"ruleId"`
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
					}
				}
				RelatedLocations []struct{ Message struct{ Text string } }
			}
		}
	}
	if err := json.Unmarshal([]byte(written(t, "sarif", some(t), source, Options{Version: "1.2.3"})), &got); err != nil {
		t.Fatal(err)
	}
	run := got.Runs[0]
	if got.Version != "2.1.0" || run.ColumnKind != "unicodeCodePoints" || len(run.Results) != 4 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []string{"error", "warning", "error", "note"} {
		r := run.Results[i]
		if rule := run.Tool.Driver.Rules[r.RuleIndex]; r.Level != want || rule.ID != r.RuleID || !strings.Contains(rule.Help.Text, "Before:") {
			t.Errorf("result %d: %+v, rule %+v", i, r, rule)
		}
	}
	r := run.Results[0]
	if l := r.Locations[0].PhysicalLocation; l.ArtifactLocation.URI != "f.py" || l.Region.StartLine != 2 || l.Region.StartColumn != 5 || l.Region.EndColumn != 8 || len(r.RelatedLocations) != 3 {
		t.Errorf("%+v", r)
	}
	if len(run.Results[2].Locations) != 0 {
		t.Error("a problem without a place has no location")
	}
}

func TestUnknownFormat(t *testing.T) {
	if err := Write(&bytes.Buffer{}, "xml", nil, Options{}); err == nil || !strings.Contains(err.Error(), "github, json, sarif, text") {
		t.Errorf("%v", err)
	}
}
