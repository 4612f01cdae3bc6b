package kafka

import (
	"errors"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/cell"
	"github.com/bighead-ml/bighead/value"
)

// protoIn reads one payload. Each element takes at least a byte of it; the fields of structs that are not there take none, and are
// bounded apart.
type protoIn struct {
	into  *cells
	slots int // that structs may still have
}

// slotsOf bounds the fields of all structs of a payload: memory is a small multiple of its length, whatever it claims.
func slotsOf(payload []byte) int { return 1<<16 + 2*len(payload) }

var errSlots = errors.New("it holds more structs than its bytes should make")

var (
	errProto     = errors.New("not a message of Protobuf: it is cut, or a tag is nonsense")
	errProtoDeep = errors.New("messages are nested deeper than 100")
)

// unset is a field that is not there: its zero, unless the schema can tell absence, when it is null.
func unset(f *protoField) value.Value {
	d := f.desc
	switch {
	case d.IsMap():
		return value.OfMap(nil)
	case d.IsList():
		return value.OfList(nil)
	case d.HasPresence():
		return value.Value{}
	}
	return zeroOf(f)
}

// zeroOf is the zero of one value of a field.
func zeroOf(f *protoField) value.Value {
	d := f.desc
	switch {
	case d.Message() != nil:
		return value.Value{}
	case d.Kind() == protoreflect.EnumKind && f.want.Kind == value.KindString:
		return enumName(d, 0)
	}
	switch f.want.Kind {
	case value.KindFloat:
		return value.OfFloat(0)
	case value.KindString:
		return value.OfString("")
	case value.KindBytes:
		return value.OfBytesString("")
	}
	return value.OfNumber(f.want.Kind, 0)
}

// enumName is the name of an enum's number, or the number's text where it has none.
func enumName(d protoreflect.FieldDescriptor, n protoreflect.EnumNumber) value.Value {
	if v := d.Enum().Values().ByNumber(n); v != nil {
		return value.OfString(string(v.Name()))
	}
	return value.OfString(strconv.Itoa(int(n)))
}

// message reads a message into its slots. column is that of the row which the values go into; −1: each slot is a column.
func (in *protoIn) message(m *protoMessage, b []byte, column, depth int) ([]value.Value, error) {
	if depth > 100 {
		return nil, errProtoDeep
	}
	if in.slots -= m.slots; in.slots < 0 {
		return nil, errSlots
	}
	row := append([]value.Value(nil), m.init...)
	var gathered map[*protoField]*gathering
	gather := func(f *protoField) *gathering {
		if gathered == nil {
			gathered = map[*protoField]*gathering{}
		}
		g := gathered[f]
		if g == nil {
			g = &gathering{}
			gathered[f] = g
		}
		return g
	}
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return nil, errProto
		}
		size := protowire.ConsumeFieldValue(number, typ, b[n:])
		if size < 0 {
			return nil, errProto
		}
		raw := b[n : n+size]
		b = b[n+size:]
		f := m.fields[number]
		if f == nil {
			continue
		}
		at := in.at(column, f.slot)
		var err error
		switch d := f.desc; {
		case d.IsMap():
			err = in.entry(f, typ, raw, gather(f), at, column, depth)
		case d.IsList():
			err = in.elements(f, typ, raw, gather(f), at, column, depth)
		case d.Message() != nil:
			if typ == protowire.BytesType {
				piece, _ := protowire.ConsumeBytes(raw)
				err = gather(f).merge(piece)
				in.clear(m, f, row, gathered)
			}
		default:
			if v, ok := in.scalar(f, typ, raw, at); ok {
				row[f.slot] = v
				in.clear(m, f, row, gathered)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return row, in.close(m, row, gathered, column, depth)
}

// gathering is what several occurrences of a field make together.
type gathering struct {
	elems   []value.Value
	entries []value.Entry
	pieces  []byte // of a message, which merge by standing one after the other
}

// merge adds a piece of a message. Each must be whole by itself, lest two halves make one.
func (g *gathering) merge(piece []byte) error {
	if g.pieces == nil {
		g.pieces = piece
		return nil
	}
	ignore := func(protowire.Number, protowire.Type, []byte) {}
	if err := errors.Join(eachField(g.pieces, ignore), eachField(piece, ignore)); err != nil {
		return errProto
	}
	g.pieces = append(g.pieces[:len(g.pieces):len(g.pieces)], piece...)
	return nil
}

// clear takes back the others of a oneof: the last that was written is the one.
func (in *protoIn) clear(m *protoMessage, f *protoField, row []value.Value, gathered map[*protoField]*gathering) {
	for _, slot := range m.oneofs[f.slot] {
		row[slot] = value.Value{}
		for g := range gathered {
			if g.slot == slot {
				delete(gathered, g)
			}
		}
	}
}

// close puts what was gathered into the row.
func (in *protoIn) close(m *protoMessage, row []value.Value, gathered map[*protoField]*gathering, column, depth int) error {
	for _, f := range m.lists {
		if g := gathered[f]; g != nil && f.desc.IsMap() {
			row[f.slot] = value.OfMap(g.entries)
		} else if g != nil {
			row[f.slot] = value.OfList(g.elems)
		}
	}
	for _, f := range m.inner {
		g := gathered[f]
		if g == nil {
			continue
		}
		v, err := in.inner(f, g.pieces, in.at(column, f.slot), in.columnOf(column, f.slot), depth)
		if err != nil {
			return err
		}
		row[f.slot] = v
	}
	return nil
}

func (in *protoIn) columnOf(column, slot int) int {
	if column < 0 {
		return slot
	}
	return column
}

func (in *protoIn) at(column, slot int) *cell.Builder {
	return in.into.builders[in.columnOf(column, slot)]
}

// inner reads a message that is one value.
func (in *protoIn) inner(f *protoField, b []byte, at *cell.Builder, column, depth int) (value.Value, error) {
	switch {
	case f.msg != nil:
		row, err := in.message(f.msg, b, column, depth+1)
		if err != nil {
			return value.Value{}, err
		}
		entries := make([]value.Entry, len(row))
		for i, v := range row {
			entries[i] = value.Entry{Key: f.msg.names[i], Value: v}
		}
		return value.OfStruct(entries), nil
	case f.wrap != nil:
		v := zeroOf(f.wrap)
		err := eachField(b, func(number protowire.Number, typ protowire.Type, raw []byte) {
			if got, ok := in.scalar(f.wrap, typ, raw, at); ok && number == 1 {
				v = got
			}
		})
		return v, err
	}
	var seconds, nanos int64 // a Timestamp
	err := eachField(b, func(number protowire.Number, typ protowire.Type, raw []byte) {
		x, n := protowire.ConsumeVarint(raw)
		switch {
		case typ != protowire.VarintType || n < 0:
		case number == 1:
			seconds = int64(x)
		case number == 2:
			nanos = int64(int32(x))
		}
	})
	ms := dataset.Seconds.Millis(seconds)
	if ms > value.MinTimestamp-1e6 && ms < value.MaxTimestamp+1e6 {
		ms += dataset.Nanos.Millis(nanos)
	}
	return kept(at, value.OfTimestamp(ms), dataset.OutOfRange), err
}

// eachField walks the fields of a message.
func eachField(b []byte, visit func(protowire.Number, protowire.Type, []byte)) error {
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return errProto
		}
		size := protowire.ConsumeFieldValue(number, typ, b[n:])
		if size < 0 {
			return errProto
		}
		visit(number, typ, b[n:n+size])
		b = b[n+size:]
	}
	return nil
}

