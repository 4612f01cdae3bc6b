package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxConstant is how many bytes a constant may have that a file does not hold but describes: ONNX Runtime makes such when it opens a model.
const maxConstant = 256 << 20

// A constant is what is known of a tensor of the file, or of what a node makes of such.
type constant struct {
	elements uint64 // math.MaxUint64: more than can be counted
	bits     uint64 // of each; of texts 64
	numbers  []float64
}

// mostNumbers is how many of a constant's numbers are kept: those of shapes are few.
const mostNumbers = 64

// elementBits are the sizes of TensorProto's types; the fields that have their numbers one by one are those of typed.
var elementBits = map[uint64]uint64{
	1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
	17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}

// ofTexts is TensorProto's type of texts.
const ofTexts = 8

// A tensorFile is a TensorProto as it is read.
type tensorFile struct {
	name    string
	kind    uint64
	dims    []uint64
	raw     []byte
	has     map[protowire.Number]uint64 // how many numbers stand in the fields of a kind
	numbers []float64                   // the first
}

// tensor reads one, and refuses one whose numbers are elsewhere, or are not as many as it says: ONNX Runtime takes the memory before it sees that.
func tensor(b []byte) (*constant, error) {
	t := &tensorFile{has: map[protowire.Number]uint64{}}
	if err := each(b, t.field); err != nil {
		return nil, err
	}
	c := &constant{elements: product(t.dims), bits: elementBits[t.kind]}
	switch {
	case t.kind == ofTexts:
		c.bits = 64
		if t.has[6] != c.elements {
			return nil, t.wrong(c, t.has[6], "texts")
		}
		return c, nil
	case t.kind == 0 && len(t.dims) == 0: // none at all
		return c, nil
	case c.bits == 0:
		return nil, fmt.Errorf("tensor %q is of ONNX's type %d, which is not known", t.name, t.kind)
	}
	if t.raw != nil {
		if over, low := bits.Mul64(c.elements, c.bits); over != 0 || low > math.MaxUint64-7 || uint64(len(t.raw)) != (low+7)/8 {
			return nil, t.wrong(c, uint64(len(t.raw)), "bytes")
		}
		t.rawNumbers()
	} else if have, want := t.typed(c); have != want {
		return nil, t.wrong(c, have, "numbers")
	}
	c.numbers = t.numbers
	return c, nil
}

func (t *tensorFile) wrong(c *constant, have uint64, what string) error {
	return fmt.Errorf("tensor %q says that it has %s elements of %d bits, and has %d %s", t.name, counted(c.elements), c.bits, have, what)
}

func counted(n uint64) string {
	if n == math.MaxUint64 {
		return "more than 2^64"
	}
	return fmt.Sprint(n)
}

func (t *tensorFile) field(field protowire.Number, b []byte, number uint64) error {
	switch field {
	case 1:
		return varints(b, number, func(v uint64) { t.dims = append(t.dims, v) })
	case 2:
		t.kind = number
	case 4: // float
		return t.fixed(field, b, 4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) })
	case 10: // double
		return t.fixed(field, b, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	case 5, 7, 11: // whole numbers
		return varints(b, number, func(v uint64) { t.count(field, float64(int64(v))) })
	case 6:
		t.has[field]++
	case 8:
		t.name = string(b[:min(len(b), 100)])
	case 9:
		t.raw = b
		if b == nil {
			t.raw = []byte{}
		}
	case 13:
		return errElsewhere
	case 14:
		if number != 0 {
			return errElsewhere
		}
	}
	return nil
}

func (t *tensorFile) count(field protowire.Number, x float64) {
	if t.has[field]++; len(t.numbers) < mostNumbers {
		t.numbers = append(t.numbers, x)
	}
}

// fixed reads numbers of a fixed size, packed; one by one, as nobody writes them, each is a field of its own.
func (t *tensorFile) fixed(field protowire.Number, packed []byte, size int, read func([]byte) float64) error {
	if packed == nil {
		t.has[field]++
		return nil
	}
	if len(packed)%size != 0 {
		return fmt.Errorf("tensor %q has %d bytes of numbers of %d", t.name, len(packed), size)
	}
	for i := 0; i < len(packed) && len(t.numbers) < mostNumbers; i += size {
		t.numbers = append(t.numbers, read(packed[i:]))
	}
	t.has[field] += uint64(len(packed) / size)
	return nil
}

// varints calls found for whole numbers, which come one by one or packed.
func varints(packed []byte, number uint64, found func(uint64)) error {
	if packed == nil {
		found(number)
		return nil
	}
	for len(packed) > 0 {
		v, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return protowire.ParseError(n)
		}
		found(v)
		packed = packed[n:]
	}
	return nil
}

