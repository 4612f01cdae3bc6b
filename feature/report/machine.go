package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// place is a span in JSON.
type place struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	EndLine int    `json:"end_line,omitempty"`
	EndCol  int    `json:"end_col,omitempty"`
}

type relatedJSON struct {
	place
	Message string `json:"message"`
}

type problemJSON struct {
	Code     string        `json:"code"`
	Severity string        `json:"severity"`
	Title    string        `json:"title"`
	At       *place        `json:"at,omitempty"`
	Via      []place       `json:"via,omitempty"`
	Message  string        `json:"message"`
	Advice   string        `json:"advice,omitempty"`
	Near     []string      `json:"did_you_mean,omitempty"`
	Names    []string      `json:"names,omitempty"`
	Related  []relatedJSON `json:"related,omitempty"`
	More     int           `json:"more,omitempty"`
	Trace    string        `json:"traceback,omitempty"`
}

// asJSON prints one document: the problems and how many there are of each severity.
func asJSON(w io.Writer, ps feature.Problems, o Options) error {
	out := struct {
		Errors   int           `json:"errors"`
		Warnings int           `json:"warnings"`
		Hints    int           `json:"hints"`
		Problems []problemJSON `json:"problems"`
	}{ps.Count(feature.SeverityError), ps.Count(feature.SeverityWarning), ps.Count(feature.SeverityHint), make([]problemJSON, 0, len(ps))}
	for _, p := range ps {
		j := problemJSON{
			Code: p.Code.String(), Severity: p.Severity.String(), Title: p.Code.Title(), Message: p.Message, Advice: p.Advice(),
			Near: p.Near, Names: p.Names, More: p.More,
		}
		if p.At.IsValid() {
			at := placeOf(p.At)
			j.At = &at
		}
		for _, v := range p.Via {
			j.Via = append(j.Via, place{File: v.File, Line: v.Line, Col: v.Col})
		}
		for _, r := range p.Related {
			j.Related = append(j.Related, relatedJSON{placeOf(r.At), r.Message})
		}
		if o.Traceback {
			j.Trace = p.Traceback
		}
		out.Problems = append(out.Problems, j)
	}
	return encode(w, out)
}

func placeOf(s feature.Span) place {
	return place{File: s.File, Line: s.Line, Col: s.Col, EndLine: s.EndLine, EndCol: s.EndCol}
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// commands are GitHub's words for severities.
var commands = map[feature.Severity]string{feature.SeverityError: "error", feature.SeverityWarning: "warning", feature.SeverityHint: "notice"}

// github prints workflow commands, which GitHub shows beside the lines of a change.
func github(w io.Writer, ps feature.Problems, _ Options) error {
	b := bufio.NewWriter(w)
	for _, p := range ps {
		properties := []string{"title=" + property(p.Code.String()+" "+p.Code.Title())}
		if p.At.IsValid() {
			at := fmt.Sprintf("file=%s,line=%d,endLine=%d", property(p.At.File), p.At.Line, p.At.EndLine)
			if p.At.Line == p.At.EndLine { // columns mean nothing over several lines
				at += fmt.Sprintf(",col=%d,endColumn=%d", p.At.Col, p.At.EndCol)
			}
			properties = append([]string{at}, properties...)
		}
		fmt.Fprintf(b, "::%s %s::%s\n", commands[p.Severity], strings.Join(properties, ","), data(p.Message+"\n"+p.Advice()))
	}
	return b.Flush()
}

func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
