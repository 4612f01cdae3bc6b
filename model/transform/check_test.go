package transform

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

var columns = value.Schema{{Name: "x", Type: value.Float}, {Name: "k", Type: value.Int}, {Name: "c", Type: value.String}, {Name: "b", Type: value.Bool},
	{Name: "t", Type: value.Timestamp}, {Name: "d", Type: value.Date}, {Name: "l", Type: value.ListOf(value.Int)}, {Name: "m", Type: value.MapOf(value.Int)},
	{Name: "s", Type: value.StructOf(value.Field{Name: "a", Type: value.Int})}, {Name: "wx__temp", Type: value.Float}, {Name: "wx__wind", Type: value.Float}}

// Every mistake is named at its place, with a cure or the names that there are.
func TestCheckReports(t *testing.T) {
	for _, c := range []struct {
		step   Step
		column int
		arg    string
		want   string
	}{
		{step("standrad", ``, "x"), -1, "", `no step is called "standrad"`},
		{step("standard", ``), -1, "", "names no column"},
		{step("standard", ``, "x", "y"), 1, "", `no column is called "y"`},
		{step("standard", ``, "x", "c"), 1, "", `takes int or float, and "c" is a string`},
		{step("standard", ``, "wy__*"), 0, "", `"wy__*" matches no column`},
		{step("standard", ``, "[x"), 0, "", `"[x" matches no column`},
		{step("standard", ``, "@number"), 0, "", `"@number" is no selector`},
		{step("standard", `[]`, "x"), -1, "", "no JSON object"},
		{step("standard", `{"meen": true}`, "x"), -1, "meen", "no argument meen"},
		{step("standard", `{"mean": 1}`, "x"), -1, "mean", "takes True or False"},
		{step("impute", ``, "x"), -1, "strategy", "impute needs strategy"},
		{step("impute", `{"strategy": "medain"}`, "x"), -1, "strategy", `is "medain"`},
		{step("impute", `{"strategy": "median"}`, "c"), 0, "strategy", `"c" is a string`},
		{step("impute", `{"strategy": "constant"}`, "x"), -1, "value", "value="},
		{step("impute", `{"strategy": "mean", "value": 1}`, "x"), -1, "value", "value="},
		{step("impute", `{"strategy": "constant", "value": "a"}`, "x"), -1, "value", "is not a float"},
		{step("impute", `{"strategy": "mean"}`, "l"), 0, "", "takes bool, int"},
		{step("min_max", `{"lower": 1.0}`, "x"), -1, "upper", "from 1 to 1"},
		{step("robust", `{"upper": 75}`, "x"), -1, "upper", "from 0.25 to 75"},
		{step("clip", ``, "x"), -1, "", "without a bound"},
		{step("clip", `{"lower": 2, "upper": 1}`, "x"), -1, "upper", "[2, 1]"},
		{step("clip", `{"lower": 2, "quantiles": [0, 1]}`, "x"), -1, "quantiles", "by bounds and by quantiles"},
		{step("clip", `{"quantiles": [0.5, 0.5]}`, "x"), -1, "quantiles", "[0.5 0.5]"},
		{step("clip", `{"quantiles": ["a"]}`, "x"), -1, "quantiles", "takes a list of numbers"},
		{step("bucketize", ``, "x"), -1, "edges", "one of them"},
		{step("bucketize", `{"edges": [1, 1]}`, "x"), -1, "edges", "[1 1]"},
		{step("bucketize", `{"quantiles": 1}`, "x"), -1, "quantiles", "out of its range"},
		{step("hashing", `{"n": 8, "name": 5}`, "x"), -1, "name", "is 5 and takes a string"},
		{step("bucketize", `{"quantiles": 2.5}`, "x"), -1, "quantiles", "takes a whole number"},
		{step("one_hot", ``, "x"), 0, "", `"x" is a float`},
		{step("one_hot", `{"min_count": 0}`, "c"), -1, "min_count", "out of its range"},
		{step("ordinal", `{"unknown": "zero"}`, "c"), -1, "unknown", `a whole number, "null" or "error"`},
		{step("hashing", `{"n": 0}`, "c"), -1, "n", "out of its range"},
		{step("hashing", `{"n": 1000000000000}`, "c"), -1, "n", "out of its range"},
		{step("target_encode", `{"smoothing": -1.0}`, "c"), -1, "smoothing", "smoothing=-1"},
		{step("target_encode", `{"folds": 1}`, "c"), -1, "folds", "out of its range"},
		{step("date_parts", `{"parts": ["hour"]}`, "d"), 0, "parts", "no hour"},
		{step("date_parts", `{"parts": ["houre"]}`, "t"), -1, "parts", `"houre"`},
		{step("date_parts", `{"parts": []}`, "t"), -1, "parts", "no part"},
		{step("date_parts", `{"parts": ["hour", "hour"]}`, "t"), 0, "", `two columns would be called "t_hour"`},
		{step("date_parts", `{"parts": ["hour"], "zone": "America/NewYork"}`, "t"), -1, "zone", "America/NewYork"},
		{step("cyclic", `{"period": 0}`, "x"), -1, "period", "period=0"},
		{step("cross", ``, "c"), 0, "", "cross of one column"},
		{step("cross", `{"name": "x"}`, "c", "k"), 0, "", `two columns would be called "x"`},
		{step("bag_of_words", `{"max_features": 0}`, "c"), -1, "max_features", "out of its range"},
		{step("embedding", `{"table": {}}`, "c"), -1, "table", "empty"},
		{step("embedding", `{"table": {"a": [1], "b": [1, 2]}}`, "c"), -1, "table", "vector 1 has 2 numbers"},
		{step("embedding", `{"table": {"a": [1]}, "unknown": [1, 2]}`, "c"), -1, "table", "unknown has 2 numbers"},
		{step("expand", `{"keys": ["a"]}`, "l"), 0, "keys", "no keys"},
		{step("expand", `{"length": 2}`, "m"), 0, "length", "no length"},
		{step("expand", `{"length": 2}`, "s"), 0, "keys", "fields are known"},
		{step("expand", ``, "x"), 0, "", `"x" is a float`},
		{step("drop", ``, "y"), 0, "", `no column is called "y"`},
		{step("rename", `{"to": ["a", "b"]}`, "x"), -1, "to", "2 names for 1 columns"},
		{step("rename", `{"to": ["k"]}`, "x"), 0, "", `two columns would be called "k"`},
	} {
		_, problems := Check(columns, []Step{step("log1p", ``, "wx__temp"), c.step})
		if len(problems) != 1 {
			t.Errorf("%v: %d problems, want one: %v", c.step, len(problems), problems)
			continue
		}
		p := problems[0]
		if p.Step != 1 || p.Column != c.column || p.Arg != c.arg || !strings.Contains(p.Message, c.want) || p.Cure == "" && p.Names == nil {
			t.Errorf("%s %s of %v: %+v, want column %d, argument %q: %q", c.step.Kind, c.step.Args, c.step.Columns, p, c.column, c.arg, c.want)
		}
	}
}