// typed is how many numbers stand in the field of the type, and how many should.
func (t *tensorFile) typed(c *constant) (have, want uint64) {
	switch t.kind {
	case 1:
		return t.has[4], c.elements
	case 14, 15: // complex ones are two each
		if c.elements > math.MaxUint64/2 {
			return t.has[4] + t.has[10], math.MaxUint64
		}
		return t.has[4] + t.has[10], 2 * c.elements
	case 11:
		return t.has[10], c.elements
	case 7:
		return t.has[7], c.elements
	case 12, 13:
		return t.has[11], c.elements
	}
	if per := 8 / c.bits; per > 1 { // small ones lie together in a byte
		return t.has[5], c.elements/per + min(1, c.elements%per)
	}
	return t.has[5], c.elements
}

// rawNumbers reads those of a shape.
func (t *tensorFile) rawNumbers() {
	t.numbers = t.numbers[:0]
	size := int(elementBits[t.kind] / 8)
	for b := t.raw; size > 0 && len(b) >= size && len(t.numbers) < mostNumbers; b = b[size:] {
		switch t.kind {
		case 1:
			t.numbers = append(t.numbers, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		case 6:
			t.numbers = append(t.numbers, float64(int32(binary.LittleEndian.Uint32(b))))
		case 7:
			t.numbers = append(t.numbers, float64(int64(binary.LittleEndian.Uint64(b))))
		case 11:
			t.numbers = append(t.numbers, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		default:
			return
		}
	}
}

// product is how many elements a shape has; what is below 0 is as if it were without end.
func product(dims []uint64) uint64 {
	if slices.Contains(dims, 0) {
		return 0
	}
	n := uint64(1)
	for _, d := range dims {
		over, low := bits.Mul64(n, d)
		if over != 0 || d > math.MaxInt64 {
			return math.MaxUint64
		}
		n = low
	}
	return n
}

// sparse refuses a tensor most of which is nothing, where the whole of it is more than a constant may be: ONNX Runtime fills it in.
func sparse(b []byte) error {
	var dims []uint64
	c := &constant{bits: 64}
	err := each(b, func(field protowire.Number, b []byte, number uint64) error {
		switch field {
		case 1:
			values, err := tensor(b)
			if err == nil {
				c.bits = values.bits
			}
			return err
		case 2:
			_, err := tensor(b)
			return err
		case 3:
			return varints(b, number, func(v uint64) { dims = append(dims, v) })
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.elements = product(dims)
	return c.bounded("a sparse tensor")
}

// bounded refuses a constant that is described and greater than maxConstant.
func (c *constant) bounded(what string) error {
	if over, low := bits.Mul64(c.elements, c.bits); over != 0 || low/8 > maxConstant {
		return fmt.Errorf("%s has %s elements of %d bits: constants that a file only describes may have %d MiB", what, counted(c.elements), c.bits, maxConstant>>20)
	}
	return nil
}

// A scope has the constants of a graph, and those of the graphs that it lies in.
type scope struct {
	outer     *scope
	constants map[string]*constant
}

func (s *scope) find(name string) *constant {
	for ; s != nil; s = s.outer {
		if c := s.constants[name]; c != nil {
			return c
		}
	}
	return nil
}

// made bounds what a node makes of constants, which ONNX Runtime computes when it opens a model: of ConstantOfShape, Expand, Tile and Range, whose
// answers may be of any size. value is the node's attribute of that name.
func (s *scope) made(op string, inputs []string, value *constant) (*constant, error) {
	in := func(i int) *constant {
		if i >= len(inputs) {
			return nil
		}
		return s.find(inputs[i])
	}
	out := &constant{bits: 64}
	switch op {
	case "Constant":
		return value, nil
	case "ConstantOfShape":
		shape := in(0)
		if shape == nil {
			return nil, nil
		}
		if out.bits = 32; value != nil {
			out.bits = value.bits
		}
		out.elements = shape.shaped(1)
	case "Expand", "Tile":
		shape, of := in(1), in(0)
		if shape == nil {
			return nil, nil
		}
		per := uint64(1)
		if of != nil {
			out.bits = of.bits
			if op == "Tile" {
				per = of.elements
			}
		}
		if out.elements = shape.shaped(per); op == "Expand" && of != nil { // a shape of ones leaves it as it is
			out.elements = max(out.elements, of.elements)
		}
	case "Range":
		start, limit, step := in(0), in(1), in(2)
		if start == nil || limit == nil || step == nil || len(start.numbers) == 0 || len(limit.numbers) == 0 || len(step.numbers) == 0 {
			return nil, nil
		}
		switch n := math.Ceil((limit.numbers[0] - start.numbers[0]) / step.numbers[0]); {
		case math.IsNaN(n) || n > 1<<62:
			out.elements = math.MaxUint64
		case n > 0:
			out.elements = uint64(n)
		}
	default:
		return nil, nil
	}
	return out, out.bounded("what " + op + " makes")
}

// shaped is how many elements a shape's numbers make of so many. A long shape, of which not all numbers are kept, is no shape.
func (c *constant) shaped(of uint64) uint64 {
	if c.elements > uint64(len(c.numbers)) {
		return math.MaxUint64
	}
	dims := []uint64{of}
	for _, x := range c.numbers {
		switch {
		case x < 0 || x > 1<<62:
			return math.MaxUint64
		default:
			dims = append(dims, uint64(x))
		}
	}
	return product(dims)
}
