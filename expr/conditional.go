package expr

import (
	"math/bits"
	"slices"

	"github.com/bighead-ml/bighead/value"
)

// conditionalTable is what chooses between values. The lazy ones evaluate an argument only for the rows that reach it.
var conditionalTable = []*Function{
	{
		Name: "case", Family: "Conditions", text: caseText, hint: caseHint,
		Doc:       "case when condition then value … else value end gives the value of the first condition that is true, else that of else, or null without one. case x when v then … is case when x = v then …. All values have one type; int meets float as float.",
		Examples:  []Example{{"case when 15 > 10 then 'late' else 'on time' end", `"late"`}, {"case when null then 1 end", "null"}, {"case 2 when 1 then 'a' when 2 then 'b' end", `"b"`}, {"case when true then 1 else 2.5 end", "1.0"}, {"case when false then 1 div 0 else 2 end", "2"}},
		overloads: []*overload{{sig: "(condition bool, value T, else T) T", cases: true, kernel: kernel{row: rowCase, vec: vecCase}, sql: sql{text: caseSQL}}},
	},
	{
		Name: "if", Family: "Conditions", hint: func(types []value.Type) string { return conditionHint(types[:min(1, len(types))]) },
		Doc:       "if(condition, x, y) is x where the condition is true, else y, also where it is null.",
		Examples:  []Example{{"if(1 < 2, 'a', 'b')", `"a"`}, {"if(null, 1, 2)", "2"}, {"if(true, null, 2)", "null"}},
		overloads: []*overload{{sig: "(condition bool, x T, y T) T", kernel: kernel{row: rowCase, vec: vecCase}, sql: sql{text: caseSQL}}},
	},
	{
		Name: "coalesce", Family: "Conditions", hint: func([]value.Type) string { return "its arguments must have one type; bring them together with cast" },
		Doc:       "The first argument that is not null; null where all are. int meets float as float.",
		Examples:  []Example{{"coalesce(null, 2, 3)", "2"}, {"coalesce(null, 1, 0.5)", "1.0"}, {"coalesce(1 div 0, 0)", "0"}},
		overloads: []*overload{{sig: "(x T, y T...) T", kernel: kernel{row: rowCoalesce, vec: vecCoalesce}, sql: both("COALESCE($*)")}},
	},
	{
		Name: "nullif", Family: "Conditions", Steps: true, hint: comparisonHint,
		Doc:       "nullif(x, y) is null where x = y, else x. That null is asked for, and is not counted.",
		Examples:  []Example{{"nullif(0, 0)", "null"}, {"nullif(1, 0)", "1"}, {"nullif(1, null)", "1"}, {"nullif(1, 1.0)", "null"}},
		overloads: []*overload{{sig: "(x O, y O) O", bind: bindNullif, sql: sql{text: nullifSQL}}},
	},
	{
		Name: "in", Family: "Conditions", Steps: true, text: inText, hint: comparisonHint,
		Doc:       "x in (a, b, …) is true where x equals one of them, else null where x or one of them is null, else false. x not in (…) is its negation. int meets float as float.",
		Examples:  []Example{{"2 in (1, 2, 3)", "true"}, {"'x' in ('a', 'b')", "false"}, {"4 in (1, null)", "null"}, {"1 in (1, null)", "true"}, {"4 not in (1, 2)", "true"}, {"1 in (0.5, 1.0)", "true"}},
		overloads: []*overload{{sig: "(x O, y O...) bool", bind: bindIn, sql: sql{text: inSQL}}},
	},
	{
		Name: "between", Family: "Conditions", Steps: true, text: betweenText, hint: comparisonHint,
		Doc:       "x between low and high is x >= low and x <= high, all three evaluated once. x not between … is its negation.",
		Examples:  []Example{{"5 between 1 and 5", "true"}, {"0 between 1 and 5", "false"}, {"5 between null and 1", "false"}, {"5 between 1 and null", "null"}, {"date '2024-02-29' between date '2024-02-01' and date '2024-02-29'", "true"}},
		overloads: []*overload{{sig: "(x O, low O, high O) bool", bind: bindBetween, sql: sql{text: betweenSQL}}},
	},
	{
		Name: "greatest", Family: "Conditions", hint: comparisonHint,
		Doc:       "The greatest argument that is not null; null where all are (X4).",
		Examples:  []Example{{"greatest(1, 3, 2)", "3"}, {"greatest(1, null)", "1"}, {"greatest(1, 2.5)", "2.5"}, {"greatest('a', 'B')", `"a"`}, {"greatest(cast(null as int), null)", "null"}},
		overloads: []*overload{{sig: "(x O, y O...) O", bind: extreme(1), sql: extremeSQL("greatest", ">=")}},
	},
	{
		Name: "least", Family: "Conditions", hint: comparisonHint,
		Doc:       "The least argument that is not null; null where all are (X4).",
		Examples:  []Example{{"least(1, 3, 2)", "1"}, {"least(1, null)", "1"}, {"least(timestamp '2024-01-31T06:00:00Z', timestamp '1969-01-01T00:00:00Z')", `"1969-01-01T00:00:00Z"`}},
		overloads: []*overload{{sig: "(x O, y O...) O", bind: extreme(-1), sql: extremeSQL("least", "<=")}},
	},
}

