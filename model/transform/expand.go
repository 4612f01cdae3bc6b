package transform

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

var expand = &Kind{
	Name: "expand",
	Doc: "The elements of a list, the values of a map or the fields of a struct as columns. Of a list so many as `length` says, or as the longest of the training rows has; of a map those of `keys`, or all that the " +
		"training rows have, by code point. What is more is left out.",
	Names: "`{column}_0`, `{column}_1`, …; `{column}_{key}`. " + codedNames,
	Nulls: "Null where the row has no such element, or where it is null.",
	Takes: []value.Kind{value.KindList, value.KindMap, value.KindStruct},
	Params: []Param{
		{Name: "keys", Doc: "of maps, which values", Type: TextList, Default: "None", Positional: true},
		{Name: "length", Doc: "of lists, how many elements", Type: Whole, Default: "None"},
	},
	Examples: []Example{
		{In: []string{"l list<int>: [1,2] | [3] | null"}, Want: []string{"l_0 int: 1 | 3 | null", "l_1 int: 2 | null | null"}},
		{In: []string{`m map<string,float>: {"a":1.0,"b":2.0} | {"b":null}`}, Args: `{"keys": ["b"]}`, Want: []string{"m_b float: 2.0 | null"}},
		{In: []string{`s struct<a:int,b:string>: {"a":1,"b":"x"} | null`}, Want: []string{"s_a int: 1 | null", "s_b string: x | null"}},
	},
	draft: expandDraft,
	op:    func() op { return new(elements) },
}

func expandDraft(b *binding) {
	length, keys := b.within("length", 1, maxColumns), b.texts("keys")
	if b.has("keys") && (len(keys) == 0 || len(keys) > maxColumns) {
		b.reportArg("keys", `write ["a", "b"], or leave it out`, "expand of %d keys", len(keys))
		return
	}
	b.each(func(c bound) *draft {
		switch c.Type.Kind {
		case value.KindList:
			if b.has("keys") {
				b.report(c.asked, "keys", "write length=…, or take the column out", "%q is a list, which has no keys", c.Name)
				return nil
			}
			if b.has("length") {
				return (&elements{Length: length}).draft(c)
			}
		case value.KindMap:
			if b.has("length") {
				b.report(c.asked, "length", "write keys=[…], or take the column out", "%q is a map, which has no length", c.Name)
				return nil
			}
			if b.has("keys") {
				return (&elements{Keys: keys}).draft(c)
			}
		default:
			if b.has("keys") || b.has("length") {
				b.report(c.asked, "keys", "leave it out: all fields become columns", "%q is a struct, whose fields are known", c.Name)
				return nil
			}
			return (&elements{Keys: value.Schema(c.Type.Fields).Names()}).draft(c)
		}
		return &draft{out: c.family(*c.Type.Elem), open: true, learn: func(*budget) learner { return &elementLearner{keys: map[string]bool{}} }}
	})
}

// draft makes columns whose names are known.
func (o *elements) draft(c bound) *draft {
	d := &draft{op: o}
	for i, name := range memberNames(o.names()) {
		t := c.Type.Elem
		if t == nil {
			t = &c.Type.Fields[i].Type
		}
		d.out = append(d.out, Column{Name: c.Name + "_" + name, Type: *t})
	}
	return d
}

// elementLearner finds the longest list, or all keys.
type elementLearner struct {
	longest int
	keys    map[string]bool
}

func (l *elementLearner) add(s *sample) error {
	for i := range s.n {
		if s.in[0].Nulls.Get(i) {
			continue
		}
		v := s.in[0].Values[i]
		l.longest = max(l.longest, v.Len())
		if v.Kind() == value.KindList {
			continue
		}
		for k := range v.Len() {
			if key := v.KeyAt(k); !l.keys[key] {
				l.keys[strings.Clone(key)] = true
			}
		}
	}
	if n := max(l.longest, len(l.keys)); n > maxColumns {
		return fmt.Errorf("it would become %d columns, %d are the most: name keys= or length=", n, maxColumns)
	}
	return nil
}

func (l *elementLearner) finish() (op, []string, bool, error) {
	if l.longest == 0 {
		return nil, nil, false, errors.New("it has no element in the training rows: name keys= or length=, or drop it")
	}
	o := &elements{Keys: sortedKeys(l.keys)}
	if len(o.Keys) == 0 {
		o = &elements{Length: int64(l.longest)}
	}
	return o, o.names(), false, nil
}

// elements are those of a list, by place, or of a map or struct, by key.
type elements struct {
	Keys   []string `json:"keys,omitempty"`
	Length int64    `json:"length,omitempty"`

	list bool
}

func (o *elements) names() []string {
	if o.Keys != nil {
		return o.Keys
	}
	names := make([]string, o.Length)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

func (o *elements) outputs(in []value.Type) ([]output, error) {
	t := in[0]
	o.list = t.Kind == value.KindList
	if o.Length < 0 || o.Length > maxColumns || len(o.Keys) > maxColumns || o.list != (o.Length > 0) || o.list == (o.Keys != nil) {
		return nil, errors.New("its keys or its length are not those of the column's type")
	}
	if o.list {
		return outputsOf(*t.Elem, int(o.Length)), nil
	}
	out := make([]output, len(o.Keys))
	for i, key := range o.Keys {
		if t.Kind == value.KindMap {
			out[i].Type = *t.Elem
			continue
		}
		var ok bool
		if out[i].Type, ok = t.FieldType(key); !ok {
			return nil, errors.New("the struct has no such field")
		}
	}
	return out, nil
}

func (o *elements) apply(c *call) error {
	for i := range c.n {
		var v value.Value // without elements where it is null
		if !c.in[0].Nulls.Get(i) {
			v = c.in[0].Values[i]
		}
		for j, out := range c.out {
			var e value.Value
			switch {
			case !o.list:
				e, _ = v.Lookup(o.Keys[j])
			case j < v.Len():
				e = v.At(j)
			}
			out.set(i, e)
		}
	}
	return nil
}
