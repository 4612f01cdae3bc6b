package sweep

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// A languageCase is one expression of the sweep: a signature of a function over columns of edge values.
type languageCase struct {
	function  string
	signature string
	text      string
}

// constants are what stands for constant parameters, by function and parameter; each makes a case.
var constants = map[string][]string{
	"like pattern":         {"''", "'%'", "'_'", "'a'", "'a%'", "'%b'", "'%b%'", "'a%c'", "'_b_'", "'%a%b%'", "'😀'", "'_😀_'", "'%_%'", "'a__%'", `'a\b'`, `'%\%'`, `'\%'`, "'%''%'", "'.'", "'a.b'", "'%\n%'", "'[a-c]%'", "'$%'", "'^a'"},
	"like escaped":         {"'!%' escape '!'", "'a!%b' escape '!'", "'%!_%' escape '!'", "'%!!%' escape '!'", `'\%' escape '\'`, `'%\\%' escape '\'`, "'a%%%%b' escape '%'", "'__' escape '_'", "'😀%' escape '😀'", "'a''%b' escape ''''", "'a[%b' escape '['"},
	"split_part":           {"'-'", "'--'", "'.'", "'a'", "'b'", "'😀'", "'%'", `'\'`, "'$0'", "''''", "' '", "'bc'"},
	"extract timestamp":    {"year", "quarter", "month", "week", "day", "doy", "dow", "epoch_ms", "hour", "minute", "second", "millisecond"},
	"extract date":         {"year", "quarter", "month", "week", "day", "doy", "dow", "epoch_ms"},
	"date_trunc timestamp": {"'second'", "'minute'", "'hour'", "'day'", "'week'", "'month'", "'quarter'", "'year'"},
	"date_trunc date":      {"'day'", "'week'", "'month'", "'quarter'", "'year'"},
	"to_timestamp":         {"'s'", "'ms'", "'us'", "'ns'"},
	"local":                {"'UTC'", "'America/New_York'", "'Europe/Berlin'", "'Asia/Kolkata'", "'Australia/Lord_Howe'", "'Pacific/Apia'", "'Africa/Monrovia'"},
	".":                    {"n", "s"},
	"interval":             {"interval '0 days'", "interval '1 day'", "interval '-3 days'", "interval '366 days'", "interval '3652058 days'", "interval '-3652058 days'"},
	"span":                 {"interval '1 millisecond'", "interval '-1 millisecond'", "interval '2 hours'", "interval '-400 days'", "interval '3652058 days'"},
}

// orderedStems and allStems are the columns that a variable of a signature ranges over.
var (
	orderedStems = []string{"bool", "int", "float", "string", "bytes", "timestamp", "date"}
	allStems     = append(append([]string{}, orderedStems...), "ints", "strings", "map", "struct")
)

// infix operators, in the order of their names in the table.
var infix = map[string]bool{"+": true, "-": true, "*": true, "/": true, "div": true, "%": true, "=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true,
	"is distinct from": true, "and": true, "or": true, "||": true}

// call writes a function over arguments as definitions do.
func call(name string, args []string, result string) string {
	all := strings.Join(args, ", ")
	switch {
	case infix[name]:
		return "(" + strings.Join(args, " "+name+" ") + ")"
	case name == "unary -":
		return "(-" + args[0] + ")"
	case name == "not":
		return "(not " + args[0] + ")"
	case strings.HasPrefix(name, "is "):
		return "(" + args[0] + " " + name + ")"
	case name == "case":
		return "case when " + args[0] + " then " + args[1] + " else " + args[2] + " end"
	case name == "in":
		return "(" + args[0] + " in (" + strings.Join(args[1:], ", ") + "))"
	case name == "between":
		return "(" + args[0] + " between " + args[1] + " and " + args[2] + ")"
	case name == "like":
		return "(" + args[0] + " like " + args[1] + ")" // an escape stands with its pattern
	case name == "cast":
		return "cast(" + args[0] + " as " + result + ")"
	case name == "extract":
		return "extract(" + args[0] + " from " + args[1] + ")"
	case name == "[]":
		return args[0] + "[" + args[1] + "]"
	case name == ".":
		return args[0] + "." + args[1]
	}
	return name + "(" + all + ")"
}

// languageCases lists at least one case for every signature of every function in the table.
func languageCases() []languageCase {
	var out []languageCase
	for _, f := range expr.Functions() {
		for _, sig := range f.Signatures() {
			for _, args := range argumentsOf(f.Name, sig) {
				_, result, _ := strings.Cut(sig, ") ")
				out = append(out, languageCase{f.Name, sig, call(f.Name, args, result)})
			}
		}
	}
	return append(out, extraCases...)
}

