package tree

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// ubjToJSON rewrites Universal Binary JSON (draft 12, as XGBoost writes it) as JSON: the document is then read in one way. Numbers are
// written so that they are read as they were. The text is at most about thirteen times as long.
func ubjToJSON(data []byte) ([]byte, error) {
	u := &ubj{data: data}
	if err := u.value(u.marker(), 0); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", u.at, err)
	}
	if u.at != len(data) {
		return nil, fmt.Errorf("at byte %d: %d bytes follow the document", u.at, len(data)-u.at)
	}
	return u.out.Bytes(), nil
}

type ubj struct {
	data []byte
	at   int
	out  bytes.Buffer
}

// maxDepth is how deep values may be nested; XGBoost's are 7 deep.
const maxDepth = 64

// isUBJ reports whether a file may be XGBoost's in UBJSON: an object whose first key is a short string.
func isUBJ(data []byte) bool {
	return len(data) > 2 && data[0] == '{' && bytes.IndexByte([]byte("iUIlL"), data[1]) >= 0 && bytes.Contains(data, []byte("learner"))
}

// marker is the next byte, or 0 at the end.
func (u *ubj) marker() byte {
	if u.at >= len(u.data) {
		return 0
	}
	u.at++
	return u.data[u.at-1]
}

// take is the next n bytes.
func (u *ubj) take(n int) ([]byte, error) {
	if n < 0 || n > len(u.data)-u.at {
		return nil, fmt.Errorf("%d bytes are expected where %d are left: the file was cut off", n, len(u.data)-u.at)
	}
	u.at += n
	return u.data[u.at-n : u.at], nil
}

var ubjSizes = map[byte]int{'i': 1, 'U': 1, 'I': 2, 'l': 4, 'L': 8, 'd': 4, 'D': 8}

func (u *ubj) value(marker byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("values are nested more than %d deep", maxDepth)
	}
	switch marker {
	case '{':
		return u.object(depth)
	case '[':
		return u.array(depth)
	case 'S':
		return u.text()
	case 'Z':
		u.out.WriteString("null")
	case 'T':
		u.out.WriteString("true")
	case 'F':
		u.out.WriteString("false")
	case 0:
		return fmt.Errorf("a value is expected at the file's end: it was cut off")
	default:
		n, ok := ubjSizes[marker]
		if !ok {
			return fmt.Errorf("%q is no type of UBJSON that XGBoost uses", marker)
		}
		b, err := u.take(n)
		if err != nil {
			return err
		}
		return u.number(marker, b)
	}
	return nil
}

// whole is an integer of the type.
func whole64(marker byte, b []byte) int64 {
	switch marker {
	case 'i':
		return int64(int8(b[0]))
	case 'U':
		return int64(b[0])
	case 'I':
		return int64(int16(binary.BigEndian.Uint16(b)))
	case 'l':
		return int64(int32(binary.BigEndian.Uint32(b)))
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (u *ubj) number(marker byte, b []byte) error {
	var x float64
	bits := 64
	switch marker {
	case 'd':
		x, bits = float64(math.Float32frombits(binary.BigEndian.Uint32(b))), 32
	case 'D':
		x = math.Float64frombits(binary.BigEndian.Uint64(b))
	default:
		u.out.Write(strconv.AppendInt(u.out.AvailableBuffer(), whole64(marker, b), 10))
		return nil
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("a number is %v", x)
	}
	u.out.Write(strconv.AppendFloat(u.out.AvailableBuffer(), x, 'g', -1, bits))
	return nil
}

// length is an integer of any type, from 0.
func (u *ubj) length() (int, error) {
	marker := u.marker()
	n, ok := ubjSizes[marker]
	if !ok || marker == 'd' || marker == 'D' {
		return 0, fmt.Errorf("%q where a length is expected", marker)
	}
	b, err := u.take(n)
	if err != nil {
		return 0, err
	}
	i := whole64(marker, b)
	if i < 0 || i > int64(len(u.data)-u.at) { // whatever is counted takes a byte at least
		return 0, fmt.Errorf("a length is %d where %d bytes are left", i, len(u.data)-u.at)
	}
	return int(i), nil
}

func (u *ubj) text() error {
	n, err := u.length()
	if err != nil {
		return err
	}
	b, err := u.take(n)
	if err != nil {
		return err
	}
	quoted, err := json.Marshal(string(b))
	u.out.Write(quoted)
	return err
}

// container reads what may follow a bracket: the type of all values, and their number, which is -1 where an end is awaited.
func (u *ubj) container() (kind byte, n int, err error) {
	n = -1
	if u.at < len(u.data) && u.data[u.at] == '$' {
		u.at++
		kind = u.marker()
		if ubjSizes[kind] == 0 { // values without bytes could be any number
			return 0, 0, fmt.Errorf("%q as the type of all values", kind)
		}
		if u.at >= len(u.data) || u.data[u.at] != '#' {
			return 0, 0, fmt.Errorf("a type of all values without their number")
		}
	}
	if u.at < len(u.data) && u.data[u.at] == '#' {
		u.at++
		n, err = u.length()
	}
	return kind, n, err
}

func (u *ubj) array(depth int) error {
	kind, n, err := u.container()
	if err != nil {
		return err
	}
	u.out.WriteByte('[')
	if kind != 0 {
		b, err := u.take(n * ubjSizes[kind])
		if err != nil {
			return err
		}
		for i := range n {
			if i > 0 {
				u.out.WriteByte(',')
			}
			if err := u.number(kind, b[i*ubjSizes[kind]:]); err != nil {
				return err
			}
		}
	}
	for i := 0; kind == 0 && i != n; i++ {
		marker := u.marker()
		if n < 0 && marker == ']' {
			break
		}
		if i > 0 {
			u.out.WriteByte(',')
		}
		if err := u.value(marker, depth+1); err != nil {
			return err
		}
	}
	u.out.WriteByte(']')
	return nil
}

func (u *ubj) object(depth int) error {
	kind, n, err := u.container()
	if err != nil {
		return err
	}
	if kind != 0 {
		return fmt.Errorf("an object whose values have one type")
	}
	u.out.WriteByte('{')
	for i := 0; i != n; i++ {
		if n < 0 && u.at < len(u.data) && u.data[u.at] == '}' {
			u.at++
			break
		}
		if i > 0 {
			u.out.WriteByte(',')
		}
		if err := u.text(); err != nil {
			return err
		}
		u.out.WriteByte(':')
		if err := u.value(u.marker(), depth+1); err != nil {
			return err
		}
	}
	u.out.WriteByte('}')
	return nil
}
