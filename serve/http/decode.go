package http

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// question is a request for features or predictions as it was read. It is used again for the next.
type question struct {
	members  []string // that it may have
	rows     []serve.Row
	values   []value.Value // of all rows
	seen     []bool        // of one row's fields
	features []string
	some     bool // features were named
	at       *int64
	status   bool
	explain  bool
	hasRows  bool
}

// What requests may have.
var (
	ofFeatures    = []string{"rows", "features", "at", "status"}
	ofPredictions = []string{"rows", "at", "status", "explain"}
)

// reset makes it one of some members; status is what it is where nothing is said.
func (q *question) reset(members []string, status bool) {
	clear(q.rows)
	clear(q.values)
	*q = question{members: members, rows: q.rows[:0], values: q.values[:0], seen: q.seen, features: q.features[:0], status: status}
}

// read reads a request for rows of a view. What is wrong with one row is that row's answer; the error is of the request as a whole.
func (q *question) read(v *serve.View, body string, maxRows int) *serve.Problem {
	p := &scanner{s: body}
	if p.peek() != '{' {
		return badBody(`an object is expected, {"rows": […]}, not ` + p.found())
	}
	p.open('{')
	var wrong *serve.Problem
	var named uint8
	for first := true; wrong == nil && p.more(first, '}'); first = false {
		name, ok := p.key()
		if !ok {
			break
		}
		bit := uint8(1) << indexOf(q.members, name)
		if named&bit != 0 {
			return badBody(strconv.Quote(name) + " is named twice")
		}
		named |= bit
		wrong = q.member(p, v, name, maxRows)
	}
	switch {
	case wrong != nil && p.err == nil:
		return wrong
	case p.err == nil:
		p.end()
	}
	if p.err != nil {
		return badBody(p.err.Error())
	}
	if !q.hasRows {
		return badBody(`"rows" is missing`)
	}
	return nil
}

// indexOf is the place of a name, or one behind all for what is not there.
func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return len(names)
}

func (q *question) member(p *scanner, v *serve.View, name string, maxRows int) *serve.Problem {
	if indexOf(q.members, name) == len(q.members) {
		return unknownMember(name, q.members)
	}
	switch name {
	case "rows":
		q.hasRows = true
		return q.readRows(p, v, maxRows)
	case "features":
		return q.readFeatures(p)
	case "at":
		return q.readAt(p)
	case "explain":
		return readFlag(p, name, &q.explain)
	}
	return readFlag(p, name, &q.status)
}

// readFlag reads true or false; null leaves what is.
func readFlag(p *scanner, name string, into *bool) *serve.Problem {
	switch text, ok := p.skip(); {
	case ok && text == "null":
	case ok && (text == "true" || text == "false"):
		*into = text == "true"
	default:
		return badBody(strconv.Quote(name) + " is true or false")
	}
	return nil
}

func (q *question) readFeatures(p *scanner) *serve.Problem {
	switch p.peek() {
	case 'n':
		p.word("null")
		return nil
	case '[':
	default:
		return badBody(`"features" is a list of names or null`)
	}
	q.some = true
	p.open('[')
	for first := true; p.more(first, ']'); first = false {
		if p.peek() != '"' {
			return badBody(`"features" is a list of names or null`)
		}
		name, ok := p.text()
		if !ok {
			return nil
		}
		q.features = append(q.features, name)
	}
	return nil
}

func (q *question) readAt(p *scanner) *serve.Problem {
	if p.peek() == 'n' {
		p.word("null")
		return nil
	}
	at, text, ok := readValue(p, value.Timestamp)
	if p.err != nil {
		return nil
	}
	if !ok || at.IsNull() {
		return serve.IllTyped(feature.Key{Name: "at", Type: value.Timestamp}, text)
	}
	ms := at.Int()
	q.at = &ms
	return nil
}

func (q *question) readRows(p *scanner, v *serve.View, maxRows int) *serve.Problem {
	if p.peek() != '[' {
		return badBody(`"rows" is a list of objects`)
	}
	p.open('[')
	for first := true; p.more(first, ']'); first = false {
		if p.peek() != '{' {
			return badBody("a row is an object of keys and request fields, not " + p.found())
		}
		if len(q.rows) == maxRows {
			return &serve.Problem{Code: feature.CodeTooLarge, Detail: "more than " + strconv.Itoa(maxRows) + " rows", Field: "rows", Cure: "ask in several requests"}
		}
		q.readRow(p, v)
		if p.err != nil {
			return nil
		}
	}
	// Growing moves the values, so rows point at them only now.
	n := len(v.Asked())
	for i := range q.rows {
		q.rows[i].Values = q.values[i*n : i*n+n : i*n+n]
	}
	return nil
}

