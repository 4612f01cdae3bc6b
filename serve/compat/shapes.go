package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// Shapes answers requests in the shapes of others. It never changes and is safe for concurrent use.
type Shapes struct {
	Server *serve.Server
	// Read reads JSON as a value of a type, by the rules of all requests; text is how it was written, ok false where it is no such value.
	Read func(t value.Type, json string) (v value.Value, text string, ok bool)
	// MaxRows bounds the rows of a request.
	MaxRows int
}

func bad(detail, cure string) *serve.Problem {
	return &serve.Problem{Code: feature.CodeBadBody, Detail: detail, Cure: cure}
}

func (s *Shapes) tooMany() *serve.Problem {
	return &serve.Problem{Code: feature.CodeTooLarge, Detail: "more than " + strconv.Itoa(s.MaxRows) + " rows", Cure: "ask in several requests"}
}

// unmarshal reads a whole body.
func unmarshal(body []byte, into any, cure string) *serve.Problem {
	err := json.Unmarshal(body, into)
	var other *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &other) && other.Field != "":
		return bad(fmt.Sprintf("%s is another thing than a JSON %s", other.Field, other.Value), cure)
	case errors.As(err, &other):
		return bad("the body is a JSON "+other.Value, cure)
	}
	return bad("the body cannot be read: "+err.Error(), cure)
}

// row reads the values that a view asks from what a caller calls them; raw gives "" for what is not there.
func (s *Shapes) row(v *serve.View, raw func(name string) string) serve.Row {
	asked := v.Asked()
	r := serve.Row{Values: make([]value.Value, len(asked))}
	for i, k := range asked {
		text := raw(k.Name)
		if text == "" {
			if !k.Optional && r.Problem == nil {
				r.Problem = serve.Absent(k)
			}
			continue
		}
		x, said, ok := s.Read(k.Type, text)
		if !ok && r.Problem == nil {
			r.Problem = serve.IllTyped(k, said)
		}
		r.Values[i] = x
	}
	return r
}

func asks(v *serve.View, name string) bool {
	return slices.ContainsFunc(v.Asked(), func(k feature.Key) bool { return k.Name == name })
}

func appendText(dst []byte, s string) []byte { return value.AppendJSON(dst, value.OfString(s)) }
