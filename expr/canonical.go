package expr

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
)

// String is the canonical text: operators in parentheses, conversions written out, constants folded, columns quoted where they must
// be. It is stable, so that fingerprints can hold it, and Check makes the same expression of it again.
func (e *Expr) String() string { return e.tree.text() }

func (t *tree) text() string {
	switch {
	case t.column != "":
		return QuoteName(t.column)
	case t.fn == nil:
		return constantText(t.typ, t.val)
	}
	args := make([]string, len(t.args))
	for i, a := range t.args {
		args[i] = a.text()
	}
	if t.fn.text != nil {
		return t.fn.text(t, args)
	}
	switch name := opName(t.fn); t.fn.form {
	case formInfix:
		return "(" + strings.Join(args, " "+name+" ") + ")"
	case formPrefix:
		return "(" + name + " " + args[0] + ")"
	case formPostfix:
		return "(" + args[0] + " " + name + ")"
	default:
		return name + "(" + strings.Join(args, ", ") + ")"
	}
}

func constantText(t value.Type, v value.Value) string {
	switch {
	case v.IsNull() && t.Kind == value.KindNull:
		return "null"
	case v.IsNull():
		return "cast(null as " + t.String() + ")"
	}
	switch t.Kind {
	case value.KindString:
		return QuoteText(v.Str())
	case value.KindBytes:
		return "x'" + hex.EncodeToString([]byte(v.Str())) + "'"
	case value.KindTimestamp, value.KindDate:
		return t.String() + " '" + v.String() + "'"
	case kindInterval:
		return "interval '" + formatInterval(v.Int()) + "'"
	}
	return v.String()
}

// QuoteText writes a text as a literal of the language.
func QuoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// softWords are read as columns where they stand alone, but are quoted in canonical text, which then needs no looking ahead.
var softWords = []string{"date", "timestamp", "interval", "cast", "try_cast", "extract", "div", "distinct", "from", "escape", "as"}

// QuoteName writes a column's or field's name as expressions read it, in double quotes where it is not a plain word.
func QuoteName(s string) string {
	plain := !isReserved(s)
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			plain = false
		}
	}
	for _, w := range softWords {
		plain = plain && !strings.EqualFold(s, w)
	}
	if plain && utf8.ValidString(s) && s != "" {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func caseText(t *tree, args []string) string {
	var b strings.Builder
	b.WriteString("case")
	for i := 0; i+1 < len(args); i += 2 {
		b.WriteString(" when " + args[i] + " then " + args[i+1])
	}
	if len(args)%2 == 1 {
		b.WriteString(" else " + args[len(args)-1])
	}
	return b.String() + " end"
}

func inText(_ *tree, args []string) string {
	return "(" + args[0] + " in (" + strings.Join(args[1:], ", ") + "))"
}

func betweenText(_ *tree, args []string) string {
	return "(" + args[0] + " between " + args[1] + " and " + args[2] + ")"
}