// All mistakes of all steps are reported at once; a step that is wrong does not hide another.
func TestCheckReportsAllAtOnce(t *testing.T) {
	_, problems := Check(columns, []Step{
		step("impute", `{"strategy": "medain", "indicate": true}`, "y", "l"),
		step("standard", ``, "c"),
		step("nothing", ``, "c"),
		step("drop", ``, "z"),
	})
	var places []string
	for _, p := range problems {
		places = append(places, fmt.Sprintf("%d:%d:%s", p.Step, p.Column, p.Arg))
	}
	if got, want := strings.Join(places, " "), "0:-1:indicate 0:-1:strategy 0:0: 0:1: 1:0: 2:-1: 3:0:"; got != want {
		t.Errorf("problems at %s, want %s", got, want)
	}
}

// What fitting alone knows can be named: members of a family, and globs over them.
func TestFamiliesCanBeNamed(t *testing.T) {
	steps := []Step{
		step("one_hot", ``, "c"),
		step("drop", ``, "c_UA"),
		step("select", ``, "c_*", "x", "@bools"),
	}
	got, problems := Check(columns, steps)
	if problems != nil {
		t.Fatal(problems)
	}
	if len(got) != 3 || got[1].Name != "c_*" || !got[1].Family || got[1].From[0] != "c" || got[0].Name != "x" || got[2].Name != "b" {
		t.Errorf("columns are %+v", got)
	}
	if _, problems := Check(columns, append(steps, step("log1p", ``, "c_AA"))); len(problems) != 1 || !strings.Contains(problems[0].Message, `"c_AA" is a bool`) {
		t.Errorf("the type of a family's member: %v", problems)
	}
	rows, err := ParseColumns([]string{"c string: UA | AA", "x float: 1.0 | 2.0", "b bool: true | false"})
	if err != nil {
		t.Fatal(err)
	}
	p := mustFit(t, rows.Schema, steps, "", RowsOf(rows))
	if names := strings.Join(p.Names(), " "); names != "c_AA c_null x b" {
		t.Errorf("names are %s", names)
	}
	steps[1] = step("drop", ``, "c_XX")
	if _, problems := Check(columns, steps); problems != nil {
		t.Errorf("before fitting nobody knows: %v", problems)
	}
	if _, err := Fit(t.Context(), rows.Schema, steps, "", RowsOf(rows)); err == nil || !strings.Contains(err.Error(), `no column is called "c_XX"`) {
		t.Errorf("after fitting: %v", err)
	}
}

