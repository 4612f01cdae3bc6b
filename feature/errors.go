package feature

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
)

// reporter collects mistakes. Every mistake is a method of its own, in this file and the mistakes_*.go beside it: the words, the cure
// and the names that can be meant stand there, and check.go only says what is wrong where.
type reporter struct {
	problems Problems
	via      []Pos // of the definition that is being checked
	errors   int   // how many of the problems are errors
}

// within makes a site's callers those of the mistakes that follow, until the function that it returns is called.
func (r *reporter) within(s Site) func() {
	before := r.via
	r.via = s.Via
	return func() { r.via = before }
}

func (r *reporter) add(c Code, at Span, format string, args ...any) *Problem {
	if c.Severity() == SeverityError {
		r.errors++
	}
	r.problems = append(r.problems, Problem{Code: c, Severity: c.Severity(), At: at, Via: r.via, Message: bounded(fmt.Sprintf(format, args...))})
	return &r.problems[len(r.problems)-1]
}

// maxWords is the longest message or cure, in bytes: what an author wrote stands in them, and that can be megabytes.
const maxWords = 1000

func bounded(s string) string {
	if len(s) <= maxWords {
		return s
	}
	return strings.ToValidUTF8(s[:maxWords/2], "") + " … " + strings.ToValidUTF8(s[len(s)-maxWords/2:], "")
}

// choose offers the nearest of the names, and all of them.
func (p *Problem) choose(name, what string, names []string) *Problem {
	p.Names, p.What = names, what
	if len(name) <= maxWords {
		p.Near = expr.Nearest(name, names)
	}
	return p
}

func (p *Problem) cure(format string, args ...any) *Problem {
	p.Cure = bounded(fmt.Sprintf(format, args...))
	return p
}

func (p *Problem) related(at Span, format string, args ...any) *Problem {
	if at.IsValid() {
		p.Related = append(p.Related, Related{at, fmt.Sprintf(format, args...)})
	}
	return p
}

// recordedAs is the number of each kind of mistake that Python reports.
var recordedAs = map[MistakeKind]Code{
	FileRaised: codeRaised, BadSyntax: codeSyntax, BadEncoding: codeEncoding, MissingModule: codeMissingModule, FileExited: codeExited,
	NotAllowed: codeNotAllowed, UnknownArgument: codeUnknownArgument, MissingArgument: codeMissingArgument, WrongArgument: codeWrongArgument,
	UnknownName: codeUnknownName, NotYet: codeLater, TimedOut: codeEndless, Crashed: codeExited,
	Unfit: codeStep,
}

// recorded takes over what Python found.
func (r *reporter) recorded(m *Mistake) {
	defer r.within(m.Site)()
	code, ok := recordedAs[m.Kind]
	if !ok {
		code = codeWrongArgument // of a recording that somebody else wrote: Decode knows the shape of a kind alone
	}
	p := r.add(code, m.At, "%s", m.Message).cure("%s", m.Cure)
	p.Traceback = m.Traceback
	if m.Got != "" {
		p.choose(m.Got, namesOf(m.Kind), m.Names)
	}
}

func namesOf(k MistakeKind) string {
	if k == UnknownArgument {
		return "arguments"
	}
	return "names"
}

// Setting is the problem of a value in bighead.toml that check reads.
func (r *reporter) setting(name, got string, allowed ...string) {
	r.add(codeSetting, Span{}, "%s = %q in bighead.toml is not known", name, got).cure("write %s, or leave the line out", quotedList(allowed, " or "))
}

// missing is a required argument that was not given.
func (r *reporter) missing(at Span, what, argument, cure string) {
	r.add(codeMissingArgument, at, "%s needs %s", what, argument).cure("%s", cure)
}

// meaningless is an argument that says nothing beside, or without, another.
func (r *reporter) meaningless(at Span, argument, why, cure string) {
	r.add(codeMeaningless, at, "%s has no meaning %s", argument, why).cure("%s", cure)
}

// badWord is a text that is none of the words that can stand there.
func (r *reporter) badWord(t Text, argument string, words ...string) {
	r.add(codeBadWord, t.At, "%s=%q is not known", argument, t.Value).choose(t.Value, "it can be", words)
}

// outOfRange is a number or time beyond what its argument takes.
func (r *reporter) outOfRange(at Span, cure, format string, args ...any) {
	r.add(codeRange, at, format, args...).cure("%s", cure)
}

// badDuration is a text that is no duration.
func (r *reporter) badDuration(t Text, argument string) {
	cure := `write a whole number and a unit, such as "90s", "15m", "12h" or "7d"`
	if s, ok := asDuration(t.Value); ok {
		cure = fmt.Sprintf("write %q", s)
	}
	r.add(codeDuration, t.At, "%s=%q is not a duration", argument, t.Value).cure("%s", cure)
}

// spoken is a span as people say it: "1 day", "2weeks", "5M".
var spoken = regexp.MustCompile(`^\s*(\d{1,9})\s*([a-z]+)\s*$`)

// asDuration is what a text that is no duration was meant to be.
func asDuration(s string) (string, bool) {
	m := spoken.FindStringSubmatch(strings.ToLower(s))
	if m == nil {
		return "", false
	}
	unit := strings.TrimSuffix(m[2], "s")
	if to, ok := spokenUnits[unit]; ok {
		return m[1] + to, true
	}
	switch m[2] {
	case "s", "ms":
		return m[1] + m[2], true
	case "w", "wk", "wks", "week", "weeks":
		n, _ := strconv.ParseInt(m[1], 10, 64)
		return strconv.FormatInt(7*n, 10) + "d", true
	}
	return "", false
}

var spokenUnits = map[string]string{
	"millisecond": "ms", "milli": "ms", "msec": "ms", "sec": "s", "second": "s", "m": "m", "min": "m", "minute": "m",
	"h": "h", "hr": "h", "hour": "h", "d": "d", "day": "d",
}

// tooLong is a duration beyond what times can be moved by.
func (r *reporter) tooLong(t Text, argument, limit string) {
	p := r.add(codeTooLong, t.At, "%s=%q is longer than %s", argument, t.Value, limit)
	p.cure("no two times lie further apart")
	if argument == "window" {
		p.cure("leave windows= out for all of history")
	}
}

// badTime is a text that is no time.
func (r *reporter) badTime(t Text, argument string) {
	r.add(codeBadTime, t.At, "%s=%q is not a time", argument, t.Value).
		cure(`write "2024-01-31", which is its midnight in UTC, or "2024-01-31T06:00:00Z"`)
}
