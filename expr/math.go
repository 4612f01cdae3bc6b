package expr

import (
	"math"

	"github.com/bighead-ml/bighead/value"
)

// whole makes the entries of floor, ceil and round: an int stays as it is, a float becomes whole and stays a float (X7).
func whole(name, doc string, examples []Example, f func(float64) float64, printed sql) *Function {
	return &Function{Name: name, Family: "Mathematics", Doc: doc, Examples: examples, Steps: true,
		hint: func(types []value.Type) string {
			if len(types) > 1 {
				return name + " goes to a whole number: engines disagree on decimal digits (1.005); write " + name + "(x * 100) / 100"
			}
			return ""
		},
		overloads: []*overload{
			{sig: "(x int) int", kernel: fn1(func(x int64) (int64, Reason) { return x, 0 }, nil), sql: both("$1")},
			{sig: "(x float) float", kernel: fn1(func(x float64) (float64, Reason) { return f(x), 0 }, nil), sql: printed},
		}}
}

var mathTable = []*Function{
	{
		Name: "abs", makes: beyond, Family: "Mathematics",
		Doc:      "Absolute value, of the argument's type; null for the least int.",
		Examples: []Example{{"abs(-3)", "3"}, {"abs(-2.5)", "2.5"}, {"abs(-9223372036854775808)", "null"}},
		overloads: []*overload{
			{sig: "(x int) int", kernel: fn1(func(x int64) (int64, Reason) {
				if x < 0 {
					return negInt(x)
				}
				return x, 0
			}, nil), sql: sql{spark: "if($1 > -9223372036854775808L, abs($1), null)", flink: "CASE WHEN $1 > -9223372036854775808 THEN ABS($1) END"}},
			{sig: "(x float) float", kernel: fn1(func(x float64) (float64, Reason) { return math.Abs(x), 0 }, nil), sql: both("ABS($1)")},
		},
	},
	{
		Name: "sign", Family: "Mathematics", Steps: true,
		Doc:      "-1, 0 or 1, of the argument's type.",
		Examples: []Example{{"sign(-3)", "-1"}, {"sign(0.0)", "0.0"}, {"sign(2.5)", "1.0"}},
		overloads: []*overload{
			{sig: "(x int) int", kernel: fn1(func(x int64) (int64, Reason) { return int64(signOf(x)), 0 }, nil), sql: both("CAST(SIGN($1) AS BIGINT)")},
			{sig: "(x float) float", kernel: fn1(func(x float64) (float64, Reason) { return float64(signOf(x)), 0 }, nil), sql: both("CAST(SIGN($1) AS DOUBLE)")},
		},
	},
	whole("floor", "The greatest whole number that is not above x, of the argument's type.", []Example{{"floor(-1.5)", "-2.0"}, {"floor(7)", "7"}, {"floor(1e300)", "1e+300"}}, math.Floor, sql{spark: "if(abs($1) < 4503599627370496d, cast(floor($1) as double), $1)", flink: "FLOOR($1)"}),
	whole("ceil", "The least whole number that is not below x, of the argument's type.", []Example{{"ceil(-1.5)", "-1.0"}, {"ceil(1.2)", "2.0"}, {"ceil(-0.5)", "0.0"}}, math.Ceil, sql{spark: "if(abs($1) < 4503599627370496d, cast(ceil($1) as double), $1)", flink: "CEIL($1)"}),
	whole("round", "The nearest whole number, of the argument's type; a half goes away from zero. There is no second argument: engines disagree on decimal digits.", []Example{{"round(2.5)", "3.0"}, {"round(-2.5)", "-3.0"}, {"round(0.49999999999999994)", "0.0"}, {"round(-0.4)", "0.0"}, {"round(7)", "7"}}, math.Round, both("ROUND($1)")),
	{
		Name: "sqrt", makes: only(Domain), Family: "Mathematics",
		Doc:       "Square root, the nearest float; null where x is negative.",
		Examples:  []Example{{"sqrt(2)", "1.4142135623730951"}, {"sqrt(-1)", "null"}},
		overloads: []*overload{{sig: "(x float) float", kernel: fn1(positive(math.Sqrt, true), nil), sql: wildly("SQRT($1)")}},
	},
	{
		Name: "exp", makes: beyond, Family: "Mathematics", Transcendental: true,
		Doc:       "e to the power of x; null where it is beyond the floats.",
		Examples:  []Example{{"exp(0)", "1.0"}, {"exp(1000)", "null"}, {"exp(-1000)", "0.0"}},
		overloads: []*overload{{sig: "(x float) float", kernel: fn1(func(x float64) (float64, Reason) { return exp(x), 0 }, nil), sql: wildly("EXP($1)")}},
	},
	{
		Name: "ln", makes: only(Domain), Family: "Mathematics", Transcendental: true,
		Doc:       "Natural logarithm; null where x is not positive.",
		Examples:  []Example{{"ln(1)", "0.0"}, {"ln(0)", "null"}, {"ln(-1)", "null"}},
		overloads: []*overload{{sig: "(x float) float", kernel: fn1(positive(ln, false), nil), sql: wildly("LN($1)")}},
	},
	{
		Name: "log10", makes: only(Domain), Family: "Mathematics", Transcendental: true,
		Doc:       "Logarithm to base 10; null where x is not positive.",
		Examples:  []Example{{"log10(1000)", "3.0"}, {"log10(0)", "null"}},
		overloads: []*overload{{sig: "(x float) float", kernel: fn1(positive(log10, false), nil), sql: wildly("LOG10($1)")}},
	},
	{
		Name: "pow", makes: outOfDomain, Family: "Mathematics", Transcendental: true,
		Doc:       "x to the power of y, floats; null where it is beyond the floats, for a negative x with a fractional y, and for 0 with a negative y. pow(x, 0) is 1.",
		Examples:  []Example{{"pow(2, 10)", "1024.0"}, {"pow(0, 0)", "1.0"}, {"pow(-8, 1.0 / 3)", "null"}, {"pow(0, -1)", "null"}, {"pow(10, 400)", "null"}},
		overloads: []*overload{{sig: "(x float, y float) float", kernel: fn2(pow, nil), sql: wildly("POWER($1, $2)")}},
	},
}

func signOf[T int64 | float64](x T) int {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return 0
}

// positive guards a function whose domain begins at 0, or just above.
func positive(f func(float64) float64, zero bool) func(float64) (float64, Reason) {
	return func(x float64) (float64, Reason) {
		if x < 0 || x == 0 && !zero {
			return 0, Domain
		}
		return f(x), 0
	}
}
