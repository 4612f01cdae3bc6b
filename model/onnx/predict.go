package onnx

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/bighead-ml/bighead/model"
)

// block is how many rows go in at once, so that a deadline is looked at, and what ONNX Runtime takes in memory does not grow with a request.
const block = 1024

// frame is the memory of one call: what C is handed lies here, on the heap.
type frame struct {
	buffers  []buffer // by input
	inputs   []uintptr
	outputs  []uintptr
	inNames  []uintptr
	outNames []uintptr
	wanted   []int // of Info.Outputs
	shape    [2]int64
	chars    []byte
	offsets  []uintptr
}

// buffer is an input's rows as its tensor has them.
type buffer struct {
	float32s []float32
	float64s []float64
	int64s   []int64
	int32s   []int32
	bools    []byte
	chars    []byte
	ends     []int     // of each text in chars
	texts    []uintptr // where each begins
}

// Predict answers the rows, by blocks.
func (m *Model) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	if err := m.info.Check(in, out, m.numbers, m.texts); err != nil {
		return err
	}
	f := m.frames.Get().(*frame)
	defer m.frames.Put(f)
	f.wanted = f.wanted[:0]
	for i, o := range out {
		if o != nil {
			f.wanted = append(f.wanted, i)
		}
	}
	size := block
	if m.single {
		size = 1
	}
	for from := 0; from < in.Rows; from += size {
		to := min(from+size, in.Rows)
		err := m.run(ctx, f, in, from, to, func(i int, element uint32, count int, data uintptr) error {
			p := &m.outputs[i]
			if p.element != element || count != (to-from)*p.width {
				return m.otherwise(i, element, count, to-from)
			}
			return m.copyOut(f, p, data, out[i][from*p.width:to*p.width])
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// run has the session answer rows, and calls found for each output that the frame wants, while its memory is there.
func (m *Model) run(ctx context.Context, f *frame, in *model.Batch, from, to int, found func(i int, element uint32, count int, data uintptr) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer func() {
		m.releaseValues(f)
		runtime.KeepAlive(in)
	}()
	if err := m.fill(f, in, from, to); err != nil || len(f.wanted) == 0 {
		return err
	}
	f.outNames, f.outputs = f.outNames[:0], f.outputs[:0]
	for _, i := range f.wanted {
		f.outNames, f.outputs = append(f.outNames, address(&m.outputs[i].name[0])), append(f.outputs, 0)
	}
	if err := m.call(ctx, f); err != nil {
		return err
	}
	for k, i := range f.wanted {
		if err := m.look(f, k, i, found); err != nil {
			return err
		}
	}
	return nil
}

// call runs the session, and has it stop when the context ends.
func (m *Model) call(ctx context.Context, f *frame) error {
	l := m.library
	options := uintptr(0)
	if ctx.Done() != nil {
		var err error
		if options, err = l.get(fnCreateRunOptions); err != nil {
			return err
		}
		defer l.release(fnReleaseRunOptions, options)
		told := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(told)
			_ = l.do(fnRunOptionsSetTerminate, options) // then it runs to its end
		})
		defer func() {
			if !stop() {
				<-told // it must not be told by what is released
			}
		}()
	}
	err := l.do(fnRun, m.session, options, address(&f.inNames[0]), address(&f.inputs[0]), uintptr(len(f.inputs)),
		address(&f.outNames[0]), uintptr(len(f.outNames)), address(&f.outputs[0]))
	runtime.KeepAlive(f)
	if ctxErr := ctx.Err(); ctxErr != nil && err != nil {
		return ctxErr
	}
	return err
}

// look hands one output on.
func (m *Model) look(f *frame, k, i int, found func(i int, element uint32, count int, data uintptr) error) error {
	l := m.library
	shape, err := l.get(fnGetTensorTypeAndShape, f.outputs[k])
	if err != nil {
		return err
	}
	defer l.release(fnReleaseTensorInfo, shape)
	element, err := l.get(fnGetTensorElementType, shape)
	if err != nil {
		return err
	}
	count, err := l.get(fnGetTensorShapeElementCount, shape)
	if err != nil {
		return err
	}
	data := f.outputs[k]
	if uint32(element) != typeString {
		if data, err = l.get(fnGetTensorMutableData, f.outputs[k]); err != nil {
			return err
		}
	}
	return found(i, uint32(element), int(count), data)
}

func (m *Model) releaseValues(f *frame) {
	for _, values := range [][]uintptr{f.inputs, f.outputs} {
		for i, v := range values {
			m.library.release(fnReleaseValue, v)
			values[i] = 0
		}
	}
	f.inputs, f.outputs = f.inputs[:0], f.outputs[:0]
}

// fill makes the tensors of rows. They lie over the frame's memory.
func (m *Model) fill(f *frame, in *model.Batch, from, to int) error {
	if f.buffers == nil {
		f.buffers = make([]buffer, len(m.inputs))
	}
	f.inputs, f.inNames = f.inputs[:0], f.inNames[:0]
	for i := range m.inputs {
		p := &m.inputs[i]
		var data, size uintptr
		var err error
		if p.element == typeString {
			err = m.fillTexts(&f.buffers[i], p, in, from, to)
		} else {
			data, size, err = m.fillNumbers(&f.buffers[i], p, in, from, to)
		}
		if err != nil {
			return err
		}
		f.shape = [2]int64{int64(to - from), int64(p.width)}
		rank := uintptr(2)
		if p.flat {
			rank = 1
		}
		var made uintptr
		if p.element == typeString {
			made, err = m.library.get(fnCreateTensor, m.library.allocator, address(&f.shape[0]), rank, uintptr(p.element))
		} else {
			made, err = m.library.get(fnCreateTensorWithData, m.library.memory, data, size, address(&f.shape[0]), rank, uintptr(p.element))
		}
		if err != nil {
			return err
		}
		f.inputs, f.inNames = append(f.inputs, made), append(f.inNames, address(&p.name[0]))
		if b := &f.buffers[i]; p.element == typeString {
			if err := m.library.do(fnFillStringTensor, made, address(&b.texts[0]), uintptr(len(b.texts))); err != nil {
				return err
			}
		}
	}
	return nil
}

// refused is the error of a row that an input cannot take.
func (m *Model) refused(p *port, row, column int, reason string) error {
	name := p.String()
	if p.width > 1 {
		name = fmt.Sprintf("%s_%d", name, column)
	}
	return &model.RowError{Row: row, Input: name, Reason: reason}
}

// fillNumbers copies an input's numbers into its buffer, and gives where they lie and how many bytes they are.
func (m *Model) fillNumbers(b *buffer, p *port, in *model.Batch, from, to int) (data, size uintptr, err error) {
	n := (to - from) * p.width
	put := func(set func(i int, x float64) string) error {
		i := 0
		for row := from; row < to; row++ {
			at := row*m.numbers + p.from
			for column, x := range in.Numbers[at : at+p.width] {
				if reason := set(i, x); reason != "" {
					return m.refused(p, row, column, reason)
				}
				i++
			}
		}
		return nil
	}
	switch p.element {
	case typeFloat32:
		b.float32s = room(b.float32s, n)
		err = put(func(i int, x float64) string {
			b.float32s[i] = float32(x)
			if math.Abs(x) > math.MaxFloat32 && math.IsInf(float64(b.float32s[i]), 0) && !math.IsInf(x, 0) {
				return "is beyond what the model's input, a float32, can hold"
			}
			return ""
		})
		return address(&b.float32s[0]), uintptr(4 * n), err
	case typeFloat64:
		b.float64s = room(b.float64s, n)
		err = put(func(i int, x float64) string { b.float64s[i] = x; return "" })
		return address(&b.float64s[0]), uintptr(8 * n), err
	case typeInt64:
		b.int64s = room(b.int64s, n)
		err = put(func(i int, x float64) string { b.int64s[i] = int64(x); return whole(x, -maxExact, maxExact) })
		return address(&b.int64s[0]), uintptr(8 * n), err
	case typeInt32:
		b.int32s = room(b.int32s, n)
		err = put(func(i int, x float64) string { b.int32s[i] = int32(x); return whole(x, math.MinInt32, math.MaxInt32) })
		return address(&b.int32s[0]), uintptr(4 * n), err
	}
	b.bools = room(b.bools, n)
	err = put(func(i int, x float64) string { b.bools[i] = byte(x); return whole(x, 0, 1) })
	return address(&b.bools[0]), uintptr(n), err
}

// fillTexts copies an input's texts into its buffer, each with a zero byte at its end, as C has them.
func (m *Model) fillTexts(b *buffer, p *port, in *model.Batch, from, to int) error {
	b.chars, b.ends, b.texts = b.chars[:0], b.ends[:0], b.texts[:0]
	for row := from; row < to; row++ {
		at := row*m.texts + p.from
		for column, s := range in.Texts[at : at+p.width] {
			if strings.IndexByte(s, 0) >= 0 {
				return m.refused(p, row, column, "has a zero byte, where a text ends for ONNX Runtime")
			}
			b.ends = append(b.ends, len(b.chars))
			b.chars = append(append(b.chars, s...), 0)
		}
	}
	for _, begin := range b.ends { // now that the memory stays where it is
		b.texts = append(b.texts, address(&b.chars[begin]))
	}
	return nil
}

// room is n elements, in the memory that there is where it is enough.
func room[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	return old[:n]
}

// copyOut reads an output's numbers.
func (m *Model) copyOut(f *frame, p *port, data uintptr, to []float64) error {
	switch p.element {
	case typeFloat32:
		for i, x := range unsafe.Slice((*float32)(pointer(data)), len(to)) {
			to[i] = float64(x)
		}
	case typeFloat64:
		copy(to, unsafe.Slice((*float64)(pointer(data)), len(to)))
	case typeInt64:
		for i, x := range unsafe.Slice((*int64)(pointer(data)), len(to)) {
			to[i] = float64(x)
		}
		return m.classNumbers(p, to)
	case typeInt32:
		for i, x := range unsafe.Slice((*int32)(pointer(data)), len(to)) {
			to[i] = float64(x)
		}
		return m.classNumbers(p, to)
	case typeString:
		return m.classTexts(f, p, data, to)
	default:
		for i, x := range unsafe.Slice((*byte)(pointer(data)), len(to)) {
			to[i] = float64(x)
		}
	}
	return nil
}

// classNumbers turns labels into numbers of classes.
func (m *Model) classNumbers(p *port, labels []float64) error {
	for i, x := range labels {
		n, ok := x, x >= 0
		if p.classes != nil {
			n, ok = p.classes[strconv.FormatFloat(x, 'f', -1, 64)]
		}
		if !ok {
			return fmt.Errorf("output %q says class %v, which the model does not list", p.String(), x)
		}
		labels[i] = n
	}
	return nil
}

// classTexts turns labels that are texts into numbers of classes.
func (m *Model) classTexts(f *frame, p *port, tensor uintptr, to []float64) error {
	l := m.library
	length, err := l.get(fnGetStringTensorDataLength, tensor)
	if err != nil {
		return err
	}
	if length > maxFile {
		return fmt.Errorf("output %q says %d bytes of labels", p.String(), length)
	}
	f.chars, f.offsets = room(f.chars, int(length)+1), room(f.offsets, len(to))
	if err := l.do(fnGetStringTensorContent, tensor, address(&f.chars[0]), length, address(&f.offsets[0]), uintptr(len(to))); err != nil {
		return err
	}
	for i := range to {
		end := int(length)
		if i+1 < len(to) {
			end = int(f.offsets[i+1])
		}
		label := f.chars[f.offsets[i]:end]
		n, ok := p.classes[string(label)]
		if !ok {
			return fmt.Errorf("output %q says class %q, which the model does not list", p.String(), label)
		}
		to[i] = n
	}
	return nil
}
