package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// avroIn is a payload that is read from its front. Whatever it claims, no more memory is taken than a small multiple of its length.
type avroIn struct {
	s     *avroSchema
	b     []byte
	elems int // that lists and maps may still have: elements can be of no bytes at all
	slots int // that structs may still have
}

var (
	errCut   = errors.New("the record ends within it")
	errElems = errors.New("it claims more elements than its bytes can be")
	errDeep  = errors.New("it is nested deeper than 256")
)

// avroFree is how many elements a payload may have beside one a byte.
const avroFree = 1024

func (in *avroIn) start(payload []byte) {
	in.b, in.elems, in.slots = payload, len(payload)+avroFree, slotsOf(payload)
}

func (in *avroIn) long() (int64, error) {
	x, n := binary.Uvarint(in.b)
	if n <= 0 {
		if n < 0 {
			return 0, errors.New("a number of more than 64 bits")
		}
		return 0, errCut
	}
	in.b = in.b[n:]
	return int64(x>>1) ^ -int64(x&1), nil
}

func (in *avroIn) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(in.b)) {
		return nil, errCut
	}
	out := in.b[:n]
	in.b = in.b[n:]
	return out, nil
}

// bytes are preceded by their length.
func (in *avroIn) bytes() ([]byte, error) {
	n, err := in.long()
	if err != nil {
		return nil, err
	}
	return in.take(n)
}

// blocks walks the elements of an array or map.
func (in *avroIn) blocks(each func() error) error {
	for {
		n, err := in.long()
		if err != nil || n == 0 {
			return err
		}
		if n < 0 { // its length in bytes follows
			if n == math.MinInt64 {
				return errElems
			}
			n = -n
			if _, err := in.long(); err != nil {
				return err
			}
		}
		if n > int64(in.elems) {
			return errElems
		}
		in.elems -= int(n)
		for range n {
			if err := each(); err != nil {
				return err
			}
		}
	}
}