// Numbers that are codes of categories are none for @numeric.
func TestNumericLeavesCodesAlone(t *testing.T) {
	got, problems := Check(columns, []Step{step("ordinal", ``, "c"), step("drop", ``, "@numeric")})
	if problems != nil {
		t.Fatal(problems)
	}
	var numbers []string
	for _, c := range got {
		if c.Type.Numeric() {
			numbers = append(numbers, c.Name)
		}
	}
	if len(numbers) != 1 || numbers[0] != "c" {
		t.Errorf("of numbers %q are left, want the codes alone", numbers)
	}
}

func TestLineage(t *testing.T) {
	rows, err := ParseColumns([]string{"a string: p | q", "b string: u | v", "x int: 1 | 2"})
	if err != nil {
		t.Fatal(err)
	}
	p := mustFit(t, rows.Schema, []Step{step("cross", ``, "a", "b"), step("one_hot", ``, "a_x_b"), step("rename", `{"to": ["z"]}`, "x"), step("hashing", `{"n": 1}`, "a", "z")}, "", RowsOf(rows))
	var got []string
	for _, c := range p.Columns() {
		got = append(got, c.Name+"←"+strings.Join(c.From, ","))
	}
	if want := "hash_0←a,x b←b a_x_b_p|u←a,b a_x_b_q|v←a,b a_x_b_null←a,b"; strings.Join(got, " ") != want {
		t.Errorf("lineage is %s, want %s", strings.Join(got, " "), want)
	}
}