// readRow reads one row by the view's schema. Its first mistake stays; the rest of it is read all the same.
func (q *question) readRow(p *scanner, v *serve.View) {
	asked := v.Asked()
	from := len(q.values)
	for range asked {
		q.values = append(q.values, value.Value{})
	}
	row := q.values[from:]
	if len(q.seen) < len(asked) {
		q.seen = make([]bool, len(asked))
	}
	seen := q.seen[:len(asked)]
	clear(seen)
	var wrong *serve.Problem
	note := func(problem *serve.Problem) {
		if wrong == nil {
			wrong = problem
		}
	}
	p.open('{')
	next := 0 // callers mostly keep one order
	for first := true; p.more(first, '}'); first = false {
		name, ok := p.key()
		if !ok {
			return
		}
		i := fieldOf(asked, name, next)
		if i < 0 {
			p.skip()
			note(v.UnknownField(name))
			continue
		}
		next = i + 1
		x, text, ok := readValue(p, asked[i].Type)
		switch {
		case p.err != nil:
			return
		case !ok:
			note(serve.IllTyped(asked[i], text))
		case seen[i]:
			note(&serve.Problem{Code: feature.CodeBadBody, Detail: strconv.Quote(name) + " is named twice in a row", Field: name, Cure: "name it once"})
		}
		row[i], seen[i] = x, true
	}
	for i, k := range asked {
		if !seen[i] && !k.Optional {
			note(serve.Absent(k))
		}
	}
	q.rows = append(q.rows, serve.Row{Problem: wrong})
}

// fieldOf finds a field by name, looking where it probably is first.
func fieldOf(asked []feature.Key, name string, next int) int {
	if next < len(asked) && asked[next].Name == name {
		return next
	}
	for i := range asked {
		if asked[i].Name == name {
			return i
		}
	}
	return -1
}

// readValue reads a value of a type; text is how it was written. ok is false where it is of another type, or out of its range.
func readValue(p *scanner, t value.Type) (v value.Value, text string, ok bool) {
	switch c := p.peek(); {
	case c == 'n':
		return value.Value{}, "null", p.word("null")
	case c == '"' && t.Kind <= value.KindDate:
		if text, ok = p.text(); !ok {
			return value.Value{}, "", false
		}
		v, ok = fromText(t.Kind, text)
		return v, text, ok
	case (c == '-' || '0' <= c && c <= '9') && t.Kind <= value.KindDate:
		if text, ok = p.number(); !ok {
			return value.Value{}, "", false
		}
		v, ok = fromNumber(t.Kind, text)
		return v, text, ok
	}
	if text, ok = p.skip(); !ok {
		return value.Value{}, "", false
	}
	switch t.Kind {
	case value.KindBool:
		return value.OfBool(text == "true"), text, text == "true" || text == "false"
	case value.KindList, value.KindMap, value.KindStruct:
		v, err := value.Parse(t, text)
		return v, text, err == nil
	}
	return value.Value{}, text, false
}

// readText reads a text of JSON as a value of a type.
func readText(t value.Type, json string) (v value.Value, text string, ok bool) {
	p := &scanner{s: json}
	v, text, ok = readValue(p, t)
	return v, text, ok && p.end()
}

// fromText makes a value of a string of JSON.
func fromText(k value.Kind, s string) (value.Value, bool) {
	switch k {
	case value.KindString:
		return value.OfString(s), true
	case value.KindInt:
		i, err := strconv.ParseInt(s, 10, 64)
		return value.OfInt(i), err == nil
	case value.KindFloat: // JSON has no other way to write them; they are null (V2)
		return value.Value{}, s == "NaN" || s == "Infinity" || s == "-Infinity"
	case value.KindTimestamp:
		ms, ok := value.ParseTimestamp(s)
		return value.OfTimestamp(ms), ok
	case value.KindDate:
		d, ok := value.ParseDate(s)
		return value.OfDate(d), ok
	case value.KindBytes:
		b, err := base64.StdEncoding.DecodeString(s)
		return value.OfBytes(b), err == nil
	}
	return value.Value{}, false
}

// fromNumber makes a value of a number of JSON. A whole number is one that is written without point and exponent.
func fromNumber(k value.Kind, s string) (value.Value, bool) {
	switch k {
	case value.KindInt, value.KindTimestamp:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return value.Value{}, false
		}
		v := value.OfNumber(k, i)
		return v, !v.IsNull()
	case value.KindFloat:
		f, err := strconv.ParseFloat(s, 64)
		return value.OfFloat(f), err == nil && !math.IsInf(f, 0)
	}
	return value.Value{}, false
}
