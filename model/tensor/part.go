package tensor

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Parameters are the protocol's: names with plain values.
type Parameters map[string]json.RawMessage

// Bool reports whether a parameter is true.
func (p Parameters) Bool(name string) bool { return string(p[name]) == "true" }

// Int is a parameter that is a whole number.
func (p Parameters) Int(name string) (n int64, ok bool) {
	text, ok := p[name]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

// Part is a tensor in the JSON of a request or an answer. Its elements are in Data, or behind the JSON in binary.
type Part struct {
	Metadata
	Parameters Parameters      `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

// binarySize is the parameter that says how many bytes behind the JSON are the tensor's.
const binarySize = "binary_data_size"

// Cut takes the tensor's own bytes off what is left behind the JSON. own is nil where its elements are in the JSON.
func (p *Part) Cut(raw []byte) (own, rest []byte, err error) {
	if _, binary := p.Parameters[binarySize]; !binary {
		return nil, raw, nil
	}
	size, ok := p.Parameters.Int(binarySize)
	if !ok || size < 0 || size > int64(len(raw)) {
		return nil, nil, fmt.Errorf("%s is %.40s, and %d bytes are left", binarySize, p.Parameters[binarySize], len(raw))
	}
	if own = raw[:size:size]; own == nil {
		own = []byte{} // of no rows
	}
	return own, raw[size:], nil
}

// Tensor reads the elements, of which own is what Cut gave.
func (p *Part) Tensor(own []byte) (*Tensor, error) {
	of, err := DatatypeOf(p.Datatype)
	if err != nil {
		return nil, err
	}
	n, err := Elements(p.Shape)
	if err != nil {
		return nil, err
	}
	t := &Tensor{Name: p.Name, Of: of, Shape: p.Shape}
	if own != nil {
		return t, t.FromBytes(own, n)
	}
	return t, t.FromJSON(p.Data, n)
}

// Part is the tensor in JSON, or with its elements added to raw.
func (t *Tensor) Part(binary bool, raw []byte) (Part, []byte) {
	p := Part{Metadata: Metadata{Name: t.Name, Datatype: t.Of.Name, Shape: t.Shape}}
	if !binary {
		p.Data = t.JSON()
		return p, raw
	}
	before := len(raw)
	raw = t.AppendBytes(raw)
	p.Parameters = Parameters{binarySize: strconv.AppendInt(nil, int64(len(raw)-before), 10)}
	return p, raw
}
