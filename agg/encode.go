package agg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/bighead-ml/bighead/value"
)

// encodingVersion leads every encoded state. A reader takes this one and the one before it; there is none before the first.
const encodingVersion = 1

var errShort = errors.New("cut short")

// AppendState adds the encoding of a state: a version, then what its kind writes. It is self-delimiting, canonical (equal states have
// equal bytes) and says nothing about its fold: what holds it keeps the fold's fingerprint and a checksum.
func AppendState(dst []byte, s State) []byte { return s.append(append(dst, encodingVersion)) }

// DecodeState reads a state of the fold and returns the bytes behind it. Whatever AppendState does not write is an error; the memory
// taken is bounded by the length of b.
func (f Fold) DecodeState(b []byte) (State, []byte, error) {
	s := f.New()
	rest, err := f.DecodeInto(s, b)
	if err != nil {
		return nil, nil, err
	}
	return s, rest, nil
}

// DecodeInto is DecodeState into a state of this fold that exists, whose events are forgotten. After an error the state is that of no event.
func (f Fold) DecodeInto(s State, b []byte) ([]byte, error) {
	d := decoders.Get().(*Decoder)
	defer decoders.Put(d)
	rest, err := d.DecodeInto(s, b)
	if err != nil {
		return nil, fmt.Errorf("decode state of %s: %w", f.ID(), err)
	}
	return rest, nil
}

// Decoder is what decoding needs beside the state and the bytes: who decodes many states keeps one. For one goroutine at a time.
type Decoder struct{ r reader }

// DecodeInto is Fold.DecodeInto into a state of whichever fold it is.
func (d *Decoder) DecodeInto(s State, b []byte) ([]byte, error) {
	s.Reset()
	d.r.b = b
	version, err := d.r.byte()
	if err == nil && version != encodingVersion {
		err = fmt.Errorf("version %d is not %d", version, encodingVersion)
	}
	if err == nil {
		err = s.decode(&d.r)
	}
	rest := d.r.b
	d.r.b = nil
	if err != nil {
		s.Reset()
		return nil, err
	}
	return rest, nil
}

// decoders are kept because a reader that goes through an interface lives on the heap.
var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// reader takes an encoding apart from the front.
type reader struct{ b []byte }

func (r *reader) byte() (byte, error) {
	if len(r.b) == 0 {
		return 0, errShort
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c, nil
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag() (bool, error) {
	c, err := r.byte()
	if err == nil && c > 1 {
		err = fmt.Errorf("flag of %d", c)
	}
	return c == 1, err
}

// uvarint reads what binary.AppendUvarint writes, and no longer form of the same number.
func (r *reader) uvarint() (uint64, error) {
	u, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 {
		return 0, errShort
	}
	r.b = r.b[n:]
	return u, nil
}

// mostEvents is the most that one stored state may count: floats hold it exactly, and the sum of a thousand states still fits.
const mostEvents = 1 << 53

// count reads a number of events, at least least.
func (r *reader) count(least int64) (int64, error) {
	u, err := r.uvarint()
	if err == nil && (u > mostEvents || int64(u) < least) {
		err = fmt.Errorf("count of %d", u)
	}
	return int64(u), err
}

// length reads the number of elements that follow, each of at least one byte, at most max.
func (r *reader) length(max int) (int, error) {
	u, err := r.uvarint()
	if err == nil && u > uint64(len(r.b)) {
		err = errShort
	}
	if err == nil && u > uint64(max) {
		err = fmt.Errorf("%d elements where %d are the most", u, max)
	}
	return int(u), err
}

// varint reads what binary.AppendVarint writes.
func (r *reader) varint() (int64, error) {
	u, err := r.uvarint()
	return int64(u>>1) ^ -int64(u&1), err
}

// canonicalNaN stands for every NaN in a state: an overflow that finishes to null.
var canonicalNaN = math.Float64bits(math.NaN())

// appendFloat writes a float of a state, in which infinities and NaN are overflows to be remembered.
func appendFloat(dst []byte, x float64) []byte {
	bits := math.Float64bits(x + 0) // −0.0 + 0 is 0.0
	if x != x {
		bits = canonicalNaN
	}
	return binary.LittleEndian.AppendUint64(dst, bits)
}

func (r *reader) float() (float64, error) {
	if len(r.b) < 8 {
		return 0, errShort
	}
	bits := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	x := math.Float64frombits(bits)
	if x != x && bits != canonicalNaN || bits == 1<<63 {
		return 0, fmt.Errorf("float of bits %x", bits)
	}
	return x, nil
}

// value reads a value of the type, null allowed.
func (r *reader) value(t value.Type) (value.Value, error) {
	v, rest, err := value.Decode(r.b)
	if err != nil {
		return value.Value{}, err
	}
	if !v.HasType(t) {
		return value.Value{}, fmt.Errorf("%s where %s is kept", value.An(v.Kind().String()), value.An(t.String()))
	}
	r.b = rest
	return v, nil
}

// anyValue reads a value of whatever type: the parts of a tie.
func (r *reader) anyValue() (value.Value, error) {
	v, rest, err := value.Decode(r.b)
	if err == nil {
		r.b = rest
	}
	return v, err
}

func (r *reader) text() (string, error) {
	n, err := r.length(math.MaxInt)
	if err != nil {
		return "", err
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s, nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