// Decode refuses what would fail later, and whatever it takes it writes again the same.
func TestDecodeRefuses(t *testing.T) {
	unit := func(kind, in, out, fitted string) string {
		return fmt.Sprintf(`{"version":1,"input":[{"name":"x","type":"float"},{"name":"c","type":"string"},{"name":"l","type":"list<int>"},{"name":"t","type":"timestamp"}],"units":[{"step":0,"kind":%q,"in":[%s],"out":[%s],"fitted":%s}]}`, kind, in, out, fitted)
	}
	for _, c := range []struct{ text, want string }{
		{``, "EOF"},
		{`{}`, "format 0"},
		{`{"version":2}`, "format 2"},
		{`{"version":1,"more":1}`, "unknown field"},
		{`{"version":1} 1`, "after its end"},
		{`{"version":1,"input":[{"name":"x","type":"float"},{"name":"x","type":"int"}]}`, "twice"},
		{`{"version":1,"input":[{"name":"x","type":"number"}]}`, "unknown type"},
		{`{"version":1,"input":[{"name":"x"}]}`, "no type"},
		{unit("magic", `"x"`, `"x"`, `{}`), "no step is called that"},
		{unit("standard", `"y"`, `"y"`, `{"center":0,"scale":1}`), "no column"},
		{unit("standard", `"c"`, `"c"`, `{"center":0,"scale":1}`), "is a string"},
		{unit("standard", ``, ``, `{"center":0,"scale":1}`), "reads 0 columns"},
		{unit("standard", `"x","x"`, `"x"`, `{"center":0,"scale":1}`), "reads 2 columns"},
		{unit("standard", `"x"`, `"x","y"`, `{"center":0,"scale":1}`), "2 columns"},
		{unit("standard", `"x"`, `"c"`, `{"center":0,"scale":1}`), "two columns"},
		{unit("standard", `"x"`, `"x"`, `{"center":0,"scale":0}`), "not above 0"},
		{unit("standard", `"x"`, `"x"`, `{"center":1e999,"scale":1}`), "1e999"},
		{unit("standard", `"x"`, `"x"`, `null`), "not above 0"},
		{unit("min_max", `"x"`, `"x"`, `{"scale":1,"offset":0,"limit":1}`), "unknown field"},
		{unit("bucketize", `"x"`, `"x"`, `{"edges":[2,1]}`), "not ascending"},
		{unit("one_hot", `"c"`, `"a"`, `{"texts":["b","a"],"unknown":"zeros","missing":"zeros"}`), "out of order"},
		{unit("one_hot", `"c"`, `"a"`, `{"ints":[1],"unknown":"zeros","missing":"zeros"}`), "not those of a string"},
		{unit("one_hot", `"c"`, `"a"`, `{"texts":["a"],"unknown":"","missing":"zeros"}`), "none of its words"},
		{unit("ordinal", `"c"`, `"c"`, `{"texts":["a"],"unknown":{"code":1,"error":true},"missing":{}}`), "a code and an error"},
		{unit("hashing", `"c"`, `"h"`, `{"n":1000000000000,"signed":true,"names":["c"]}`), "out of range"},
		{unit("hashing", `"c"`, `"h"`, `{"n":1,"signed":true,"names":[]}`), "other columns"},
		{unit("target_encode", `"c"`, `"c"`, `{"texts":["a"],"values":[],"null":0,"mean":0}`), "not those of its categories"},
		{unit("count_encode", `"c"`, `"c"`, `{"texts":["a"],"counts":[],"nulls":0}`), "not those of its categories"},
		{unit("date_parts", `"t"`, `"h"`, `{"parts":["hour"],"zone":"Europe/Berlin","zone_version":"zone Europe/Berlin/0000000000000000"}`), "train it again"},
		{unit("date_parts", `"t"`, `"h"`, `{"parts":["hour"],"zone":"../../etc/passwd","zone_version":""}`), "unknown time zone"},
		{unit("tf_idf", `"c"`, `"a"`, `{"words":["a"],"weights":[]}`), "not those of its words"},
		{unit("embedding", `"c"`, `"a"`, `{"texts":["a"],"vectors":[[1],[2]]}`), "other vectors"},
		{unit("expand", `"l"`, `"a"`, `{"length":1000000000000}`), "not those of the column's type"},
		{unit("expand", `"l"`, `"a"`, `{"keys":["a"]}`), "not those of the column's type"},
		{unit("impute", `"x"`, `"x"`, `{"with":"a","type":"float"}`), "not a float"},
		{unit("impute", `"x"`, `"x"`, `{"with":1,"type":"int"}`), "another type"},
		{unit("impute", `"x"`, `"x"`, `{"with":null,"type":"float"}`), "null"},
	} {
		if _, err := Decode([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.300s: %v, want %q", c.text, err, c.want)
		}
	}
}

// FuzzDecode: whatever is read is applied without a panic, and written as it was read.
func FuzzDecode(f *testing.F) {
	for _, k := range Kinds() {
		for _, e := range k.Examples {
			p, _, err := k.Run(e)
			if err != nil {
				f.Fatal(err)
			}
			data, err := json.Marshal(p)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			return
		}
		first, err := json.Marshal(p)
		if err != nil {
			t.Fatalf("read, and not written: %v", err)
		}
		again, err := Decode(first)
		if err != nil {
			t.Fatalf("written, and not read: %v\n%s", err, first)
		}
		if second, _ := json.Marshal(again); string(second) != string(first) {
			t.Fatalf("written as\n%s\nthen as\n%s", first, second)
		}
		var rows [][]value.Value
		for variant := range 3 {
			row := make([]value.Value, len(p.Input()))
			for j, c := range p.Input() {
				row[j] = sampleOf(c.Type, variant)
			}
			rows = append(rows, row)
		}
		if out, err := p.NewApplier().Apply(value.BatchOf(p.Input(), rows)); err == nil {
			FormatColumns(out)
			for j, c := range out.Schema {
				for i := range out.N {
					if v := out.Columns[j].At(i); !v.HasType(c.Type) {
						t.Fatalf("%s is %s in a column of %s", c.Name, v, c.Type)
					}
				}
			}
		}
		p.Diagram().Text()
		p.Diagram().SVG()
	})
}

