package report

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/bighead-ml/bighead/feature"
)

// The parts of SARIF 2.1.0 (OASIS, sarif-schema-2.1.0.json) that code scanning reads.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		URI     string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string     `json:"id"`
		Short   sarifText  `json:"shortDescription"`
		Full    sarifText  `json:"fullDescription"`
		Help    sarifText  `json:"help"`
		Default sarifLevel `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		ID       int           `json:"id,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifText    `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

var levels = map[feature.Severity]string{feature.SeverityError: "error", feature.SeverityWarning: "warning", feature.SeverityHint: "note"}

// sarif prints a log with one run; its rules are the numbers that occur.
func sarif(w io.Writer, ps feature.Problems, o Options) error {
	var used []feature.Code
	for _, p := range ps {
		used = append(used, p.Code)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: make([]sarifResult, 0, len(ps))}
	run.Tool.Driver = sarifDriver{Name: "bighead", Version: o.Version, URI: "https://github.com/bighead-ml/bighead", Rules: make([]sarifRule, 0, len(used))}
	for _, c := range used {
		h, _ := feature.HelpOf(c)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: c.String(), Short: sarifText{Text: c.Title()}, Full: sarifText{Text: h.Text},
			Help: sarifText{Text: h.String(), Markdown: h.Markdown()}, Default: sarifLevel{levels[c.Severity()]},
		})
	}
	for _, p := range ps {
		run.Results = append(run.Results, sarifOf(p, slices.Index(used, p.Code)))
	}
	return encode(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

func sarifOf(p feature.Problem, rule int) sarifResult {
	r := sarifResult{RuleID: p.Code.String(), RuleIndex: rule, Level: levels[p.Severity], Message: sarifText{Text: p.Message + "\n" + p.Advice()}}
	if p.At.IsValid() {
		r.Locations = []sarifLocation{locate(p.At)}
	}
	related := func(at feature.Span, message string) {
		l := locate(at)
		l.ID, l.Message = len(r.Related)+1, &sarifText{Text: message}
		r.Related = append(r.Related, l)
	}
	for _, other := range p.Related {
		related(other.At, other.Message)
	}
	for _, v := range p.Via {
		related(feature.Span{Pos: v}, "called from here")
	}
	return r
}

func locate(s feature.Span) sarifLocation {
	var l sarifLocation
	l.Physical.Artifact.URI = (&url.URL{Path: strings.TrimPrefix(s.File, "./")}).EscapedPath()
	l.Physical.Region = sarifRegion{StartLine: s.Line, StartColumn: s.Col, EndLine: s.EndLine, EndColumn: s.EndCol}
	return l
}
