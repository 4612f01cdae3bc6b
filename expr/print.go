package expr

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Dialect is an engine's SQL.
type Dialect uint8

// The dialects.
const (
	SparkSQL Dialect = iota
	FlinkSQL
)

// String is the dialect's name in messages.
func (d Dialect) String() string { return [...]string{"Spark SQL", "Flink SQL"}[d] }

// sql is how an overload prints. A template has $1, $2, … for the arguments and $* for all of them; "" means that the engine lacks it.
type sql struct {
	spark, flink string
	// long is used in Flink in place of flink where an argument that the template repeats is long: slower, but the text stays small.
	long string
	// text prints where a template does not do.
	text func(d Dialect, t *tree, args []string) string
	// wild says that the printed text can leave its type (NaN, infinity, a time out of range), so that a guard is put around it.
	wild bool
	// raw are the arguments, as bits, that may be printed without their guard: what is not finite there is not finite here.
	raw uint
}

// both is a template that reads the same in all dialects.
func both(template string) sql { return sql{spark: template, flink: template} }

// MaxPrinted is the longest text that an expression may print to: engines' planners take minutes over more.
const MaxPrinted = 256 << 10

// A PrintError says which part of an expression an engine cannot be told, at bytes [Start, End) of the source text.
type PrintError struct {
	Dialect    Dialect
	Name       string // the function or operator
	Start, End int
	Message    string
}

func (e *PrintError) Error() string { return e.Message }

// Print writes the expression in an engine's SQL, such that the engine gives what we give: total, in our order of text, with our casts.
//
// What it stands on: column(name) is SQL for a column's value, typed BOOLEAN, BIGINT (int; timestamp as ms, date as days since the
// epoch), DOUBLE, STRING, BINARY (Flink: BYTES), and arrays, maps, structs of these, already as the contract reads it (V2, V3, V5);
// the result is of the same physical types. Spark runs with either ANSI mode and a session time zone of UTC, Flink with UTC too.
// Constants are folded (X10). An error is a *PrintError.
func (e *Expr) Print(d Dialect, column func(name string) string) (string, error) {
	p := &printer{dialect: d, column: column}
	text, err := p.tree(e.tree, false)
	if err != nil {
		return "", err
	}
	if e.tree.typ.Kind == value.KindFloat && e.tree.column == "" && !e.tree.fixed && d == FlinkSQL {
		// Inside an expression −0.0 does no harm, as a result it would. Flink takes x + 0 for x, so zero is named.
		text = "CASE WHEN " + text + " = 0e0 THEN 0e0 ELSE " + text + " END"
	}
	return text, p.fits(e.tree, text)
}

type printer struct {
	dialect Dialect
	column  func(string) string
}

// maxFlinkCalls bounds the parentheses of what is printed for Flink, whose planner's time grows with their square and worse: it takes
// seconds over 200 of them and minutes over some thousand.
const maxFlinkCalls = 400

func (p *printer) fits(t *tree, text string) error {
	if len(text) <= MaxPrinted && (p.dialect != FlinkSQL || strings.Count(text, "(") <= maxFlinkCalls) {
		return nil
	}
	name := ""
	if t.fn != nil {
		name = t.fn.Name
	}
	return &PrintError{Dialect: p.dialect, Name: name, Start: t.start, End: t.end, Message: fmt.Sprintf("printed for %s this is longer than its planner takes", p.dialect)}
}

func (p *printer) tree(t *tree, raw bool) (string, error) {
	switch {
	case t.fixed:
		return p.dialect.literal(t.typ, t.compile(nil)(nil, nil)), nil
	case t.column != "":
		return p.column(t.column), nil
	}
	args := make([]string, len(t.args))
	for i, a := range t.args {
		var err error
		if args[i], err = p.tree(a, t.over.sql.raw>>i&1 != 0); err != nil {
			return "", err
		}
	}
	text := t.over.sql.print(p.dialect, t, args)
	if text == "" {
		return "", &PrintError{Dialect: p.dialect, Name: t.fn.Name, Start: t.start, End: t.end, Message: fmt.Sprintf("%s has nothing that does what %s %s does", p.dialect, t.fn.Name, t.over.sig)}
	}
	if t.over.sql.wild && !(raw && t.typ.Kind == value.KindFloat) {
		text = p.dialect.guard(t.typ, text)
	}
	return text, p.fits(t, text)
}

// longArgument is the length from which repeating an argument costs more than a slower template.
const longArgument = 200

func (s sql) print(d Dialect, t *tree, args []string) string {
	if s.text != nil {
		return s.text(d, t, args)
	}
	template := s.spark
	if d == FlinkSQL {
		template = s.flink
		if s.long != "" && len(strings.Join(args, "")) > longArgument {
			template = s.long
		}
	}
	return fill(template, args)
}

