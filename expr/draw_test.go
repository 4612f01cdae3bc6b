package expr

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/valuetest"
)

// drawSchema has two columns of each scalar type and one of each nested kind.
var drawSchema = value.Schema{
	{Name: "i", Type: value.Int}, {Name: "j", Type: value.Int}, {Name: "f", Type: value.Float}, {Name: "g", Type: value.Float},
	{Name: "b", Type: value.Bool}, {Name: "c", Type: value.Bool}, {Name: "s", Type: value.String}, {Name: "u", Type: value.String},
	{Name: "by", Type: value.Bytes}, {Name: "t", Type: value.Timestamp}, {Name: "v", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "e", Type: value.Date},
	{Name: "li", Type: value.ListOf(value.Int)}, {Name: "lf", Type: value.ListOf(value.Float)}, {Name: "ls", Type: value.ListOf(value.String)},
	{Name: "mf", Type: value.MapOf(value.Float)}, {Name: "ms", Type: value.MapOf(value.String)},
	{Name: "st", Type: value.StructOf(value.Field{Name: "a", Type: value.Int}, value.Field{Name: "b c", Type: value.String}, value.Field{Name: "d", Type: value.Float})},
}

// constants are what a parameter that asks for a constant is given. A new function with one needs a line here.
var constants = map[string][]string{
	"extract.unit":         {"year", "quarter", "month", "week", "day", "doy", "dow", "epoch_ms"},
	"date_trunc.unit":      {"'day'", "'week'", "'month'", "'quarter'", "'year'"},
	"to_timestamp.unit":    {"'s'", "'ms'", "'us'", "'ns'"},
	"local.zone":           {"'America/New_York'", "'Asia/Kathmandu'", "'Australia/Lord_Howe'", "'UTC'"},
	"like.pattern":         {"'%'", "'a%'", "'%b'", "'%a%'", "'_'", "'%_'", "''", "'a_%'", "'!%%'", "'%!__'"},
	"like.escape":          {"'!'"},
	"split_part.separator": {"'a'", "' '", "'12'"},
	"+.span":               {"interval '1 day'", "interval '-400 days'"},
	"-.span":               {"interval '1 week'", "interval '3000 days'"},
}

// draw makes the text of a random expression of type typ over drawSchema, no deeper than depth. Columns stand as «name».
func draw(t *rapid.T, typ value.Type, depth int) string {
	if n := rapid.IntRange(0, 9).Draw(t, "leaf"); depth == 0 || n < 2 || typ.Kind == kindInterval {
		return drawLeaf(t, typ)
	}
	type choice struct {
		fn       *Function
		over     *overload
		variable value.Type
	}
	var choices []choice
	for _, fn := range table {
		for _, o := range fn.overloads {
			switch {
			case fn.Name == ".":
				if typ.Kind == value.KindInt || typ.Kind == value.KindString || typ.Kind == value.KindFloat {
					choices = append(choices, choice{fn, o, typ})
				}
			case o.result.generic != 0 && o.result.within == value.KindNull:
				if o.result.generic == 'T' || typ.Ordered() {
					choices = append(choices, choice{fn, o, typ})
				}
			case o.result.generic == 0 && o.result.typ.Equal(typ):
				choices = append(choices, choice{fn, o, value.Null})
			}
		}
	}
	c := rapid.SampledFrom(choices).Draw(t, "function")
	if c.variable.Kind == value.KindNull {
		c.variable = rapid.SampledFrom(valuetest.Scalars).Draw(t, "variable")
	}
	return drawCall(t, c.fn, c.over, c.variable, typ, depth-1)
}

