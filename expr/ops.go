package expr

import (
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// operatorTable is arithmetic, comparison and logic.
var operatorTable = []*Function{
	{
		Name: "+", makes: beyond, Family: "Operators", form: formInfix, hint: plusHint,
		Doc: "Sum. Two ints give an int, null where it leaves 64 bits; an int meets a float as a float. An interval is added to a timestamp; to a date only in whole days.",
		Examples: []Example{{"1 + 2", "3"}, {"1 + 0.5", "1.5"}, {"9223372036854775807 + 1", "null"}, {"1 + null", "null"}, {"timestamp '2024-01-31T06:00:00Z' + interval '2 hours'", `"2024-01-31T08:00:00Z"`},
			{"date '2024-02-28' + interval '2 days'", `"2024-03-01"`}, {"timestamp '9999-12-31T23:00:00Z' + interval '1 hour'", "null"}},
		overloads: []*overload{
			{sig: "(x int, y int) int", kernel: fn2(addInt, addInts), sql: checked("try_add", "+", 20)},
			{sig: "(x float, y float) float", kernel: fn2(addFloat, addFloats), sql: floating("+")},
			{sig: "(t timestamp, span interval) timestamp", kernel: fn2(addInt, nil), sql: wildly("($1 + $2)")},
			{sig: "(span interval, t timestamp) timestamp", kernel: fn2(addInt, nil), sql: wildly("($1 + $2)")},
			{sig: "(d date, span const interval) date", bind: bindDateShift(1), sql: dateShiftSQL("+")},
		},
	},
	{
		Name: "-", makes: beyond, Family: "Operators", form: formInfix, hint: minusHint,
		Doc:      "Difference; nulls, ints, floats and intervals as of +. Timestamps are not subtracted: the result would need a unit; datediff(later, earlier) gives days, the difference of extract(epoch_ms from …) milliseconds.",
		Examples: []Example{{"1 - 3", "-2"}, {"-9223372036854775808 - 1", "null"}, {"2.5 - 1", "1.5"}, {"timestamp '1970-01-01T00:00:00Z' - interval '1 millisecond'", `"1969-12-31T23:59:59.999Z"`}, {"date '2024-03-01' - interval '1 day'", `"2024-02-29"`}},
		overloads: []*overload{
			{sig: "(x int, y int) int", kernel: fn2(subInt, subInts), sql: checked("try_subtract", "-", 20)},
			{sig: "(x float, y float) float", kernel: fn2(subFloat, subFloats), sql: floating("-")},
			{sig: "(t timestamp, span interval) timestamp", kernel: fn2(subInt, nil), sql: wildly("($1 - $2)")},
			{sig: "(d date, span const interval) date", bind: bindDateShift(-1), sql: dateShiftSQL("-")},
		},
	},
	{
		Name: "*", makes: beyond, Family: "Operators", form: formInfix,
		Doc:      "Product. Two ints give an int, null where it leaves 64 bits; an int meets a float as a float.",
		Examples: []Example{{"6 * 7", "42"}, {"1.5 * 2", "3.0"}, {"9223372036854775807 * 2", "null"}, {"-1 * -9223372036854775808", "null"}, {"1e308 * 10", "null"}, {"0.0 * -1", "0.0"}},
		overloads: []*overload{
			{sig: "(x int, y int) int", kernel: fn2(mulInt, mulInts), sql: checked("try_multiply", "*", 19)},
			{sig: "(x float, y float) float", kernel: fn2(mulFloat, mulFloats), sql: floating("*")},
		},
	},
	{
		Name: "/", makes: byZero, Family: "Operators", form: formInfix,
		Doc:       "Division of floats, also of two ints; null where the divisor is 0. Whole quotients are div's.",
		Examples:  []Example{{"7 / 2", "3.5"}, {"1 / 3", "0.3333333333333333"}, {"1 / 0", "null"}, {"0.0 / 0.0", "null"}, {"1e308 / 0.1", "null"}},
		overloads: []*overload{{sig: "(x float, y float) float", kernel: fn2(divFloat, divFloats), sql: sql{spark: "try_divide($1, $2)", flink: "($1 / $2)", wild: true, raw: 0b01}}},
	},
	{
		Name: "div", makes: byZero, Family: "Operators", form: formInfix,
		Doc:       "Quotient of ints, truncated toward zero; null where the divisor is 0 and for the least int div -1.",
		Examples:  []Example{{"7 div 2", "3"}, {"-7 div 2", "-3"}, {"7 div 0", "null"}, {"-9223372036854775808 div -1", "null"}},
		overloads: []*overload{{sig: "(x int, y int) int", kernel: fn2(divInt, nil), sql: quotient(false)}},
	},
	{
		Name: "%", makes: only(DivisionByZero), Aliases: []string{"mod"}, Family: "Operators", form: formInfix,
		Doc:       "Remainder of ints, with the dividend's sign; null where the divisor is 0. Also mod(x, y).",
		Examples:  []Example{{"7 % 3", "1"}, {"-7 % 3", "-1"}, {"7 % -3", "1"}, {"7 % 0", "null"}, {"-9223372036854775808 % -1", "0"}, {"mod(7, 3)", "1"}},
		overloads: []*overload{{sig: "(x int, y int) int", kernel: fn2(modInt, nil), sql: quotient(true)}},
		hint:      func([]value.Type) string { return "% is for ints; of floats write x - y * floor(x / y)" },
	},
	{
		Name: "unary -", makes: beyond, Family: "Operators", form: formPrefix,
		Doc:      "Negation; null for the least int.",
		Examples: []Example{{"-(2 + 3)", "-5"}, {"-(-9223372036854775808)", "null"}, {"-(0.0)", "0.0"}},
		overloads: []*overload{
			{sig: "(x int) int", kernel: fn1(negInt, nil), sql: sql{spark: "try_subtract(0L, $1)", flink: "CASE WHEN $1 > -9223372036854775808 THEN - $1 END"}},
			{sig: "(x float) float", kernel: fn1(func(x float64) (float64, Reason) { return -x, 0 }, nil), sql: sql{spark: "(0d - $1)", flink: "(- $1)"}},
		},
	},
	comparison("=", "Equal. Null where either side is; is not distinct from sees nulls.", []Example{{"1 = 1.0", "true"}, {"'a' = 'A'", "false"}, {"null = null", "null"}, {"0.0 = -0.0", "true"}}),
	comparison("<>", "Not equal, also written !=.", []Example{{"1 <> 2", "true"}, {"1 != null", "null"}}),
	comparison("<", "Less. Text and bytes compare byte for byte, which is the order of code points; false is less than true.", []Example{{"1 < 2.5", "true"}, {"'B' < 'a'", "true"}, {"'ﬁ' < '😀'", "true"}, {"false < true", "true"}, {"date '1969-12-31' < date '1970-01-01'", "true"}}),
	comparison("<=", "Less or equal.", []Example{{"2 <= 2", "true"}}),
	comparison(">", "Greater.", []Example{{"'b' > 'a'", "true"}}),
	comparison(">=", "Greater or equal.", []Example{{"15 >= 15", "true"}, {"null >= 15", "null"}}),
	{
		Name: "is distinct from", Family: "Operators", form: formInfix, Steps: true, hint: comparisonHint,
		Doc:       "Not equal, where null equals null and nothing else; never null. x is not distinct from y is its negation.",
		Examples:  []Example{{"null is distinct from null", "false"}, {"1 is distinct from null", "true"}, {"1 is not distinct from 1.0", "true"}},
		overloads: []*overload{{sig: "(x O, y O) bool", bind: bindDistinct, sql: compareSQL("IS DISTINCT FROM")}},
	},
	{
		Name: "not", Family: "Operators", form: formPrefix, hint: conditionHint,
		Doc:       "Negation; null of null.",
		Examples:  []Example{{"not true", "false"}, {"not null", "null"}, {"not 1 = 2", "true"}},
		overloads: []*overload{{sig: "(x bool) bool", kernel: fn1(func(x bool) (bool, Reason) { return !x, 0 }, notBools), sql: both("(NOT $1)")}},
	},
	{
		Name: "and", Family: "Operators", form: formInfix, hint: conditionHint,
		Doc:       "True where all are, false where one is, else null. Stops at the first false.",
		Examples:  []Example{{"true and null", "null"}, {"false and null", "false"}, {"null and false", "false"}},
		overloads: []*overload{{sig: "(x bool, y bool...) bool", kernel: logic(false), sql: joined("AND")}},
	},
	{
		Name: "or", Family: "Operators", form: formInfix, hint: conditionHint,
		Doc:       "False where all are, true where one is, else null. Stops at the first true.",
		Examples:  []Example{{"false or null", "null"}, {"true or null", "true"}, {"null or true", "true"}},
		overloads: []*overload{{sig: "(x bool, y bool...) bool", kernel: logic(true), sql: joined("OR")}},
	},
	{
		Name: "is null", Family: "Operators", form: formPostfix,
		Doc:       "Whether the value is null, of any type; never null. x is not null is its negation.",
		Examples:  []Example{{"null is null", "true"}, {"1 div 0 is null", "true"}, {"'' is null", "false"}, {"1 is not null", "true"}},
		overloads: []*overload{{sig: "(x T) bool", kernel: isNull, sql: both("($1 IS NULL)")}},
	},
	{
		Name: "is true", Family: "Operators", form: formPostfix,
		Doc:       "Whether the condition is true; never null. x is not true is its negation.",
		Examples:  []Example{{"null is true", "false"}, {"1 = 1 is true", "true"}, {"null is not true", "true"}},
		overloads: []*overload{{sig: "(x bool) bool", kernel: isBool(true), sql: both("($1 IS TRUE)")}},
	},
	{
		Name: "is false", Family: "Operators", form: formPostfix,
		Doc:       "Whether the condition is false; never null. x is not false is its negation.",
		Examples:  []Example{{"null is false", "false"}, {"1 = 2 is false", "true"}, {"null is not false", "true"}},
		overloads: []*overload{{sig: "(x bool) bool", kernel: isBool(false), sql: both("($1 IS FALSE)")}},
	},
}

func plusHint(types []value.Type) string {
	for _, t := range types {
		switch t.Kind {
		case value.KindString:
			return "text is joined with ||; text that holds a number is read with cast(x as int)"
		case value.KindTimestamp, value.KindDate:
			return "add an interval: x + interval '1 day'"
		}
	}
	return ""
}

func minusHint(types []value.Type) string {
	if len(types) == 2 && (types[0].Kind == value.KindTimestamp || types[0].Kind == value.KindDate) && types[1].Kind != kindInterval {
		return "for days write datediff(later, earlier); for milliseconds extract(epoch_ms from later) - extract(epoch_ms from earlier); to go back in time x - interval '1 day'"
	}
	return plusHint(types)
}

// comparisonHint looks at the first type that does not meet the first one.
func comparisonHint(types []value.Type) string {
	for _, t := range types {
		if t.Kind != value.KindNull && !t.Ordered() {
			return article(t) + " has no order; compare what is in it"
		}
	}
	for _, b := range types {
		a := types[0]
		if _, ok := join(a, b); ok {
			continue
		}
		if b.Kind == value.KindString {
			a, b = b, a
		}
		switch {
		case a.Kind == value.KindString && b.Numeric():
			return "nothing is converted by itself: cast(x as " + b.String() + ") reads text as a number"
		case a.Kind == value.KindString && b.Kind == value.KindTimestamp:
			return "write timestamp '2024-01-31T06:00:00Z', or cast(x as timestamp)"
		case a.Kind == value.KindString && b.Kind == value.KindDate:
			return "write date '2024-01-31', or cast(x as date)"
		case a.Kind == value.KindString && b.Kind == value.KindBool:
			return "write true or false without quotes, or cast(x as bool)"
		case a.Kind == value.KindTimestamp && b.Kind == value.KindDate, a.Kind == value.KindDate && b.Kind == value.KindTimestamp:
			return "write cast(x as timestamp) or cast(x as date) on one side"
		}
		return "all of them must have one type"
	}
	return ""
}

// article is the type with its article.
func article(t value.Type) string {
	name := typeName(t)
	if name[0] == 'i' {
		return "an " + name
	}
	return "a " + name
}

func conditionHint(types []value.Type) string {
	for _, t := range types {
		if t.Numeric() {
			return "a condition is a bool: write x <> 0"
		}
	}
	return ""
}

func comparison(op, doc string, examples []Example) *Function {
	bind := func(b *binding) kernel {
		switch b.args[0].typ.Kind {
		case value.KindBool:
			rel := relation[int64](op)
			return fn2(func(x, y bool) (bool, Reason) { return rel(ofBool(x), ofBool(y)) }, nil)
		case value.KindFloat:
			return fn2(relation[float64](op), relations[float64](op))
		case value.KindString, value.KindBytes:
			return fn2(relation[string](op), relations[string](op))
		}
		return fn2(relation[int64](op), relations[int64](op))
	}
	return &Function{Name: op, Family: "Operators", form: formInfix, Doc: doc, Examples: examples, Steps: true, hint: comparisonHint,
		overloads: []*overload{{sig: "(x O, y O) bool", bind: bind, sql: compareSQL(op)}}}
}

// bindDateShift moves dates by a constant interval of whole days.
func bindDateShift(sign int64) func(b *binding) kernel {
	return func(b *binding) kernel {
		ms := b.args[1].val.Int()
		if ms%value.DayMS != 0 {
			return b.refuse(1, "a date moves by whole days, not by "+formatInterval(ms), "write cast(x as timestamp) + …")
		}
		days := sign * (ms / value.DayMS)
		return fn2(func(d, _ int64) (int64, Reason) { return addInt(d, days) }, nil)
	}
}

// opName is the operator as canonical text writes it.
func opName(f *Function) string { return strings.TrimPrefix(f.Name, "unary ") }