// fill puts the arguments into a template.
func fill(template string, args []string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(template, '$')
		if i < 0 {
			b.WriteString(template)
			return b.String()
		}
		b.WriteString(template[:i])
		if c := template[i+1]; c == '*' {
			b.WriteString(strings.Join(args, ", "))
		} else {
			b.WriteString(args[c-'1'])
		}
		template = template[i+2:]
	}
}

// guard makes null of what is outside the type. In Spark NaN is greater than everything and adding 0 makes −0.0 plain; in Flink every
// comparison with NaN is false.
func (d Dialect) guard(t value.Type, x string) string {
	low, high := int64(value.MinTimestamp), int64(value.MaxTimestamp)
	switch {
	case t.Kind == value.KindFloat && d == FlinkSQL:
		return "CASE WHEN " + x + " BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN " + x + " END"
	case t.Kind == value.KindFloat && len(x) > longArgument:
		return "(get(filter(array(" + x + "), v -> abs(v) < double('Infinity')), 0) + 0d)"
	case t.Kind == value.KindFloat:
		return "if(abs(" + x + ") < double('Infinity'), " + x + " + 0d, null)"
	case t.Kind == value.KindDate:
		low, high = value.MinDate, value.MaxDate
	case t.Kind != value.KindTimestamp:
		return x
	}
	if d == SparkSQL && len(x) > longArgument {
		return fmt.Sprintf("get(filter(array(%s), v -> v between %dL and %dL), 0)", x, low, high)
	}
	return fmt.Sprintf("CASE WHEN %s BETWEEN %s AND %s THEN %s END", x, d.int(low), d.int(high), x)
}

// Physical is the SQL type in which an engine holds values of a type: every int is 64 bits wide, timestamps are milliseconds and dates
// days since the epoch as integers, because calendar types go wrong before 1970 (Flink) or fail at the ends of their range (Spark).
func (d Dialect) Physical(t value.Type) string {
	switch t.Kind {
	case value.KindBool:
		return "BOOLEAN"
	case value.KindFloat:
		return "DOUBLE"
	case value.KindString:
		return "STRING"
	case value.KindBytes:
		return [...]string{"BINARY", "BYTES"}[d]
	case value.KindList:
		return "ARRAY<" + d.Physical(*t.Elem) + ">"
	case value.KindMap:
		return "MAP<STRING, " + d.Physical(*t.Elem) + ">"
	case value.KindStruct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = quoteBack(f.Name) + [...]string{": ", " "}[d] + d.Physical(f.Type)
		}
		return [...]string{"STRUCT", "ROW"}[d] + "<" + strings.Join(fields, ", ") + ">"
	}
	return "BIGINT"
}

func quoteBack(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// literal prints a constant with its full type: an engine would take 5 for 32 bits, 1.5 for a decimal and 'a' for a CHAR(1).
func (d Dialect) literal(t value.Type, v value.Value) string {
	if v.IsNull() {
		return "CAST(NULL AS " + d.Physical(t) + ")"
	}
	switch t.Kind {
	case value.KindBool:
		return strings.ToUpper(v.String())
	case value.KindFloat:
		return d.float(v.Float())
	case value.KindString:
		if d == FlinkSQL {
			return "CAST(" + d.quote(v.Str()) + " AS STRING)"
		}
		return d.quote(v.Str())
	case value.KindBytes:
		x := "X'" + hex.EncodeToString([]byte(v.Str())) + "'"
		if d == FlinkSQL {
			return "CAST(" + x + " AS BYTES)"
		}
		return x
	}
	if d == FlinkSQL {
		return "CAST(" + d.int(v.Int()) + " AS BIGINT)"
	}
	return d.int(v.Int())
}

// int is an int where its context makes it 64 bits wide.
func (d Dialect) int(i int64) string {
	s := strconv.FormatInt(i, 10)
	if d == SparkSQL {
		s += "L"
	}
	if i < 0 {
		return "(" + s + ")"
	}
	return s
}

func (d Dialect) float(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	if d == SparkSQL {
		s += "d"
	}
	if math.Signbit(f) {
		return "(" + s + ")"
	}
	return s
}

// quote writes text as a literal. Spark reads backslashes, and its shell takes ${…} for a variable.
func (d Dialect) quote(s string) string {
	if d == FlinkSQL {
		return QuoteText(s)
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, `${`, `$\{`).Replace(s) + "'"
}

// Prints reports whether every signature of the function has a printing in the dialect.
func (f *Function) Prints(d Dialect) bool {
	for _, o := range f.overloads {
		if o.sql.text == nil && [...]string{o.sql.spark, o.sql.flink}[d] == "" {
			return false
		}
	}
	return true
}
