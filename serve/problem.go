package serve

import (
	"fmt"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Problem is why a request, or one row of it, is not answered: numbered, naming the field and the cure. Which road it goes out on
// (RFC 9457 over HTTP) is the surface's.
type Problem struct {
	Code   feature.Code
	Detail string
	Field  string   // of the row or the request; "": none
	Near   []string // what may have been meant, best first
	Cure   string
	// After is when to come again; 0: it would not help.
	After time.Duration
}

// Error is the problem in a line.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%s: %s", p.Code, p.Detail)
	if advice := p.Advice(); advice != "" {
		text += " (" + advice + ")"
	}
	return text
}

// Advice is the nearest names and the cure.
func (p *Problem) Advice() string {
	parts := make([]string, 0, 2)
	if len(p.Near) > 0 {
		parts = append(parts, `did you mean "`+strings.Join(p.Near, `" or "`)+`"?`)
	}
	if p.Cure != "" {
		parts = append(parts, p.Cure)
	}
	return strings.Join(parts, "  ")
}

// maxNames is how many names a cure lists.
const maxNames = 8

func listed(names []string) string {
	if len(names) > maxNames {
		return strings.Join(names[:maxNames], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// maxQuoted bounds what of a request is repeated in an answer to it.
const maxQuoted = 60

func quoted(s string) string {
	if r := []rune(s[:min(len(s), 4*maxQuoted)]); len(r) > maxQuoted {
		return fmt.Sprintf("%q…", string(r[:maxQuoted]))
	}
	return fmt.Sprintf("%q", s)
}

func unknownView(name string, served []string) *Problem {
	cure := "served are: " + listed(served)
	if len(served) == 0 {
		cure = "no view is served yet: bighead apply"
	}
	return &Problem{Code: feature.CodeUnknownView, Detail: "no view " + quoted(name) + " is served", Field: "view", Near: expr.Nearest(name, served), Cure: cure}
}

func (v *View) unknownFeature(name string) *Problem {
	return &Problem{Code: feature.CodeUnknownFeature, Detail: "view " + v.Name() + " has no column " + quoted(name), Field: "features",
		Near: expr.Nearest(name, v.names), Cure: "its columns are: " + listed(v.names)}
}

// UnknownField is a row's field that is neither a key nor a request field.
func (v *View) UnknownField(name string) *Problem {
	names := make([]string, len(v.Plan.Asked))
	for i, k := range v.Plan.Asked {
		names[i] = k.Name
	}
	return &Problem{Code: feature.CodeUnknownField, Detail: "view " + v.Name() + " takes no field " + quoted(name), Field: name,
		Near: expr.Nearest(name, names), Cure: "a row has: " + listed(names)}
}

// Absent is a key or field that a row lacks.
func Absent(k feature.Key) *Problem {
	return &Problem{Code: feature.CodeAbsentField, Detail: fmt.Sprintf("%q is absent", k.Name), Field: k.Name,
		Cure: fmt.Sprintf("send it, %s or null; null is the key of no events, and what may be absent is declared bh.optional", value.An(k.Type.String()))}
}

// IllTyped is a key or field of another type than declared; got is how the caller wrote it.
func IllTyped(k feature.Key, got string) *Problem {
	return &Problem{Code: feature.CodeIllTyped, Detail: fmt.Sprintf("%q is no %s: %s", k.Name, k.Type, quoted(got)), Field: k.Name, Cure: typeCure(k.Type)}
}

func typeCure(t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "write true or false"
	case value.KindInt:
		return "write a whole number within 64 bits, as a number or a string"
	case value.KindFloat:
		return "write a number"
	case value.KindString:
		return "write a string of valid UTF-8"
	case value.KindTimestamp:
		return "write RFC 3339, such as 2024-01-31T06:00:00Z, or whole milliseconds since 1970"
	case value.KindDate:
		return "write YYYY-MM-DD"
	case value.KindBytes:
		return "write base64"
	}
	return "write a JSON value of that type"
}

func lookBack(detail string) *Problem {
	return &Problem{Code: feature.CodeLookBack, Detail: detail + ": online stores cannot look back", Field: "at", Cure: lookBackCure}
}

const lookBackCure = `leave at out for the newest answer; the past is for training sets and p.features`

func beforeNewest(at, newest int64) *Problem {
	return lookBack(fmt.Sprintf("at %s is not after the newest event of the row's keys, %s", value.FormatTimestamp(at), value.FormatTimestamp(newest)))
}

func requiredFailed(name string) *Problem {
	return &Problem{Code: feature.CodeRequiredFailed, Detail: fmt.Sprintf("the required feature %q could not be had", name), Field: name,
		Cure: "come again shortly, or declare a fallback= for it", After: time.Second}
}

func requiredNull(name string) *Problem {
	return &Problem{Code: feature.CodeRequiredNull, Detail: fmt.Sprintf("%q is null, and its value is required", name), Field: name,
		Cure: "give the feature a default=, or take it out of required_value"}
}