// elements adds what one occurrence of a repeated field holds: an element, or many that are packed.
func (in *protoIn) elements(f *protoField, typ protowire.Type, raw []byte, g *gathering, at *cell.Builder, column, depth int) error {
	own := wireType(f.desc.Kind())
	if typ == protowire.BytesType && own != protowire.BytesType {
		packed, _ := protowire.ConsumeBytes(raw)
		for len(packed) > 0 {
			n := protowire.ConsumeFieldValue(1, own, packed)
			if n <= 0 {
				return errProto
			}
			v, _ := in.scalar(f, own, packed[:n], at)
			g.elems = append(g.elems, v)
			packed = packed[n:]
		}
		return nil
	}
	v, ok, err := in.one(f, typ, raw, at, in.columnOf(column, f.slot), depth)
	if ok {
		g.elems = append(g.elems, v)
	}
	return err
}

// one reads one value of a field, a message or not; false: of another wire type, which the format has us pass over.
func (in *protoIn) one(f *protoField, typ protowire.Type, raw []byte, at *cell.Builder, column, depth int) (value.Value, bool, error) {
	if f.desc.Message() == nil {
		v, ok := in.scalar(f, typ, raw, at)
		return v, ok, nil
	}
	if typ != protowire.BytesType {
		return value.Value{}, false, nil
	}
	b, _ := protowire.ConsumeBytes(raw)
	v, err := in.inner(f, b, at, column, depth)
	return v, true, err
}

// entry adds one entry of a map: a message of key and value, each its zero where it is not there.
func (in *protoIn) entry(f *protoField, typ protowire.Type, raw []byte, g *gathering, at *cell.Builder, column, depth int) error {
	if typ != protowire.BytesType {
		return nil
	}
	b, _ := protowire.ConsumeBytes(raw)
	key, v := "", zeroOf(f.value)
	if f.value.msg != nil {
		empty, err := in.inner(f.value, nil, at, in.columnOf(column, f.slot), depth)
		if err != nil {
			return err
		}
		v = empty
	}
	var inner error
	err := eachField(b, func(number protowire.Number, typ protowire.Type, raw []byte) {
		switch {
		case number == 1 && typ == protowire.BytesType:
			text, _ := protowire.ConsumeBytes(raw)
			key = string(text)
		case number == 2:
			if got, ok, err := in.one(f.value, typ, raw, at, in.columnOf(column, f.slot), depth); err != nil {
				inner = err
			} else if ok {
				v = got
			}
		}
	})
	g.entries = append(g.entries, value.Entry{Key: key, Value: v})
	return errors.Join(err, inner)
}
