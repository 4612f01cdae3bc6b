package python

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/bighead-ml/bighead/model"
)

// A message: magic, the header's length, the body's, the header in JSON, the body.
const (
	magic     = "BHW1"
	headBytes = len(magic) + 4 + 8
	maxHeader = 64 << 10
)

// request is the header of what a worker is asked; the first one starts it.
type request struct {
	ID   int64 `json:"id"`
	Rows int   `json:"rows"`
}

// answer is the header of what a worker says.
type answer struct {
	ID    int64  `json:"id"`
	Ready bool   `json:"ready"`
	Shape []int  `json:"shape"`
	Error string `json:"error"`
}

// appendFrame appends a message, whose body write appends.
func appendFrame(to []byte, header any, write func([]byte) []byte) ([]byte, error) {
	text, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	to = append(to, magic...)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(text)))
	at := len(to)
	to = append(binary.LittleEndian.AppendUint64(to, 0), text...)
	from := len(to)
	if write != nil {
		to = write(to)
	}
	binary.LittleEndian.PutUint64(to[at:], uint64(len(to)-from))
	return to, nil
}

// appendRows appends rows [from, to) of a batch as columns: numbers, then of each text the offsets and the characters, each padded to 8 bytes.
func appendRows(out []byte, in *model.Batch, numbers, texts, from, to int) []byte {
	for column := range numbers {
		for row := from; row < to; row++ {
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(in.Numbers[row*numbers+column]))
		}
	}
	for column := range texts {
		offset := 0
		begin := len(out)
		for row := from; row < to; row++ {
			out = binary.LittleEndian.AppendUint32(out, uint32(offset))
			offset += len(in.Texts[row*texts+column])
		}
		out = pad(binary.LittleEndian.AppendUint32(out, uint32(offset)), begin)
		begin = len(out)
		for row := from; row < to; row++ {
			out = append(out, in.Texts[row*texts+column]...)
		}
		out = pad(out, begin)
	}
	return out
}

func pad(b []byte, begin int) []byte {
	for (len(b)-begin)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

// errGarbage is what a worker says that is no message.
var errGarbage = errors.New("wrote what is no message")

// readFrame reads a message whose body is of a length that the header tells, or of none.
func readFrame(r io.Reader, body func(*answer) (int, error)) (a *answer, data []byte, err error) {
	var head [headBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, nil, err
	}
	headerLen, bodyLen := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint64(head[8:])
	if string(head[:4]) != magic || headerLen > maxHeader {
		return nil, nil, errGarbage
	}
	text := make([]byte, headerLen)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, nil, err
	}
	a = &answer{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, nil, errGarbage
	}
	want, err := body(a)
	if err != nil {
		return nil, nil, err
	}
	if bodyLen != uint64(want) {
		return nil, nil, fmt.Errorf("%w: %d bytes of numbers, where %d were expected", errGarbage, bodyLen, want)
	}
	data = make([]byte, want)
	_, err = io.ReadFull(r, data)
	return a, data, err
}
