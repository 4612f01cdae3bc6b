// Package tile is how states of folds, and rows that no fold can stand for, are held as bytes in a store: one tile is what one group
// knows of one key over one stretch of event time (docs/data-path.md §1).
//
// A tile is written whole and replaced. It carries how far it has read each partition of its source, so that events that come again
// are told apart and writing a tile twice is harmless, and the newest time in it, so that nobody is answered as of a time that lies
// before an event that is in already. Its folds are those of a Layout; the layout's mark is in every tile, and a tile of another
// layout, a damaged one or one of a later version is an error, never a value.
//
// The room knows folds and values. It does not know windows, groups or stores.
package tile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"reflect"
	"slices"
	"unsafe"

	"github.com/bighead-ml/bighead/agg"
)

// What an error of Decode says beside its words.
var (
	// ErrDamaged: the bytes are not what was written.
	ErrDamaged = errors.New("damaged")
	// ErrOther: it was written under another layout, or by a later version.
	ErrOther = errors.New("written for something else")
)

// None is Newest where a tile has no event, and Through where it is no base tile.
const None = math.MinInt64

// Position is how far a partition of the source has been read: all events up to the offset, that one included.
type Position struct {
	Partition int32
	Offset    int64
}

// Positions are those of a tile, ascending by partition.
type Positions []Position

// Covers reports whether an event of a partition is among those that were read.
func (p Positions) Covers(partition int32, offset int64) bool {
	i, ok := p.find(partition)
	return ok && offset <= p[i].Offset
}

// Advance notes that a partition was read up to an offset; it never goes back.
func (p *Positions) Advance(partition int32, offset int64) { p.Take(partition, offset) }

// Take is Covers, and where it says no Advance: it reports whether the event is new.
func (p *Positions) Take(partition int32, offset int64) bool {
	i, ok := p.find(partition)
	switch {
	case !ok:
		*p = slices.Insert(*p, i, Position{partition, offset})
	case offset <= (*p)[i].Offset:
		return false
	default:
		(*p)[i].Offset = offset
	}
	return true
}

// find goes from one to the next: a tile has a few.
func (p Positions) find(partition int32) (int, bool) {
	for i := range p {
		if p[i].Partition >= partition {
			return i, p[i].Partition == partition
		}
	}
	return len(p), false
}

// Header is what every tile says of itself.
type Header struct {
	// Newest is the latest time at which an event in the tile happened or became known, ms; None without any.
	Newest int64
	// Through is, of a base tile, the time before which all events are in it; None of other tiles.
	Through   int64
	Positions Positions
}

// Tile is the states of a layout's folds over some events. It is made by Layout.New, and never copied.
type Tile struct {
	Header
	layout  *Layout
	grows   []agg.State // those of no fixed size, in the order of their folds
	decoder agg.Decoder
}

// State is that of a fold, by its place in the layout. It lies in the tile.
func (t *Tile) State(fold int) agg.State {
	p := &t.layout.places[fold]
	if p.offset == 0 {
		return t.grows[p.nth]
	}
	// An interface is a word for the type and one for where the value lies. The fixed states of a tile lie behind it in one piece of memory, whose
	// type the collector knows; to keep an interface for each would be as much memory again, to be fetched with each event and looked through by the
	// collector.
	s := p.like
	(*[2]unsafe.Pointer)(unsafe.Pointer(&s))[1] = unsafe.Add(unsafe.Pointer(t), p.offset)
	return s
}

// Layout is the folds that the tiles of a space hold, in order. It never changes and is safe for concurrent use.
type Layout struct {
	folds []agg.Fold
	empty [][]byte // the encoding of no event, by fold
	mark  uint32

	piece  reflect.Type // what a tile lies in
	slab   reflect.Type // some pieces in a row
	places []place      // of its states, by fold
	fixed  int          // how many are of a fixed size
}

// place is where the state of a fold is in a tile.
type place struct {
	offset uintptr       // in the piece; 0: it is of no fixed size
	nth    int           // the field of the piece, or the place among those of no fixed size
	like   agg.State     // a state of no event
	value  reflect.Value // what it points to
}

// NewLayout is the layout of folds, each under the fingerprint that it is kept by (docs/semantics.md I1).
func NewLayout(folds []agg.Fold, fingerprints []string) *Layout {
	l := &Layout{folds: folds}
	sum := crc32.New(castagnoli)
	for i, f := range folds {
		fmt.Fprintf(sum, "%s %q\n", fingerprints[i], f.ID())
		l.empty = append(l.empty, agg.AppendState(nil, f.New()))
	}
	l.mark = sum.Sum32()
	l.lay()
	return l
}

// Folds are the layout's. They are not to be changed.
func (l *Layout) Folds() []agg.Fold { return l.folds }