// argumentsOf lists the lists of arguments that a signature is tried with.
func argumentsOf(name, sig string) [][]string {
	inside, _, _ := strings.Cut(strings.TrimPrefix(sig, "("), ") ")
	params := strings.Split(inside, ", ")
	variables := []string{""}
	switch {
	case strings.Contains(sig, "<O>"), strings.Contains(sig, "<T>"):
		variables = []string{"int", "string"}
	case strings.Contains(sig, " O"):
		variables = orderedStems
	case strings.Contains(sig, " T"):
		variables = allStems
	}
	var out [][]string
	for _, variable := range variables {
		lists := [][]string{nil}
		used := map[string]int{}
		for _, p := range params {
			lists = cross(lists, argument(name, p, inside, variable, used))
		}
		out = append(out, lists...)
		if strings.HasSuffix(inside, "...") { // once more with another of the last
			for _, l := range lists {
				out = append(out, append(append([]string{}, l...), argument(name, params[len(params)-1], inside, variable, used)[0]))
			}
		}
	}
	return out
}

func cross(lists [][]string, choices []string) [][]string {
	var out [][]string
	for _, l := range lists {
		for _, c := range choices {
			out = append(out, append(append([]string{}, l...), c))
		}
	}
	return out
}

// argument lists what stands for one parameter; used counts the columns that stand already.
func argument(name, param, inside, variable string, used map[string]int) []string {
	_, typ, _ := strings.Cut(param, " ")
	typ = strings.TrimSuffix(typ, "...")
	switch {
	case typ == "const interval":
		return constants["interval"]
	case typ == "interval":
		return constants["span"]
	case name == "like" && strings.HasPrefix(param, "pattern"):
		if strings.Contains(inside, "escape") {
			return constants["like escaped"] // with its escape
		}
		return constants["like pattern"]
	case name == "like" && strings.HasPrefix(param, "escape"):
		return []string{""}
	case strings.HasPrefix(typ, "const "):
		for _, key := range []string{name, name + " timestamp", name + " date"} {
			if key == name || strings.HasSuffix(key, " timestamp") == strings.Contains(inside, "t timestamp") {
				if list := constants[key]; list != nil {
					return list
				}
			}
		}
		panic("no constants for " + name + " " + param)
	}
	return []string{column(name, typ, variable, used)}
}

// column is the next column of a type.
func column(name, typ, variable string, used map[string]int) string {
	switch typ {
	case "O", "T":
		typ = variable
	case "list<O>", "list<T>":
		typ = variable + "s"
	case "map<string,T>":
		typ = "map"
	}
	if name == "cast" && typ == "string" {
		return "text"
	}
	n := used[""] // by place and not by type: two columns a would meet on the diagonal alone
	used[""]++
	return typ + "_" + string("abc"[min(n, 2)])
}