// skip passes over a value.
func (in *avroIn) skip(n avroNode, depth int) error {
	if depth > 256 {
		return errDeep
	}
	switch n.Type {
	case "null":
		return nil
	case "boolean":
		_, err := in.take(1)
		return err
	case "int", "long", "enum":
		_, err := in.long()
		return err
	case "float":
		_, err := in.take(4)
		return err
	case "double":
		_, err := in.take(8)
		return err
	case "fixed":
		_, err := in.take(int64(n.Size))
		return err
	case "array":
		return in.blocks(func() error { return in.skip(in.s.resolve(avroNode{n.Items, n.space}), depth+1) })
	case "map":
		return in.blocks(func() error {
			if _, err := in.bytes(); err != nil {
				return err
			}
			return in.skip(in.s.resolve(avroNode{n.Values, n.space}), depth+1)
		})
	case "union":
		i, err := in.long()
		if err == nil && (i < 0 || i >= int64(len(n.Branches))) {
			err = fmt.Errorf("branch %d of a union of %d", i, len(n.Branches))
		}
		if err != nil {
			return err
		}
		return in.skip(in.s.resolve(avroNode{&n.Branches[i], n.space}), depth+1)
	case "record", "error":
		for i := range n.Fields {
			if err := in.skip(in.s.resolve(avroNode{&n.Fields[i].Type, n.space}), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := in.bytes() // bytes, string
	return err
}

// scalarAvro is the reading of a node without parts, whose type as ours is have; nil: it is not read as want.
func scalarAvro(n avroNode, have, want value.Type, top bool) avroReading {
	switch {
	case n.LogicalType == "decimal" && have.Kind == value.KindFloat && want.Kind == value.KindFloat:
		return readAvroDecimal(n)
	case have.Kind == value.KindTimestamp && want.Kind == value.KindTimestamp:
		unit := avroUnits[n.LogicalType]
		return func(in *avroIn, at *cell.Builder) (value.Value, error) {
			x, err := in.long()
			return kept(at, value.OfTimestamp(unit.Millis(x)), dataset.OutOfRange), err
		}
	case have.Kind == value.KindInt:
		return readAvroInt(want)
	case !have.Equal(want):
		return nil
	}
	switch n.Type {
	case "boolean":
		return readAvroBool
	case "int": // a date
		return func(in *avroIn, at *cell.Builder) (value.Value, error) {
			x, err := in.long()
			return kept(at, value.OfDate(x), dataset.OutOfRange), err
		}
	case "float":
		return func(in *avroIn, at *cell.Builder) (value.Value, error) {
			b, err := in.take(4)
			if err != nil {
				return value.Value{}, err
			}
			return keptFloat(at, float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), nil
		}
	case "double":
		return func(in *avroIn, at *cell.Builder) (value.Value, error) {
			b, err := in.take(8)
			if err != nil {
				return value.Value{}, err
			}
			return keptFloat(at, math.Float64frombits(binary.LittleEndian.Uint64(b))), nil
		}
	case "enum":
		return func(in *avroIn, _ *cell.Builder) (value.Value, error) {
			i, err := in.long()
			if err == nil && (i < 0 || i >= int64(len(n.Symbols))) {
				err = fmt.Errorf("symbol %d of an enum of %d", i, len(n.Symbols))
			}
			if err != nil {
				return value.Value{}, err
			}
			return value.OfString(n.Symbols[i]), nil
		}
	case "string":
		return func(in *avroIn, at *cell.Builder) (value.Value, error) {
			b, err := in.bytes()
			if err != nil {
				return value.Value{}, err
			}
			return keptText(at, b, top), nil
		}
	case "fixed":
		return func(in *avroIn, _ *cell.Builder) (value.Value, error) {
			b, err := in.take(int64(n.Size))
			return value.OfBytes(b), err
		}
	}
	return func(in *avroIn, _ *cell.Builder) (value.Value, error) {
		b, err := in.bytes()
		return value.OfBytes(b), err
	}
}

// readAvroInt reads an int or a long: as one, as a float, or as a time whose unit the column has.
func readAvroInt(want value.Type) avroReading {
	switch want.Kind {
	case value.KindInt:
		return func(in *avroIn, _ *cell.Builder) (value.Value, error) {
			x, err := in.long()
			return value.OfInt(x), err
		}
	case value.KindFloat:
		return func(in *avroIn, _ *cell.Builder) (value.Value, error) {
			x, err := in.long()
			return value.OfFloat(float64(x)), err
		}
	case value.KindTimestamp:
		return func(in *avroIn, at *cell.Builder) (value.Value, error) {
			x, err := in.long()
			return kept(at, value.OfTimestamp(at.Unit().Millis(x)), dataset.OutOfRange), err
		}
	}
	return nil
}

func readAvroBool(in *avroIn, _ *cell.Builder) (value.Value, error) {
	b, err := in.take(1)
	if err == nil && b[0] > 1 {
		err = fmt.Errorf("byte %d is no boolean", b[0])
	}
	if err != nil {
		return value.Value{}, err
	}
	return value.OfBool(b[0] == 1), nil
}

func readAvroDecimal(n avroNode) avroReading {
	return func(in *avroIn, at *cell.Builder) (value.Value, error) {
		var b []byte
		var err error
		if n.Type == "fixed" {
			b, err = in.take(int64(n.Size))
		} else {
			b, err = in.bytes()
		}
		if err != nil {
			return value.Value{}, err
		}
		return keptFloat(at, dataset.DecimalBytes(string(b), n.Scale)), nil
	}
}

func readAvroList(elem avroReading) avroReading {
	return func(in *avroIn, at *cell.Builder) (value.Value, error) {
		var elems []value.Value
		err := in.blocks(func() error {
			v, err := elem(in, at)
			elems = append(elems, v)
			return err
		})
		return value.OfList(elems), err
	}
}

func readAvroMap(elem avroReading) avroReading {
	return func(in *avroIn, at *cell.Builder) (value.Value, error) {
		var entries []value.Entry
		err := in.blocks(func() error {
			key, err := in.bytes()
			if err == nil && !utf8.Valid(key) {
				err = errors.New("the key of a map is not UTF-8")
			}
			if err != nil {
				return err
			}
			v, err := elem(in, at)
			entries = append(entries, value.Entry{Key: string(key), Value: v})
			return err
		})
		return value.OfMap(entries), err
	}
}

func readAvroRecord(fields []value.Field, steps []avroStep) avroReading {
	return func(in *avroIn, at *cell.Builder) (value.Value, error) {
		if in.slots -= len(fields); in.slots < 0 {
			return value.Value{}, errSlots
		}
		entries := make([]value.Entry, len(fields))
		for i, f := range fields {
			entries[i].Key = f.Name
		}
		var err error
		for i := range steps {
			if step := &steps[i]; step.slot < 0 {
				err = in.skip(step.node, 0)
			} else {
				entries[step.slot].Value, err = step.read(in, at)
			}
			if err != nil {
				return value.Value{}, err
			}
		}
		return value.OfStruct(entries), nil
	}
}

// kept counts a value that became null in the making.
func kept(at *cell.Builder, v value.Value, why dataset.Reason) value.Value {
	if v.IsNull() {
		at.LoseWithin(why)
	}
	return v
}

func keptFloat(at *cell.Builder, f float64) value.Value {
	if f-f != 0 {
		at.LoseWithin(dataset.NonFinite)
		return value.Value{}
	}
	return value.OfFloat(f + 0)
}

// keptText is a text; view: it may be a view of the bytes, since the column copies it at once.
func keptText(at *cell.Builder, b []byte, view bool) value.Value {
	switch {
	case !utf8.Valid(b):
		at.LoseWithin(dataset.InvalidUTF8)
		return value.Value{}
	case view:
		return value.OfString(unsafe.String(unsafe.SliceData(b), len(b)))
	}
	return value.OfString(string(b))
}