// New is a tile of no event. It is one piece of memory with its positions and all states of a fixed size: who keeps millions of them, and goes
// from one to another with each event, waits for memory more than for anything else.
func (l *Layout) New() *Tile { return l.begin(reflect.New(l.piece).Elem()) }

// Slab adds some tiles of no event to dst, that lie in one piece of memory: to the collector that is one thing to find instead of many. It is let
// go when none of them is used any more.
func (l *Layout) Slab(dst []*Tile) []*Tile {
	pieces := reflect.New(l.slab).Elem()
	for i := range pieces.Len() {
		dst = append(dst, l.begin(pieces.Index(i)))
	}
	return dst
}

// slabBytes is how long a slab is, about, where a tile is no longer.
const slabBytes = 16 << 10

// begin makes a piece of memory, all zero, a tile of no event.
func (l *Layout) begin(piece reflect.Value) *Tile {
	t := (*Tile)(piece.Addr().UnsafePointer())
	t.Newest, t.Through, t.layout = None, None, l
	t.Positions = piece.Field(1).Slice(0, 0).Interface().([]Position)
	if n := len(l.folds) - l.fixed; n > 0 {
		t.grows = make([]agg.State, 0, n)
	}
	for i, f := range l.folds {
		if p := &l.places[i]; p.offset == 0 {
			t.grows = append(t.grows, f.New())
		} else {
			piece.Field(p.nth).Set(p.value)
		}
	}
	return t
}

// Reset makes a tile one of no event again.
func (t *Tile) Reset() {
	t.Newest, t.Through, t.Positions = None, None, t.Positions[:0]
	for i := range t.layout.folds {
		t.State(i).Reset()
	}
}

// lay decides on the piece of memory of a tile: itself, its positions while they are few, and its states of a fixed size.
func (l *Layout) lay() {
	parts := []reflect.Type{reflect.TypeFor[Tile](), reflect.TypeFor[[partitionsInPlace]Position]()}
	for _, f := range l.folds {
		if f.Fixed() {
			parts = append(parts, reflect.TypeOf(f.New()).Elem())
		}
	}
	fields := make([]reflect.StructField, len(parts))
	for i, p := range parts {
		fields[i] = reflect.StructField{Name: fmt.Sprintf("Part%d", i), Type: p}
	}
	l.piece = reflect.StructOf(fields)
	l.slab = reflect.ArrayOf(max(1, slabBytes/int(l.piece.Size())), l.piece)
	l.fixed = len(parts) - 2
	fixed, grows := 2, 0
	for _, f := range l.folds {
		p := place{like: f.New(), nth: grows}
		p.value = reflect.ValueOf(p.like).Elem()
		if f.Fixed() {
			p.offset, p.nth = l.piece.Field(fixed).Offset, fixed
			fixed++
		} else {
			grows++
		}
		l.places = append(l.places, p)
	}
}

// Size is how many bytes a tile takes in memory, without what its states refer to; varies: there are such that do.
func (l *Layout) Size() (bytes int64, varies bool) {
	return int64(l.piece.Size()), l.fixed < len(l.folds)
}

// partitionsInPlace is for how many partitions a tile has room in its own memory.
const partitionsInPlace = 4