// extraCases are what signatures do not show: mixed numbers, literals, nulls of each type, constants in each place.
var extraCases = extras(
	"int_a + float_b", "float_a - int_b", "int_a * float_b", "int_a / int_b", "int_a = float_b", "int_a < float_b", "float_a is distinct from int_b", "coalesce(int_a, float_b)", "greatest(int_a, float_b, int_c)",
	"least(float_a, int_b)", "int_a in (float_b, 7, 2.5)", "if(bool_a, int_b, float_c)", "case when bool_a then int_b when bool_c then float_c end", "nullif(int_a, float_b)", "int_a between float_b and int_c", "pow(int_a, 2)", "sqrt(int_a)",
	"int_a + 9223372036854775807", "int_a - 9223372036854775807", "int_a * -1", "int_a div -1", "int_a % -1", "int_a % 7", "-9223372036854775808 div int_a", "-9223372036854775808 + int_a", "float_a * 1e308", "float_a / 0.0", "1.0 / float_a", "float_a * -1.0", "float_a + 0.0", "0.0 - float_a",
	"int_a + null", "coalesce(null, int_a)", "case when bool_a then null else string_a end", "case when bool_a then int_a end", "if(bool_a, null, float_a)", "nullif(string_a, '')", "coalesce(string_a, '')", "int_a in (1, null, 7)", "int_a not in (1, null, 7)", "string_a not in ('a', 'b')",
	"string_a = ''", "string_a = ''''", `string_a = '\'`, `string_a = 'a\b'`, "string_a = '\"'", "string_a = '`'", "string_a = '😀'", "string_a = '\ta\n'", "string_a = 'a\nb'", "string_a = '$0'", "string_a = '%'", "string_a || 'é𝒳' || string_b", "string_a < 'ﬁ'", "'𝒳' > string_a", "string_a between 'A' and '𝒳'",
	"bytes_a = x'00ff'", "bytes_a < x'80'", "bytes_a = x''", "bool_a = true", "bool_a < false", "date_a < date '2024-01-31'", "timestamp_a >= timestamp '1969-12-31T23:59:59.999Z'", "date_a = date '0001-01-01'", "timestamp_a <> timestamp '9999-12-31T23:59:59.999Z'",
	"bool_a and bool_b and not bool_c", "bool_a or (bool_b and null)", "not (int_a = int_b or bool_a)", "int_a = int_b and string_a = string_b", "bool_a is not true", "bool_a is not false", "(int_a > int_b) is true", "int_a is not distinct from null", "int_a is not null",
	"case when int_a > 0 then 'p' when int_a < 0 then 'n' when int_a = 0 then '' end", "length(string_a || string_b) * 1000000000", "length(string_a) + int_a", "extract(year from date_a) * 1000000000", "size(ints_a) * 1000000000", "datediff(date_a, date_b) * 1000000000000",
	"extract(day from timestamp_a) - 9223372036854775807", "sign(int_a) * 9223372036854775807", "replace(string_a, '', 'x')", "replace(string_a, 'a', '$0')", "replace(string_a, 'a', '')", `replace(string_a, '\', '\\')`, "replace(string_a, 'ab', 'c')",
	"split_part('a-b-c', '-', int_a)", "split_part(string_a, '-', 2)", "substr(string_a, 2)", "substr(string_a, 1, 1)", "substr(string_a, 2, 0)", "substr('a😀b', int_a)", "substr('a😀b', int_a, int_b)", "starts_with(string_a, '')", "starts_with(string_a, 'a%')", "ends_with(string_a, '_')", "contains(string_a, '.')",
	"ints_a[1]", "ints_a[0]", "ints_a[-1]", "ints_a[3]", "strings_a[2]", "map_a['a']", "map_a['']", "contains(ints_a, 7)", "contains(map_a, '😀')", "contains(strings_a, '')", "coalesce(ints_a[1], 0) + 1", "coalesce(struct_a.n, size(map_a))", "strings_a[1] || struct_a.s",
	"cast(cast(int_a as string) as int)", "cast(cast(timestamp_a as string) as timestamp)", "cast(cast(date_a as string) as date)", "cast(int_a as float) / 3", "cast(floor(float_a) as int)", "cast(float_a / 2 as int)", "cast(bool_a as int) + 1", "cast(bool_a as string)", "extract(epoch_ms from timestamp_a) - extract(epoch_ms from timestamp_b)",
	"timestamp_a + interval '1 day' < timestamp_b", "date_trunc('month', timestamp_a - interval '1 hour')", "extract(hour from local(timestamp_a, 'America/New_York'))", "cast(local(timestamp_a, 'Europe/Berlin') as date)", "date(timestamp_a) + interval '1 day'", "to_timestamp(int_a, 's') < timestamp_b", "lower(upper(string_a)) = lower(string_b)",
	"1 / (1 / float_a)", "exp(ln(float_a))", "sqrt(abs(float_a)) * sqrt(abs(float_a))", "ceil(float_a * 0.5) / float_b", "round(float_a) * 0.0", "abs(float_a * 1e300 * 1e300)", "greatest(float_a * 1e300, 0.0)", "coalesce(float_a * 1e308, -1.0)", "case when float_a * 1e308 > 0 then 1 else 2 end", "sign(float_a * -1e308)",
	"coalesce(int_a + int_b, 0)", "(int_a + int_b) * int_c", "(int_a * int_b) div (int_a - int_b)", "-(int_a - int_b)", "abs(int_a * int_b) % 10", "(int_a + int_b is null) = (int_a is null or int_b is null)", "md5(string_a || cast(int_a as string))", "md5(upper(string_a))",
)

func extras(texts ...string) []languageCase {
	out := make([]languageCase, len(texts))
	for i, text := range texts {
		out[i] = languageCase{"(expressions)", "literals, nulls and compositions", text}
	}
	return out
}

// composed draws expressions of functions within functions: each column of a case is, by chance, replaced by another case
// whose value has its type. Transcendental functions stay out: what is computed from a last bit may differ in the first.
func composed(n int, schema value.Schema, cases []languageCase) []languageCase {
	rng := rand.New(rand.NewPCG(seed, 42))
	byType := map[string][]string{}
	for _, c := range cases {
		if e, errs := expr.Check(c.text, schema); len(errs) == 0 && !e.Transcendental() {
			byType[e.Type().String()] = append(byType[e.Type().String()], c.text)
		}
	}
	var out []languageCase
	for len(out) < n {
		text := cases[rng.IntN(len(cases))].text
		text = substitute(text, schema, byType, rng)
		if e, errs := expr.Check(text, schema); len(errs) == 0 && !e.Transcendental() && len(text) < 300 {
			out = append(out, languageCase{"(expressions)", fmt.Sprintf("drawn, seed %d", seed), text})
		}
	}
	return out
}

func substitute(text string, schema value.Schema, byType map[string][]string, rng *rand.Rand) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		name := ""
		for _, c := range schema {
			if strings.HasPrefix(text[i:], c.Name) && len(c.Name) > len(name) {
				name = c.Name
			}
		}
		if name == "" {
			b.WriteByte(text[i])
			i++
			continue
		}
		typ, _ := schema.Lookup(name)
		if list := byType[typ.String()]; len(list) > 0 && rng.IntN(3) > 0 {
			b.WriteString("(" + list[rng.IntN(len(list))] + ")")
		} else {
			b.WriteString(name)
		}
		i += len(name)
	}
	return b.String()
}