func caseHint(types []value.Type) string {
	for i := 0; i+1 < len(types); i += 2 {
		if types[i].Kind != value.KindBool && types[i].Kind != value.KindNull {
			return "what stands after when must be a condition (bool), not " + typeName(types[i])
		}
	}
	return "all values of a case must have one type; bring them together with cast"
}

// isNull evaluates its argument for its counts alone; the answer is the bitmap.
var isNull = kernel{
	row: func(args []RowFunc, _ value.Type) RowFunc {
		x := args[0]
		return func(row []value.Value, nulls *Nulls) value.Value { return value.OfBool(x(row, nulls).IsNull()) }
	},
	vec: func(p *Program, s *step, sel value.Bitmap) *value.Column {
		x := p.eval(s.args[0], sel)
		out := s.begin()
		for w := range sel {
			out.Nulls[w] = 0
			unpack(out.Bools[w<<6:min(w<<6+64, p.n)], word(x.Nulls, w))
		}
		return out
	},
}

// unpack makes bools of bits.
func unpack(out []bool, m uint64) {
	for i := range out {
		out[i] = m>>(i&63)&1 != 0
	}
}

func isBool(want bool) kernel {
	return kernel{
		row: func(args []RowFunc, _ value.Type) RowFunc {
			x := args[0]
			return func(row []value.Value, nulls *Nulls) value.Value {
				v := x(row, nulls)
				return value.OfBool(!v.IsNull() && v.Bool() == want)
			}
		},
		vec: func(p *Program, s *step, sel value.Bitmap) *value.Column {
			x := p.eval(s.args[0], sel)
			out := s.begin()
			for w := range sel {
				lo, hi := w<<6, min(w<<6+64, p.n)
				out.Nulls[w] = 0
				m := pack(x.Bools[lo:hi])
				if !want {
					m = ^m
				}
				unpack(out.Bools[lo:hi], m&^word(x.Nulls, w))
			}
			return out
		},
	}
}

// logic is and (stops at false) and or (stops at true): a row leaves as soon as an argument is the value that decides.
func logic(decides bool) kernel {
	row := func(args []RowFunc, _ value.Type) RowFunc {
		return func(row []value.Value, nulls *Nulls) value.Value {
			null := false
			for _, a := range args {
				v := a(row, nulls)
				if v.IsNull() {
					null = true
				} else if v.Bool() == decides {
					return v
				}
			}
			if null {
				return value.Value{}
			}
			return value.OfBool(!decides)
		}
	}
	vec := func(p *Program, s *step, sel value.Bitmap) *value.Column {
		open, null := s.mask(p, 0), s.mask(p, 1) // rows not decided, and those of them that saw a null
		copy(open, sel)
		clear(null)
		for _, a := range s.args {
			if !anySet(open) {
				break
			}
			x := p.eval(a, open)
			for w := range open {
				m := pack(x.Bools[w<<6 : min(w<<6+64, p.n)])
				if !decides {
					m = ^m
				}
				n := word(x.Nulls, w)
				open[w] &^= m &^ n
				null[w] |= n
			}
		}
		out := s.begin()
		for w := range open {
			m := open[w]
			if decides {
				m = ^m
			}
			unpack(out.Bools[w<<6:min(w<<6+64, p.n)], m)
			out.Nulls[w] = open[w] & null[w]
		}
		return out
	}
	return kernel{row: row, vec: vec}
}