// Merge takes another tile of the same layout in.
func (t *Tile) Merge(u *Tile) {
	t.Newest = max(t.Newest, u.Newest)
	for _, p := range u.Positions {
		t.Positions.Advance(p.Partition, p.Offset)
	}
	for i := range t.layout.folds {
		t.State(i).Merge(u.State(i))
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append adds the encoding of a tile in the newest version.
func (l *Layout) Append(dst []byte, t *Tile) []byte { return l.AppendAs(dst, t, Version) }

// AppendAs adds the encoding of a tile in a version that is read still:
//
//	version byte · mark of the layout (4) · header · for each fold: length, state · CRC-32C of all before (4)
//
// Lengths are unsigned varints, times and offsets signed ones. A state of no event has length 0.
func (l *Layout) AppendAs(dst []byte, t *Tile, version byte) []byte {
	from := len(dst)
	dst = begin(dst, version, l.mark)
	dst = appendHeader(dst, &t.Header)
	for i := range l.folds {
		at := len(dst)
		dst = agg.AppendState(append(dst, 0), t.State(i))
		dst = sized(dst, at, l.empty[i])
	}
	return seal(dst, from)
}

func begin(dst []byte, version byte, mark uint32) []byte {
	dst = append(dst, version)
	dst = binary.BigEndian.AppendUint32(dst, mark)
	if version > 1 {
		dst = append(dst, 0)
	}
	return dst
}

func appendHeader(dst []byte, h *Header) []byte {
	dst = binary.AppendVarint(dst, h.Newest)
	dst = binary.AppendVarint(dst, h.Through)
	dst = binary.AppendUvarint(dst, uint64(len(h.Positions)))
	for _, p := range h.Positions {
		dst = binary.AppendVarint(dst, int64(p.Partition))
		dst = binary.AppendVarint(dst, p.Offset)
	}
	return dst
}

// sized puts the length of what stands behind place at there; what is no more than nothing becomes a 0.
func sized(dst []byte, at int, nothing []byte) []byte {
	n := len(dst) - at - 1
	if n == len(nothing) && string(dst[at+1:]) == string(nothing) {
		return dst[:at+1]
	}
	if n < 0x80 { // most are
		dst[at] = byte(n)
		return dst
	}
	var size [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(size[:], uint64(n))
	dst = append(dst, size[:k-1]...) // room
	copy(dst[at+k:], dst[at+1:at+1+n])
	copy(dst[at:], size[:k])
	return dst
}

func seal(dst []byte, from int) []byte {
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
}

// Decode reads a tile.
func (l *Layout) Decode(b []byte) (*Tile, error) {
	t := l.New()
	if err := l.DecodeInto(t, b); err != nil {
		return nil, err
	}
	return t, nil
}

// DecodeInto is Decode into a tile of the layout that exists, whose events are forgotten. After an error it is not to be used but for
// another DecodeInto. The bytes are not kept.
func (l *Layout) DecodeInto(t *Tile, b []byte) error { return l.decode(t, b, nil) }

// DecodeFolds is DecodeInto for some of the folds, ascending: the states of the others are left as they are and their bytes are not looked
// into, but for the checksum.
func (l *Layout) DecodeFolds(t *Tile, b []byte, wanted []int) error {
	if len(wanted) == len(l.folds) {
		wanted = nil
	} else if len(wanted) == 0 {
		wanted = none
	}
	return l.decode(t, b, wanted)
}

var none = []int{-1}

// decode reads the wanted folds, ascending; nil: all.
func (l *Layout) decode(t *Tile, b []byte, wanted []int) error {
	r := reader{}
	if err := r.open(b, l.mark); err != nil {
		return err
	}
	r.header(&t.Header)
	for i := range l.folds {
		s := r.sized()
		if r.err != nil {
			return r.err
		}
		if wanted != nil {
			if len(wanted) == 0 || wanted[0] != i {
				continue
			}
			wanted = wanted[1:]
		}
		if len(s) == 0 {
			t.State(i).Reset()
			continue
		}
		rest, err := t.decoder.DecodeInto(t.State(i), s)
		if err == nil && len(rest) > 0 {
			err = errors.New("bytes behind a state")
		}
		if err != nil {
			return fmt.Errorf("tile: %w: state of %s: %w", ErrDamaged, l.folds[i].ID(), err)
		}
	}
	return r.close()
}

// MergeInto merges the states of an encoded tile that wanted names, by fold, into states, which are the caller's and may be of fewer
// folds than the layout: states[k] takes in fold wanted[k]. It returns the tile's header. scratch is a tile of the layout, for one
// goroutine at a time.
func (l *Layout) MergeInto(states []agg.State, wanted []int, b []byte, scratch *Tile) (Header, error) {
	if err := l.DecodeInto(scratch, b); err != nil {
		return Header{}, err
	}
	for k, i := range wanted {
		states[k].Merge(scratch.State(i))
	}
	return scratch.Header, nil
}

// reader takes an encoding apart; its first error stays.
type reader struct {
	b   []byte
	err error
}

func damaged(what string) error { return fmt.Errorf("tile: %w: %s", ErrDamaged, what) }

// open checks the sum, the version and the mark, and leaves what lies between.
func (r *reader) open(b []byte, mark uint32) error {
	if len(b) < 9 {
		return damaged("cut short")
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return damaged("checksum")
	}
	if b[0] < Oldest || b[0] > Version {
		return fmt.Errorf("tile: %w: version %d, this program knows %d to %d", ErrOther, b[0], Oldest, Version)
	}
	if binary.BigEndian.Uint32(b[1:]) != mark {
		return fmt.Errorf("tile: %w: other folds", ErrOther)
	}
	r.b = body[5:]
	if b[0] > 1 {
		if len(r.b) == 0 || r.b[0] != 0 {
			return damaged("its byte more")
		}
		r.b = r.b[1:]
	}
	return nil
}

func (r *reader) header(h *Header) {
	h.Newest, h.Through = r.varint(), r.varint()
	n := r.uvarint()
	h.Positions = h.Positions[:0]
	for ; n > 0 && r.err == nil; n-- {
		p := r.varint()
		if p != int64(int32(p)) || len(h.Positions) > 0 && int64(h.Positions[len(h.Positions)-1].Partition) >= p {
			r.fail("partitions")
			return
		}
		h.Positions = append(h.Positions, Position{int32(p), r.varint()})
	}
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err, r.b = damaged(what), nil
	}
}

func (r *reader) varint() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reader) uvarint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reader) sized() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail("length")
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) close() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("bytes left over")
	}
	return r.err
}
