package grpc

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// question is a GetFeaturesRequest or a PredictRequest as it was read. It is used again for the next.
//
// It is read in two steps, because fields of a message may come in any order: split finds the parts, and the rows are read by the schema
// of the view that is asked. What is read points into the message, which must not change afterwards.
type question struct {
	name     string // of the view, or the endpoint
	fields   []string
	raw      [][]byte // of each row
	features []string // of a GetFeaturesRequest
	at       *int64
	statuses bool // asked for, of predictions; of features that they be left out
	explain  bool // of a PredictRequest

	order  []int // of each field: which of the view's keys and request fields it is
	rows   []serve.Row
	values []value.Value
}

func (q *question) reset() {
	clear(q.fields)
	clear(q.raw)
	clear(q.features)
	clear(q.rows)
	clear(q.values)
	*q = question{fields: q.fields[:0], raw: q.raw[:0], features: q.features[:0], order: q.order[:0], rows: q.rows[:0], values: q.values[:0]}
}

// text is bytes of the message as a string without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// walk calls field for each field of a message. A number that is not known is for whoever made the message: it is left out, as
// everywhere in protobuf.
func walk(b []byte, field func(num protowire.Number, typ protowire.Type, x uint64, bytes []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var x uint64
		var part []byte
		switch typ {
		case protowire.VarintType:
			x, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			x, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			part, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := field(num, typ, x, part); err != nil {
			return err
		}
	}
	return nil
}

// The fields of GetFeaturesRequest and PredictRequest; of the second, which has no features and may ask for explanations, the last.
const (
	requestName = iota + 1
	requestFields
	requestRows
	requestFeatures
	requestAt
	requestStatuses
	requestExplain
)

type errText struct{ field string }

func (e errText) Error() string { return e.field + " is not UTF-8" }

// split reads all of a message but the rows' values.
func (q *question) split(b []byte, message string) *serve.Problem {
	err := walk(b, func(num protowire.Number, typ protowire.Type, x uint64, part []byte) error {
		switch {
		case num == requestName && typ == protowire.BytesType:
			q.name = text(part)
			return checkText(q.name, "the name of what is asked")
		case num == requestFields && typ == protowire.BytesType:
			q.fields = append(q.fields, text(part))
			return checkText(text(part), "a name in fields")
		case num == requestFeatures && typ == protowire.BytesType:
			q.features = append(q.features, text(part))
			return checkText(text(part), "a name in features")
		case num == requestRows && typ == protowire.BytesType:
			q.raw = append(q.raw, part)
		case num == requestAt && typ == protowire.VarintType:
			at := int64(x)
			q.at = &at
		case num == requestStatuses && typ == protowire.VarintType:
			q.statuses = x != 0
		case num == requestExplain && typ == protowire.VarintType:
			q.explain = x != 0
		}
		return nil
	})
	if err != nil {
		return badMessage("the message is no " + message + ": " + err.Error())
	}
	return nil
}

func checkText(s, field string) error {
	if utf8.ValidString(s) {
		return nil
	}
	return errText{field}
}

// read reads the rows by a view's schema. What is wrong with one row is that row's answer; the error is of the request as a whole.
func (q *question) read(v *serve.View, maxRows int) *serve.Problem {
	if len(q.raw) > maxRows {
		return &serve.Problem{Code: feature.CodeTooLarge, Detail: "more than " + strconv.Itoa(maxRows) + " rows", Field: "rows", Cure: "ask in several requests"}
	}
	if q.at != nil && value.OfTimestamp(*q.at).IsNull() {
		return &serve.Problem{Code: feature.CodeIllTyped, Detail: fmt.Sprintf("at_ms is no time: %d", *q.at), Field: "at", Cure: "send milliseconds since 1970, in the years 1 to 9999"}
	}
	if p := q.match(v); p != nil {
		return p
	}
	n := len(v.Asked())
	q.values = slices.Grow(q.values, n*len(q.raw))[:n*len(q.raw)]
	for i, b := range q.raw {
		row := serve.Row{Values: q.values[i*n : i*n+n : i*n+n]}
		row.Problem = q.readRow(b, v.Asked(), row.Values)
		q.rows = append(q.rows, row)
	}
	return nil
}

// match finds what of the view each field is.
func (q *question) match(v *serve.View) *serve.Problem {
	asked := v.Asked()
	for i, name := range q.fields {
		k := slices.IndexFunc(asked, func(k feature.Key) bool { return k.Name == name })
		if k < 0 {
			return v.UnknownField(name)
		}
		if slices.Contains(q.fields[:i], name) {
			return &serve.Problem{Code: feature.CodeBadBody, Detail: strconv.Quote(name) + " is named twice in fields", Field: name, Cure: "name it once"}
		}
		q.order = append(q.order, k)
	}
	for i, k := range asked {
		if !k.Optional && !slices.Contains(q.order, i) && len(q.raw) > 0 {
			return serve.Absent(k)
		}
	}
	return nil
}

// readRow reads the values of a row into their places.
func (q *question) readRow(b []byte, asked []feature.Key, out []value.Value) *serve.Problem {
	n := 0
	var wrong *serve.Problem
	err := walk(b, func(num protowire.Number, typ protowire.Type, _ uint64, part []byte) error {
		if num != 1 || typ != protowire.BytesType {
			return nil
		}
		if n++; n > len(q.order) {
			return nil
		}
		k := q.order[n-1]
		v, got, err := readValue(part, asked[k].Type)
		if err != nil {
			return err
		}
		if out[k] = v; got != "" && wrong == nil {
			wrong = illTyped(asked[k], got)
		}
		return nil
	})
	switch {
	case err != nil:
		return badMessage("a row is no Row: " + err.Error())
	case n != len(q.order):
		return &serve.Problem{Code: feature.CodeBadBody, Detail: fmt.Sprintf("a row of %d values where fields names %d", n, len(q.order)), Field: "rows", Cure: "send a value for each field; one in which nothing is set is null"}
	}
	return wrong
}

func illTyped(k feature.Key, got string) *serve.Problem {
	p := serve.IllTyped(k, got)
	p.Cure = "send " + kindNames[k.Type.Kind] + ", or nothing for null"
	return p
}