func drawLeaf(t *rapid.T, typ value.Type) string {
	var columns []string
	for _, f := range drawSchema {
		if f.Type.Equal(typ) {
			columns = append(columns, "«"+f.Name+"»")
		}
	}
	if len(columns) > 0 && rapid.IntRange(0, 3).Draw(t, "column") > 0 {
		return rapid.SampledFrom(columns).Draw(t, "name")
	}
	if typ.Kind == kindInterval {
		return "interval '" + formatInterval(rapid.Int64Range(-maxInterval, maxInterval).Draw(t, "interval")) + "'"
	}
	if !typ.Ordered() || rapid.IntRange(0, 9).Draw(t, "null") == 0 {
		return constantText(typ, value.Value{})
	}
	return constantText(typ, valuetest.Present(t, typ))
}

func drawCall(t *rapid.T, fn *Function, o *overload, variable, result value.Type, depth int) string {
	n := len(o.params)
	if o.variadic || o.cases {
		n = rapid.IntRange(len(o.params), len(o.params)+3).Draw(t, "arguments")
	}
	args := make([]string, n)
	for i := range args {
		p := o.param(i, n)
		switch list := constants[fn.Name+"."+p.name]; {
		case p.constant && fn.Name == ".":
			args[i] = map[value.Kind]string{value.KindInt: "a", value.KindString: `"b c"`, value.KindFloat: "d"}[result.Kind]
		case p.constant && list == nil:
			t.Fatalf("no constants for %s of %s", p.name, fn.Name)
		case p.constant && fn.Name == "extract" && o.params[1].typ.Kind == value.KindTimestamp:
			args[i] = rapid.SampledFrom(append(slices.Clone(list), "hour", "minute", "second", "millisecond")).Draw(t, "unit")
		case p.constant && fn.Name == "date_trunc" && o.params[1].typ.Kind == value.KindTimestamp:
			args[i] = rapid.SampledFrom(append(slices.Clone(list), "'second'", "'minute'", "'hour'")).Draw(t, "unit")
		case p.constant:
			args[i] = rapid.SampledFrom(list).Draw(t, p.name)
		case p.typ.Kind == value.KindStruct && p.generic == 0:
			args[i] = "«st»"
		case p.typ.Kind == value.KindInt && (fn.Name == "[]" || fn.Name == "substr" || fn.Name == "split_part"):
			args[i] = rapid.SampledFrom([]string{"1", "2", "3", "0", "«i»"}).Draw(t, "index")
		default:
			args[i] = draw(t, p.resolve(variable), depth)
		}
	}
	return render(fn, args, result)
}

// render writes a call as a user would.
func render(fn *Function, args []string, result value.Type) string {
	switch fn.Name {
	case "case":
		return caseText(nil, args)
	case "in":
		return inText(nil, args)
	case "between":
		return betweenText(nil, args)
	case "like":
		return likeText(nil, args)
	case "extract":
		return extractText(nil, args)
	case "cast":
		return fmt.Sprintf("cast(%s as %s)", args[0], result)
	case "[]":
		return fmt.Sprintf("(%s)[%s]", args[0], args[1])
	case ".":
		return fmt.Sprintf("%s.%s", args[0], args[1])
	}
	name := opName(fn)
	switch fn.form {
	case formInfix:
		return "(" + strings.Join(args, " "+name+" ") + ")"
	case formPrefix:
		return "(" + name + " " + args[0] + ")"
	case formPostfix:
		return "(" + args[0] + " " + name + ")"
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// plain puts the columns in.
func plain(text string) string { return strings.NewReplacer("«", "", "»", "").Replace(text) }

// drawRows makes rows of drawSchema out of a few drawn values for each column.
func drawRows(t *rapid.T, n int) [][]value.Value {
	pools := make([][]value.Value, len(drawSchema))
	for j, f := range drawSchema {
		for range 6 {
			pools[j] = append(pools[j], valuetest.Value(t, f.Type))
		}
	}
	seed := rapid.Uint64().Draw(t, "seed")
	rows := make([][]value.Value, n)
	for i := range rows {
		rows[i] = make([]value.Value, len(drawSchema))
		for j := range drawSchema {
			seed = seed*6364136223846793005 + 1442695040888963407
			rows[i][j] = pools[j][seed>>33%uint64(len(pools[j]))]
		}
	}
	return rows
}