// rowCase is case and if: conditions and values in turn, and perhaps a value for the rest.
func rowCase(args []RowFunc, _ value.Type) RowFunc {
	pairs := len(args) &^ 1
	return func(row []value.Value, nulls *Nulls) value.Value {
		for i := 0; i < pairs; i += 2 {
			if args[i](row, nulls).Bool() {
				return args[i+1](row, nulls)
			}
		}
		if pairs < len(args) {
			return args[pairs](row, nulls)
		}
		return value.Value{}
	}
}

func vecCase(p *Program, s *step, sel value.Bitmap) *value.Column {
	out := s.begin()
	open, take := s.mask(p, 0), s.mask(p, 1)
	copy(open, sel)
	for w := range open {
		out.Nulls[w] = ^uint64(0)
	}
	for i := 0; i < len(s.args) && anySet(open); i += 2 {
		if i+1 == len(s.args) {
			blend(out, p.eval(s.args[i], open), open, p.n)
			break
		}
		truth(take, open, p.eval(s.args[i], open), p.n)
		if !anySet(take) {
			continue
		}
		blend(out, p.eval(s.args[i+1], take), take, p.n)
		for w := range open {
			open[w] &^= take[w]
		}
	}
	return out
}

func rowCoalesce(args []RowFunc, _ value.Type) RowFunc {
	return func(row []value.Value, nulls *Nulls) value.Value {
		for _, a := range args {
			if v := a(row, nulls); !v.IsNull() {
				return v
			}
		}
		return value.Value{}
	}
}

func vecCoalesce(p *Program, s *step, sel value.Bitmap) *value.Column {
	out := s.begin()
	open := s.mask(p, 0)
	copy(open, sel)
	for _, a := range s.args {
		if !anySet(open) {
			break
		}
		blend(out, p.eval(a, open), open, p.n)
		for w := range open {
			open[w] &= out.Nulls[w]
		}
	}
	return out
}

// bindIn looks constants up in a set; with columns in the list every argument is compared.
func bindIn(b *binding) kernel {
	null := false
	for _, a := range b.args[1:] {
		if !a.isConstant() {
			return fnNulls(inList)
		}
		null = null || a.val.IsNull()
	}
	switch b.args[0].typ.Kind {
	case value.KindFloat:
		return inSet[float64](b.args[1:], null)
	case value.KindString, value.KindBytes:
		return inSet[string](b.args[1:], null)
	case value.KindBool:
		return inSet[bool](b.args[1:], null)
	}
	return inSet[int64](b.args[1:], null)
}

func inList(a []value.Value) (value.Value, Reason) {
	null := a[0].IsNull()
	for _, v := range a[1:] {
		if v.IsNull() {
			null = true
		} else if value.Equal(a[0], v) {
			return value.OfBool(true), 0
		}
	}
	if null {
		return value.Value{}, 0
	}
	return value.OfBool(false), 0
}

// inSet is in over constants. A list is searched one by one while it is short: hashing costs more.
func inSet[K interface {
	cell
	comparable
}](list []*tree, null bool) kernel {
	get := getter[K]()
	set := make(map[K]struct{}, len(list))
	var short []K
	for _, t := range list {
		if !t.val.IsNull() {
			set[get(t.val)] = struct{}{}
			short = append(short, get(t.val))
		}
	}
	has := func(k K) bool { _, ok := set[k]; return ok }
	if len(short) <= 8 {
		has = func(k K) bool { return slices.Contains(short, k) }
	}
	row := func(args []RowFunc, _ value.Type) RowFunc {
		x := args[0]
		return func(row []value.Value, nulls *Nulls) value.Value {
			v := x(row, nulls)
			if v.IsNull() {
				return v
			}
			if found := has(get(v)); found || !null {
				return value.OfBool(found)
			}
			return value.Value{}
		}
	}
	vec := func(p *Program, s *step, sel value.Bitmap) *value.Column {
		x := p.eval(s.args[0], sel)
		out := s.begin()
		a := cells[K](x)
		for w := range sel {
			n := word(x.Nulls, w)
			for m := sel[w] &^ n; m != 0; m &= m - 1 {
				i := w<<6 + bits.TrailingZeros64(m)
				out.Bools[i] = has(a[i])
				if null && !out.Bools[i] {
					n |= m & -m
				}
			}
			out.Nulls[w] = n
		}
		return out
	}
	return kernel{row: row, vec: vec}
}
