package tree

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// What of ONNX's protocol buffers is read: enough to see that a graph is one ensemble of trees, and to read it.
type onnxModel struct {
	graph  onnxGraph
	opsets map[string]int64
}

type onnxGraph struct {
	nodes           []onnxNode
	inputs, outputs []onnxValue
}

type onnxValue struct {
	name  string
	kind  int64 // TensorProto.DataType
	width int64 // of the last dimension; 0: not said
}

type onnxNode struct {
	op, domain      string
	inputs, outputs []string
	attributes      map[string]onnxAttribute
}

type onnxAttribute struct {
	s       string
	i       int64
	floats  []float64
	ints    []int64
	strings []string
}

// The element types that are read.
const (
	onnxFloat  = 1
	onnxUint8  = 2 // of comparisons
	onnxDouble = 11
)

// fields calls found for each field of a message: number holds the value of a varint and fixed field, bytes that of one with a length.
// What found does not know it passes over.
func fields(b []byte, found func(field protowire.Number, number uint64, bytes []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("a message of %d bytes more is broken: %w", len(b), protowire.ParseError(n))
		}
		b = b[n:]
		var number uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			number = uint64(v)
		case protowire.Fixed64Type:
			number, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return fmt.Errorf("field %d, %d bytes before its message's end, is broken: %w", field, len(b), protowire.ParseError(n))
		}
		b = b[n:]
		if err := found(field, number, bytes); err != nil {
			return err
		}
	}
	return nil
}

func parseONNX(data []byte) (*onnxModel, error) {
	m := &onnxModel{opsets: map[string]int64{}}
	return m, fields(data, func(field protowire.Number, _ uint64, b []byte) error {
		switch field {
		case 7:
			return m.graph.parse(b)
		case 8:
			var domain string
			var version int64
			err := fields(b, func(field protowire.Number, number uint64, b []byte) error {
				switch field {
				case 1:
					domain = string(b)
				case 2:
					version = int64(number)
				}
				return nil
			})
			m.opsets[domain] = version
			return err
		}
		return nil
	})
}

func (g *onnxGraph) parse(b []byte) error {
	return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
		switch field {
		case 1:
			n := onnxNode{attributes: map[string]onnxAttribute{}}
			err := n.parse(b)
			g.nodes = append(g.nodes, n)
			return err
		case 11, 12:
			var v onnxValue
			err := v.parse(b)
			if field == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
			return err
		}
		return nil
	})
}

// parse reads a ValueInfoProto, whose type is nested: type → tensor → shape → dimension → number.
func (v *onnxValue) parse(b []byte) error {
	return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
		if field == 1 {
			v.name = string(b)
		}
		if field != 2 {
			return nil
		}
		return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
			if field != 1 {
				return nil
			}
			return fields(b, func(field protowire.Number, number uint64, b []byte) error {
				if field == 1 {
					v.kind = int64(number)
				}
				if field != 2 {
					return nil
				}
				return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
					v.width = 0
					return fields(b, func(field protowire.Number, number uint64, _ []byte) error {
						if field == 1 {
							v.width = int64(number)
						}
						return nil
					})
				})
			})
		})
	})
}

func (n *onnxNode) parse(b []byte) error {
	return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
		switch field {
		case 1:
			n.inputs = append(n.inputs, string(b))
		case 2:
			n.outputs = append(n.outputs, string(b))
		case 4:
			n.op = string(b)
		case 5:
			return n.attribute(b)
		case 7:
			n.domain = string(b)
		}
		return nil
	})
}

func (n *onnxNode) attribute(b []byte) error {
	var name string
	var a onnxAttribute
	err := fields(b, func(field protowire.Number, number uint64, b []byte) error {
		switch field {
		case 1:
			name = string(b)
		case 3:
			a.i = int64(number)
		case 4:
			a.s = string(b)
		case 5:
			return a.tensor(b)
		case 7:
			return each(number, b, fixed32, func(v uint64) { a.floats = append(a.floats, float64(math.Float32frombits(uint32(v)))) })
		case 8:
			return each(number, b, protowire.ConsumeVarint, func(v uint64) { a.ints = append(a.ints, int64(v)) })
		case 9:
			a.strings = append(a.strings, string(b))
		}
		return nil
	})
	if _, twice := n.attributes[name]; twice && err == nil {
		err = fmt.Errorf("attribute %q stands twice", name)
	}
	n.attributes[name] = a
	return err
}

func fixed32(b []byte) (uint64, int) {
	v, n := protowire.ConsumeFixed32(b)
	return uint64(v), n
}

// each calls found for the numbers of a repeated field, which come one by one or packed.
func each(number uint64, packed []byte, consume func([]byte) (uint64, int), found func(uint64)) error {
	if packed == nil {
		found(number)
		return nil
	}
	for len(packed) > 0 {
		v, n := consume(packed)
		if n < 0 {
			return fmt.Errorf("packed numbers are broken: %w", protowire.ParseError(n))
		}
		found(v)
		packed = packed[n:]
	}
	return nil
}

// tensor reads the numbers of a TensorProto of float or double.
func (a *onnxAttribute) tensor(b []byte) error {
	var kind uint64
	var raw []byte
	err := fields(b, func(field protowire.Number, number uint64, b []byte) error {
		switch field {
		case 2:
			kind = number
		case 4:
			return each(number, b, fixed32, func(v uint64) { a.floats = append(a.floats, float64(math.Float32frombits(uint32(v)))) })
		case 5: // small whole numbers
			return each(number, b, protowire.ConsumeVarint, func(v uint64) { a.floats = append(a.floats, float64(int32(v))) })
		case 9:
			raw = b
		case 10:
			return each(number, b, protowire.ConsumeFixed64, func(v uint64) { a.floats = append(a.floats, math.Float64frombits(v)) })
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case kind == onnxUint8:
		for _, x := range raw {
			a.floats = append(a.floats, float64(x))
		}
	case kind != onnxFloat && kind != onnxDouble:
		return nil // of what needs it, the numbers will be missed
	case kind == onnxFloat && len(raw)%4 == 0:
		for ; len(raw) > 0; raw = raw[4:] {
			a.floats = append(a.floats, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
		}
	case kind == onnxDouble && len(raw)%8 == 0:
		for ; len(raw) > 0; raw = raw[8:] {
			a.floats = append(a.floats, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	default:
		return fmt.Errorf("a tensor has %d raw bytes", len(raw))
	}
	return nil
}