// sampleOf is null, or one of two values of a type.
func sampleOf(t value.Type, variant int) value.Value {
	if variant == 0 {
		return value.Value{}
	}
	switch t.Kind {
	case value.KindFloat:
		return value.OfFloat([]float64{0, -1.5, 1.7e308}[variant])
	case value.KindString:
		return value.OfString([]string{"", "UA late", "aé"}[variant])
	case value.KindBytes:
		return value.OfBytesString("\x00\xff")
	case value.KindList:
		return value.OfList([]value.Value{sampleOf(*t.Elem, 1), {}}[:variant])
	case value.KindMap:
		return value.OfMap([]value.Entry{{Key: "a", Value: sampleOf(*t.Elem, variant)}})
	case value.KindStruct:
		var fields []value.Entry
		for _, f := range t.Fields {
			fields = append(fields, value.Entry{Key: f.Name, Value: sampleOf(f.Type, variant)})
		}
		return value.OfStruct(fields)
	}
	return value.OfNumber(t.Kind, []int64{0, -1, 20000}[variant])
}

// What steps only leave out is not read; what they make something of is, also where that goes later.
func TestReads(t *testing.T) {
	all := strings.Join(columns.Names(), " ")
	for _, c := range []struct {
		steps []Step
		want  string
	}{
		{nil, all},
		{[]Step{step("drop", ``, "m", "l", "s", "d", "t", "b")}, "x k c wx__temp wx__wind"},
		{[]Step{step("select", ``, "x", "c"), step("ordinal", ``, "@strings")}, "x c"},
		{[]Step{step("rename", `{"to": ["z"]}`, "x"), step("select", ``, "z")}, "x"},
		{[]Step{step("standard", ``, "x"), step("drop", ``, "x"), step("select", ``, "k")}, "x k"}, // it is learnt from all the same
		{[]Step{step("cross", `{"name": "ck"}`, "c", "k"), step("select", ``, "ck")}, "k c"},
		{[]Step{step("one_hot", ``, "c"), step("select", ``, "c_*")}, "c"},
	} {
		if _, problems := Check(columns, c.steps); problems != nil {
			t.Errorf("%v: %v", c.steps, problems)
			continue
		}
		if got := strings.Join(Reads(columns, c.steps), " "); got != c.want {
			t.Errorf("%v reads %q, want %q", c.steps, got, c.want)
		}
	}
}
