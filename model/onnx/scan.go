package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// scanned is what a model's file says and ONNX Runtime does not tell.
type scanned struct {
	producers map[string]producer // of the outer graph, by what they compute
	labels    [][]string          // lists of classes, as operators that tell classes apart have them
}

type producer struct {
	op     string
	inputs []string
}

// deepest is how deep graphs may lie in each other.
const deepest = 50

// isONNX reports whether a file may be an ONNX model: it begins with ir_version, a small number.
func isONNX(data []byte) bool {
	return len(data) > 2 && data[0] == 0x08 && data[1] < 0x20
}

// scan reads the structure of a file, and refuses one that has some of its numbers in other files: those are not the artifact's, and may be
// any of the machine's.
func scan(data []byte) (*scanned, error) {
	s := &scanned{producers: map[string]producer{}}
	return s, each(data, func(field protowire.Number, b []byte, _ uint64) error {
		switch field {
		case 7:
			return s.graph(b, 0, nil)
		case 25: // functions, which have nodes as graphs do
			return each(b, func(field protowire.Number, b []byte, _ uint64) error {
				if field == 7 {
					return s.node(b, 1, &scope{})
				}
				return nil
			})
		}
		return nil
	})
}

// each calls found for each field of a message, with its bytes or its number.
func each(b []byte, found func(field protowire.Number, bytes []byte, number uint64) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var bytes []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := found(field, bytes, number); err != nil {
			return err
		}
	}
	return nil
}

// graph reads a graph's constants first, which stand behind its nodes.
func (s *scanned) graph(b []byte, depth int, outer *scope) error {
	if depth > deepest {
		return fmt.Errorf("graphs lie in each other more than %d deep", deepest)
	}
	in := &scope{outer: outer, constants: map[string]*constant{}}
	err := each(b, func(field protowire.Number, b []byte, _ uint64) error {
		switch field {
		case 5:
			name, err := nameOf(b)
			if err == nil {
				in.constants[name], err = tensor(b)
			}
			return err
		case 15:
			return sparse(b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return each(b, func(field protowire.Number, b []byte, _ uint64) error {
		if field == 1 {
			return s.node(b, depth, in)
		}
		return nil
	})
}

// nameOf is a tensor's name.
func nameOf(b []byte) (name string, err error) {
	return name, each(b, func(field protowire.Number, b []byte, _ uint64) error {
		if field == 8 {
			name = string(b)
		}
		return nil
	})
}

var errElsewhere = errors.New("it has numbers in files beside it (external data), which is no part of it: save it as one file")

func (s *scanned) node(b []byte, depth int, in *scope) error {
	var p producer
	var value *constant
	var outputs []string
	err := each(b, func(field protowire.Number, b []byte, _ uint64) error {
		switch field {
		case 1:
			p.inputs = append(p.inputs, string(b))
		case 2:
			outputs = append(outputs, string(b))
		case 4:
			p.op = string(b)
		case 5:
			found, err := s.attribute(b, depth, in)
			if found != nil {
				value = found
			}
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if depth == 0 {
		for _, o := range outputs {
			s.producers[o] = p
		}
	}
	made, err := in.made(p.op, p.inputs, value)
	if made != nil && len(outputs) == 1 && in.constants != nil {
		in.constants[outputs[0]] = made
	}
	return err
}

// attribute gives the constant that an attribute is, where it is one: value, value_int or value_ints.
func (s *scanned) attribute(b []byte, depth int, in *scope) (value *constant, err error) {
	var name string
	var whole []float64
	var labels []string
	err = each(b, func(field protowire.Number, b []byte, number uint64) error {
		switch field {
		case 1:
			name = string(b)
		case 3:
			whole = append(whole, float64(int64(number)))
		case 5:
			value, err = tensor(b)
			return err
		case 10:
			_, err := tensor(b)
			return err
		case 22, 23:
			return sparse(b)
		case 6, 11:
			return s.graph(b, depth+1, in)
		case 8:
			labels = appendInts(labels, b, number)
			return varints(b, number, func(v uint64) { whole = append(whole, float64(int64(v))) })
		case 9:
			labels = append(labels, string(b))
		}
		return nil
	})
	switch name {
	case "classlabels_strings", "classlabels_int64s", "classlabels_ints":
		if len(labels) > 0 {
			s.labels = append(s.labels, labels)
		}
	}
	switch {
	case name == "value_int" || name == "value_ints":
		value = &constant{elements: uint64(len(whole)), bits: 64, numbers: whole}
	case name != "value":
		value = nil
	}
	return value, err
}

// appendInts adds whole numbers, which come one by one or packed.
func appendInts(to []string, packed []byte, number uint64) []string {
	if packed == nil {
		return append(to, strconv.FormatInt(int64(number), 10))
	}
	for len(packed) > 0 {
		v, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return to // of no matter: the library reads it, too
		}
		to, packed = append(to, strconv.FormatInt(int64(v), 10)), packed[n:]
	}
	return to
}

// classes are the names of the classes that the model tells apart, where all of it agrees; nil: it does not say.
func (s *scanned) classes() []string {
	for _, l := range s.labels {
		if !slices.Equal(l, s.labels[0]) {
			return nil
		}
	}
	if len(s.labels) == 0 {
		return nil
	}
	return s.labels[0]
}

// madeBy is the operator that computes an output, past those that hand on what they are given.
func (s *scanned) madeBy(output string) string {
	for range 16 { // a cycle is the library's to refuse
		p, ok := s.producers[output]
		if !ok {
			return ""
		}
		switch p.op {
		case "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten":
			if len(p.inputs) > 0 {
				output = p.inputs[0]
				continue
			}
		}
		return p.op
	}
	return ""
}
