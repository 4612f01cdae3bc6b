package arrow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// messages reads the messages of a stream for ipc.Reader, in place of its own reader, which believes the lengths in a damaged file and
// takes memory for them. Here each length is held against the bytes that are there first.
type messages struct {
	in   io.Reader
	left int64 // bytes until the stream must have ended
	refs atomic.Int64
}

var _ ipc.MessageReader = (*messages)(nil)

// Retain and Release count references as ipc.MessageReader asks; memory is the garbage collector's.
func (m *messages) Retain()  { m.refs.Add(1) }
func (m *messages) Release() { m.refs.Add(-1) }

func (m *messages) take(n int64) ([]byte, error) {
	if n < 0 || n > m.left {
		return nil, fmt.Errorf("a length of %d bytes where %d are left", n, m.left)
	}
	m.left -= n
	b := make([]byte, n)
	if _, err := io.ReadFull(m.in, b); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}

// Message reads the next message; io.EOF at the end.
func (m *messages) Message() (*ipc.Message, error) {
	if m.left == 0 {
		return nil, io.EOF
	}
	head, err := m.take(4)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(head) == 0xffffffff { // before Arrow 0.15 the length came at once
		if head, err = m.take(4); err != nil {
			return nil, err
		}
	}
	size := int64(int32(binary.LittleEndian.Uint32(head)))
	if size == 0 {
		return nil, io.EOF
	}
	meta, err := m.take(size)
	if err != nil {
		return nil, err
	}
	bodySize, err := checkMessage(meta)
	if err != nil {
		return nil, err
	}
	body, err := m.take(bodySize)
	if err != nil {
		return nil, err
	}
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// flat is a FlatBuffers table, read with every offset checked (https://flatbuffers.dev/internals).
type flat struct {
	b  []byte
	at int
}

var errFlat = errors.New("its metadata is damaged")

func flatRoot(b []byte) (flat, error) {
	t := flat{b: b}
	at, err := t.offset(0)
	return flat{b, at}, err
}

// u32 reads 4 bytes.
func (t flat) u32(at int) (int, error) {
	if at < 0 || at > len(t.b)-4 {
		return 0, errFlat
	}
	return int(binary.LittleEndian.Uint32(t.b[at:])), nil
}

// offset follows a reference.
func (t flat) offset(at int) (int, error) {
	to, err := t.u32(at)
	if err != nil || to > len(t.b)-at {
		return 0, errFlat
	}
	return at + to, nil
}

// field is the place of a field of the table, 0: it has none.
func (t flat) field(slot int) (int, error) {
	back, err := t.u32(t.at)
	if err != nil {
		return 0, err
	}
	vtable := t.at - int(int32(back))
	if vtable < 0 || vtable > len(t.b)-4 {
		return 0, errFlat
	}
	size := int(binary.LittleEndian.Uint16(t.b[vtable:]))
	if size < 4 || size > len(t.b)-vtable {
		return 0, errFlat
	}
	if 4+2*slot+2 > size {
		return 0, nil
	}
	at := int(binary.LittleEndian.Uint16(t.b[vtable+4+2*slot:]))
	if at == 0 {
		return 0, nil
	}
	if t.at+at > len(t.b)-1 {
		return 0, errFlat
	}
	return t.at + at, nil
}

// vector checks that a field's vector lies within the bytes, with elements of a size.
func (t flat) vector(slot, size int) (at, n int, err error) {
	field, err := t.field(slot)
	if err != nil || field == 0 {
		return 0, 0, err
	}
	if at, err = t.offset(field); err != nil {
		return 0, 0, err
	}
	if n, err = t.u32(at); err != nil {
		return 0, 0, err
	}
	if n > (len(t.b)-at-4)/size {
		return 0, 0, fmt.Errorf("%w: %d elements in %d bytes", errFlat, n, len(t.b)-at-4)
	}
	return at + 4, n, nil
}

// tables checks a vector of tables with check.
func (t flat) tables(slot int, check func(flat) error) error {
	at, n, err := t.vector(slot, 4)
	for i := 0; i < n && err == nil; i++ {
		var to int
		if to, err = t.offset(at + 4*i); err == nil {
			err = check(flat{t.b, to})
		}
	}
	return err
}

// table follows a field to another table; false: there is none.
func (t flat) table(slot int) (flat, bool, error) {
	field, err := t.field(slot)
	if err != nil || field == 0 {
		return flat{}, false, err
	}
	to, err := t.offset(field)
	return flat{t.b, to}, true, err
}

// Kinds of messages, and the slots of Arrow's tables (format/Message.fbs, format/Schema.fbs) that hold vectors.
const (
	headSchema, headDictionary, headRecord     = 1, 2, 3
	messageType, messageHead, messageBody      = 1, 2, 3
	schemaFields, schemaMetadata               = 1, 2
	fieldTypeKind, fieldType, fieldChildren    = 2, 3, 5
	fieldMetadata, typeUnion, unionIDs         = 6, 14, 1
	recordNodes, recordBuffers, recordVariadic = 1, 2, 4
	dictionaryRecord, maxFields, maxFieldDepth = 1, 1 << 20, 64
)

// checkMessage checks all vectors of a message's metadata and gives its body's length.
func checkMessage(b []byte) (body int64, err error) {
	t, err := flatRoot(b)
	if err != nil {
		return 0, err
	}
	kind, err := t.field(messageType)
	if err != nil {
		return 0, err
	}
	head, ok, err := t.table(messageHead)
	if err != nil {
		return 0, err
	}
	if ok && kind != 0 {
		switch b[kind] {
		case headSchema:
			err = checkSchema(head)
		case headRecord:
			err = checkRecord(head)
		case headDictionary:
			var record flat
			if record, ok, err = head.table(dictionaryRecord); ok && err == nil {
				err = checkRecord(record)
			}
		}
	}
	if err != nil {
		return 0, err
	}
	at, err := t.field(messageBody)
	if err != nil || at == 0 {
		return 0, err
	}
	if at > len(b)-8 {
		return 0, errFlat
	}
	return int64(binary.LittleEndian.Uint64(b[at:])), nil
}

func checkSchema(t flat) error {
	budget := maxFields
	err := t.tables(schemaFields, func(f flat) error { return checkField(f, 0, &budget) })
	if err == nil {
		_, _, err = t.vector(schemaMetadata, 4)
	}
	return err
}

// checkField checks a field with its children; budget ends tables that refer to each other.
func checkField(t flat, depth int, budget *int) error {
	if *budget--; *budget < 0 || depth > maxFieldDepth {
		return fmt.Errorf("%w: too many fields, or nested too deeply", errFlat)
	}
	if _, _, err := t.vector(fieldMetadata, 4); err != nil {
		return err
	}
	kind, err := t.field(fieldTypeKind)
	if err != nil {
		return err
	}
	if typ, ok, err := t.table(fieldType); err != nil {
		return err
	} else if ok && kind != 0 && t.b[kind] == typeUnion {
		if _, _, err := typ.vector(unionIDs, 4); err != nil {
			return err
		}
	}
	return t.tables(fieldChildren, func(f flat) error { return checkField(f, depth+1, budget) })
}

func checkRecord(t flat) error {
	if _, _, err := t.vector(recordNodes, 16); err != nil {
		return err
	}
	_, buffers, err := t.vector(recordBuffers, 16)
	if err != nil {
		return err
	}
	// Columns of views say how many buffers each has.
	at, n, err := t.vector(recordVariadic, 8)
	if err != nil {
		return err
	}
	for i := range n {
		if count := binary.LittleEndian.Uint64(t.b[at+8*i:]); count > uint64(buffers) {
			return fmt.Errorf("%w: a column of %d buffers where %d are", errFlat, count, buffers)
		}
	}
	return nil
}
