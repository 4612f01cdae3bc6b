package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// arguments are a step's, by name, each of the type of its Param; those that were not given have their default, or are nil.
type arguments map[string]any

// readArgs reads a step's arguments and reports whatever is wrong with them.
func (b *binding) readArgs(raw json.RawMessage) {
	b.args = arguments{}
	given := map[string]json.RawMessage{}
	if len(raw) > 0 && string(raw) != "null" {
		if err := json.Unmarshal(raw, &given); err != nil {
			b.report(-1, "", `write {"name": value}`, "the arguments of %s are no JSON object", b.kind.Name)
			return
		}
	}
	for _, name := range sortedKeys(given) {
		if !slices.ContainsFunc(b.kind.Params, func(p Param) bool { return p.Name == name }) {
			b.reportName(-1, name, name, b.kind.paramNames(), "%s has no argument %s", b.kind.Name, name)
		}
	}
	for _, p := range b.kind.Params {
		text, ok := given[p.Name]
		if !ok || string(text) == "null" {
			if p.Default == "" {
				b.reportArg(p.Name, "write "+p.Name+"="+p.sample(), "%s needs %s, %s", b.kind.Name, p.Name, p.Doc)
				continue
			}
			text = p.defaultJSON()
		}
		v, err := p.read(text)
		if err != nil {
			b.reportArg(p.Name, "write "+p.Name+"="+p.sample(), "%s of %s %s", p.Name, b.kind.Name, err)
			continue
		}
		if v != nil {
			b.args[p.Name] = v
		}
	}
}

func (k *Kind) paramNames() []string {
	names := make([]string, len(k.Params))
	for i, p := range k.Params {
		names[i] = p.Name
	}
	return names
}

func (p Param) defaultJSON() json.RawMessage {
	switch p.Default {
	case "None":
		return json.RawMessage("null")
	case "True", "False":
		return json.RawMessage(strings.ToLower(p.Default))
	}
	return json.RawMessage(p.Default)
}

// sample is an argument that would be right, for cures.
func (p Param) sample() string {
	switch {
	case len(p.Choices) > 0 && p.Type == TextList:
		return fmt.Sprintf("[%q]", p.Choices[0])
	case len(p.Choices) > 0:
		return strconv.Quote(p.Choices[0])
	}
	return [...]string{"1.5", "10", "True", `"…"`, "[0.0, 1.5]", `["…"]`, "0", "1.5", "10", `{"UA": [0.5, 1.0]}`}[p.Type]
}

// read is the argument's value: float64, int64, bool, string, []float64, []string, json.RawMessage, map[string][]float64; nil for null.
func (p Param) read(text json.RawMessage) (any, error) {
	if string(text) == "null" {
		return nil, nil
	}
	x, err := decodeAny(text)
	if err != nil {
		return nil, err
	}
	v, ok := p.value(x, text)
	if !ok {
		return nil, fmt.Errorf("is %.40s and takes %s", text, p.wants())
	}
	return v, p.chosen(v)
}

// decodeAny reads JSON, numbers as json.Number.
func decodeAny(text json.RawMessage) (x any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&x)
	return x, err
}

func (p Param) value(x any, text json.RawMessage) (v any, ok bool) {
	switch p.Type {
	case Number:
		return finiteNumber(x)
	case Whole:
		return wholeNumber(x)
	case Truth:
		v, ok = x.(bool)
	case Text:
		v, ok = x.(string)
	case Numbers:
		return numberList(x)
	case TextList:
		return textList(x)
	case Constant:
		return text, true
	case NumberOrText, WholeOrText:
		if s, is := x.(string); is {
			return s, true
		}
		if p.Type == WholeOrText {
			return wholeNumber(x)
		}
		return finiteNumber(x)
	case VectorsByText:
		return vectors(x)
	}
	return v, ok
}

func finiteNumber(x any) (any, bool) {
	n, ok := x.(json.Number)
	if !ok {
		return nil, false
	}
	f, err := n.Float64()
	return f + 0, err == nil && !math.IsInf(f, 0)
}

func wholeNumber(x any) (any, bool) {
	n, ok := x.(json.Number)
	if !ok {
		return nil, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func numberList(x any) (any, bool) {
	list, ok := x.([]any)
	out := make([]float64, len(list))
	for i, e := range list {
		f, is := finiteNumber(e)
		if !is {
			return nil, false
		}
		out[i] = f.(float64)
	}
	return out, ok
}

func textList(x any) (any, bool) {
	if s, ok := x.(string); ok {
		return []string{s}, true
	}
	list, ok := x.([]any)
	out := make([]string, len(list))
	for i, e := range list {
		s, is := e.(string)
		if !is {
			return nil, false
		}
		out[i] = s
	}
	return out, ok
}

func vectors(x any) (any, bool) {
	object, ok := x.(map[string]any)
	out := make(map[string][]float64, len(object))
	for key, e := range object {
		list, is := numberList(e)
		if !is {
			return nil, false
		}
		out[key] = list.([]float64)
	}
	return out, ok
}

// wants says what an argument takes.
func (p Param) wants() string {
	words := make([]string, len(p.Choices))
	for i, c := range p.Choices {
		words[i] = strconv.Quote(c)
	}
	switch p.Type {
	case Text, TextList:
		if len(words) > 0 {
			return oneOf(words)
		}
	case NumberOrText:
		return oneOf(append([]string{"a number"}, words...))
	case WholeOrText:
		return oneOf(append([]string{"a whole number"}, words...))
	}
	return [...]string{"a number", "a whole number", "True or False", "a string", "a list of numbers", "a list of strings", "a value",
		"", "", "lists of numbers by string"}[p.Type]
}

// chosen refuses a word that is none of the choices.
func (p Param) chosen(v any) error {
	if p.Choices == nil {
		return nil
	}
	words, _ := v.([]string)
	if s, ok := v.(string); ok {
		words = []string{s}
	}
	for _, w := range words {
		if !slices.Contains(p.Choices, w) {
			return fmt.Errorf("is %q and takes %s", w, p.wants())
		}
	}
	return nil
}

// oneOf lists words: a, b or c.
func oneOf(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

func (b *binding) has(name string) bool { _, ok := b.args[name]; return ok }

func (b *binding) number(name string) float64 { v, _ := b.args[name].(float64); return v }

func (b *binding) whole(name string) int64 { v, _ := b.args[name].(int64); return v }

func (b *binding) truth(name string) bool { v, _ := b.args[name].(bool); return v }

func (b *binding) text(name string) string { v, _ := b.args[name].(string); return v }

func (b *binding) numbers(name string) []float64 { v, _ := b.args[name].([]float64); return v }

func (b *binding) texts(name string) []string { v, _ := b.args[name].([]string); return v }

// within reports a whole number that is not in [least, most].
func (b *binding) within(name string, least, most int64) int64 {
	n := b.whole(name)
	if b.has(name) && (n < least || n > most) {
		b.reportArg(name, fmt.Sprintf("write a whole number from %d to %d", least, most), "%s=%d of %s is out of its range", name, n, b.kind.Name)
	}
	return n
}

// constantOf reads an argument as a value of a column.
func (b *binding) constantOf(name string, c bound) (value.Value, bool) {
	raw, _ := b.args[name].(json.RawMessage)
	if x, err := decodeAny(raw); err == nil {
		if v, err := value.FromJSON(c.Type, x); err == nil && !v.IsNull() {
			return v, true
		}
	}
	b.reportArg(name, fmt.Sprintf("write %s=… of that type, or take the column out", name), "%s=%.40s is not %s, which %q is", name, raw, value.An(c.Type.String()), c.Name)
	return value.Value{}, false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
