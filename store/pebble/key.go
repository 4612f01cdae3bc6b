package pebble

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/bighead-ml/bighead/store"
)

// The first bytes of keys.
const (
	kindEpoch = 'e'
	kindMeta  = 'm'
	kindValue = 'v'
)

const startLen = 8

var epochKey = []byte{kindEpoch}

// comparer sorts keys by their bytes and knows where a value's start begins. Its name is that of the layout and stands on disk.
var comparer = &pebble.Comparer{
	Name:                 "bighead.places.v1",
	Compare:              bytes.Compare,
	Equal:                bytes.Equal,
	ComparePointSuffixes: bytes.Compare,
	CompareRangeSuffixes: bytes.Compare,
	AbbreviatedKey:       pebble.DefaultComparer.AbbreviatedKey,
	FormatKey:            pebble.DefaultComparer.FormatKey,
	Split:                split,
	// A shortened key would have no start to split off.
	Separator:          func(dst, a, _ []byte) []byte { return append(dst, a...) },
	Successor:          func(dst, a []byte) []byte { return append(dst, a...) },
	ImmediateSuccessor: func(dst, a []byte) []byte { return append(append(dst, a...), 0) },
}

// split is the length of a key without its start. What has none, a bound or a key that pebble has split already, is whole: where the
// user's key ends is told by its own end, and never by a length.
func split(key []byte) int {
	if len(key) < 3 || key[0] != kindValue {
		return len(key)
	}
	for i := 3 + int(binary.BigEndian.Uint16(key[1:])) + 2*8; i+1 < len(key); i++ {
		if key[i] != 0 {
			continue
		}
		if i++; key[i] != 0xff {
			if key[i] == 1 {
				return i + 1
			}
			break
		}
	}
	return len(key)
}

func appendInt(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)^1<<63) }

func readInt(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }

// appendSpace begins the keys of a space.
func appendSpace(b []byte, space string) []byte {
	b = binary.BigEndian.AppendUint16(append(b, kindValue), uint16(len(space)))
	return append(b, space...)
}

// appendStep begins the keys of a step.
func appendStep(b []byte, space string, step int64) []byte {
	return appendInt(appendSpace(b, space), step)
}

// headLen is the length of what appendStep appends.
func headLen(space string) int { return 3 + len(space) + 8 }

// appendLine begins the keys of a key in a period: all but the start.
func appendLine(b []byte, space string, step, period int64, key string) []byte {
	b = appendInt(appendStep(b, space, step), period)
	for i := range len(key) {
		if b = append(b, key[i]); key[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 1)
}

// bound ends what begins like a value's key to a bound below all keys that begin so.
func bound(b []byte) []byte { return append(b, 0, 0, 0, 0, 0, 0, 0, 0) }

// after is the least bytes above all that begin with b, nil where there are none.
func after(b []byte) []byte {
	b = bytes.Clone(b)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}

// spaceBounds are the bounds of all keys of a space.
func spaceBounds(space string) (from, to []byte) {
	head := appendSpace(nil, space)
	return bound(bytes.Clone(head)), bound(after(head))
}

// periodBounds are the bounds of the periods [first, last) of a step.
func periodBounds(space string, step, first, last int64) (from, to []byte) {
	return bound(appendInt(appendStep(nil, space, step), first)), bound(appendInt(appendStep(nil, space, step), last))
}

// spaceOf is the space of a value's key.
func spaceOf(key []byte) (string, error) {
	if len(key) < 3 || len(key) < 3+int(binary.BigEndian.Uint16(key[1:])) {
		return "", fmt.Errorf("key %x is no place", key)
	}
	return string(key[3 : 3+int(binary.BigEndian.Uint16(key[1:]))]), nil
}

// keyOf appends the user's key that stands in a value's key behind head bytes of space, step and period, and gives the start.
func keyOf(dst, key []byte, head int) (_ []byte, start int64, err error) {
	end := len(key) - startLen - 2
	if end < head || key[end] != 0 || key[end+1] != 1 {
		return nil, 0, fmt.Errorf("key %x is no place", key)
	}
	for i := head; i < end; i++ {
		if dst = append(dst, key[i]); key[i] == 0 {
			i++
		}
	}
	return dst, readInt(key[end+2:]), nil
}

// periodAt is the period of a value's key whose space and step take head bytes; false where the key is not of that step.
func periodAt(key, head []byte) (int64, bool) {
	if len(key) < len(head)+8 || !bytes.HasPrefix(key, head) {
		return 0, false
	}
	return readInt(key[len(head):]), true
}

// expired is the bounds of what expires of a step above zero.
func expired(space string, step, before int64) (from, to []byte) {
	return periodBounds(space, step, -1<<63, store.Expired(step, before))
}
