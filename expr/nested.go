package expr

import (
	"fmt"

	"github.com/bighead-ml/bighead/value"
)

var nestedTable = []*Function{
	{
		Name: "[]", makes: outOfList, Family: "Lists, maps, structs", text: func(_ *tree, args []string) string { return args[0] + "[" + args[1] + "]" },
		Doc:      "list[i] is the i-th element, from 1; null, counted, where there is none. map['key'] is the entry's value; null where there is none, which is an answer and not counted.",
		Examples: []Example{{"xs[1]", "10"}, {"xs[2]", "null"}, {"xs[4]", "null"}, {"xs[0]", "null"}, {"m['a']", "1.5"}, {"m['z']", "null"}},
		overloads: []*overload{
			{sig: "(x list<T>, i int) T", kernel: fnAny(element), sql: sql{text: elementSQL}},
			{sig: "(x map<string,T>, key string) T", kernel: fnAny(entry), sql: sql{spark: "element_at($1, $2)", flink: "$1[$2]"}},
		},
	},
	{
		Name: ".", Family: "Lists, maps, structs", text: func(t *tree, args []string) string { return args[0] + "." + QuoteName(t.args[1].val.Str()) },
		Doc:       "The field of a struct; of a null struct null. A name with other characters stands in double quotes.",
		Examples:  []Example{{"place.city", `"Rome"`}, {`place."zip code"`, "null"}},
		overloads: []*overload{{sig: "(x struct, field const string) T", bind: bindField, sql: sql{text: fieldSQL}}},
		hint: func(types []value.Type) string {
			return article(types[0]) + " has no fields; a column whose name has a point is written in double quotes"
		},
	},
	{
		Name: "size", Family: "Lists, maps, structs",
		Doc:      "Number of elements of a list or entries of a map.",
		Examples: []Example{{"size(xs)", "3"}, {"size(m)", "2"}},
		overloads: []*overload{
			{sig: "(x list<T>) int", kernel: fn1(sizeOf, nil), sql: sizeSQL},
			{sig: "(x map<string,T>) int", kernel: fn1(sizeOf, nil), sql: sizeSQL},
		},
		hint: func([]value.Type) string { return "of text it is length(s)" },
	},
	{
		Name: "contains", Family: "Lists, maps, structs", Steps: true,
		Doc:      "contains(s, t): whether the text t is in s; every text holds ''. contains(list, x): whether an element equals x; null elements equal nothing. contains(map, key): whether there is an entry, be its value null.",
		Examples: []Example{{"contains('abc', 'b')", "true"}, {"contains('abc', '')", "true"}, {"contains('abc', 'B')", "false"}, {"contains('abc', null)", "null"}, {"contains(xs, 30)", "true"}, {"contains(xs, 11)", "false"}, {"contains(m, 'b')", "true"}, {"contains(m, 'z')", "false"}},
		overloads: []*overload{
			{sig: "(s string, t string) bool", kernel: fn2(containsText, nil), sql: sql{spark: "contains($1, $2)", flink: "($2 = '' AND $1 IS NOT NULL OR POSITION($2 IN $1) > 0)"}},
			{sig: "(x list<O>, element O) bool", kernel: fnAny(containsElement), sql: sql{spark: "if($1 is null or $2 is null, null, coalesce(array_contains($1, $2), false))", flink: "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN COALESCE(ARRAY_CONTAINS($1, $2), FALSE) END"}},
			{sig: "(x map<string,T>, key string) bool", kernel: fnAny(containsKey), sql: sql{spark: "map_contains_key($1, $2)", flink: "CASE WHEN $2 IS NOT NULL THEN ARRAY_CONTAINS(MAP_KEYS($1), $2) END"}},
		},
	},
}

func element(a []value.Value) (value.Value, Reason) {
	i := a[1].Int()
	if i < 1 || i > int64(a[0].Len()) {
		return value.Value{}, IndexRange
	}
	return a[0].At(int(i - 1)), 0
}

func entry(a []value.Value) (value.Value, Reason) {
	v, _ := a[0].Lookup(a[1].Str())
	return v, 0
}

func bindField(b *binding) kernel {
	fields, name := value.Schema(b.args[0].typ.Fields), b.text(1)
	i := fields.Index(name)
	if i < 0 {
		cure := didYouMean(Nearest(name, fields.Names()))
		if cure == "" {
			cure = fmt.Sprintf("fields: %v", fields.Names())
		}
		return b.refuse(1, fmt.Sprintf("the struct has no field %q", clip(name)), cure)
	}
	b.result = fields[i].Type
	return fnAny(func(a []value.Value) (value.Value, Reason) { return a[0].At(i), 0 })
}

func sizeOf(v value.Value) (int64, Reason) { return int64(v.Len()), 0 }

func containsElement(a []value.Value) (value.Value, Reason) {
	for i := range a[0].Len() {
		if e := a[0].At(i); !e.IsNull() && value.Equal(e, a[1]) {
			return value.OfBool(true), 0
		}
	}
	return value.OfBool(false), 0
}

func containsKey(a []value.Value) (value.Value, Reason) {
	_, ok := a[0].Lookup(a[1].Str())
	return value.OfBool(ok), 0
}
