package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

const (
	maxFile  = 1 << 30 // bytes of a file that is read
	maxWidth = 1 << 16 // of an input, and of an output
	maxPorts = 1 << 12 // inputs, and outputs
)

// Open opens an ONNX model.
func (r *Runtime) Open(ctx context.Context, path string) (model.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	s, err := scan(data)
	if err != nil {
		return nil, fmt.Errorf("open model %s: the file is broken, or no ONNX: %w", path, err)
	}
	l, err := r.library()
	if err != nil {
		return nil, fmt.Errorf("open model %s: it is ONNX, which ONNX Runtime answers: %w", path, err)
	}
	m, err := open(ctx, l, data, s)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	return m, nil
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("open model %s: %w: it is no file of at most %d MiB", path, model.ErrForeign, maxFile>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	if !isONNX(data) {
		return nil, fmt.Errorf("open model %s: %w: it is no ONNX", path, model.ErrForeign)
	}
	return data, nil
}

// Model is one session of ONNX Runtime, with one thread for each call: who calls it has threads of their own.
type Model struct {
	library *library
	session uintptr
	info    model.Info
	inputs  []port
	outputs []port // those of Info.Outputs, in their order
	numbers int    // a row
	texts   int
	single  bool // takes one row at a time
	frames  sync.Pool
}

// port is an input or an output of the graph.
type port struct {
	name    []byte // with a zero byte at its end
	element uint32
	shape   []int64 // -1: any
	width   int     // numbers a row; of an output 0: not known before it has answered
	flat    bool    // it is a list, and no table
	from    int     // of an input: where its numbers, or texts, begin in a row
	classes map[string]float64
}

func (p *port) String() string { return string(p.name[:len(p.name)-1]) }

var _ model.Model = (*Model)(nil)

func open(ctx context.Context, l *library, data []byte, s *scanned) (*Model, error) {
	m := &Model{library: l}
	m.frames.New = func() any { return &frame{} }
	err := m.start(data)
	if err == nil {
		err = m.describe(s)
	}
	if err == nil {
		err = m.measure(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// start makes the session.
func (m *Model) start(data []byte) (err error) {
	l := m.library
	options, err := l.get(fnCreateSessionOptions)
	if err != nil {
		return err
	}
	defer l.release(fnReleaseSessionOptions, options)
	for _, fn := range []int{fnSetIntraOpNumThreads, fnSetInterOpNumThreads} {
		if err := l.do(fn, options, 1); err != nil {
			return err
		}
	}
	m.session, err = l.get(fnCreateSessionFromArray, l.env, address(&data[0]), uintptr(len(data)), options)
	runtime.KeepAlive(data)
	return err
}

// ports asks the session for its inputs, or its outputs.
func (m *Model) ports(count, name, info int) (out []port, kinds []uint32, err error) {
	l := m.library
	n, err := l.get(count, m.session)
	if err != nil {
		return nil, nil, err
	}
	if n > maxPorts {
		return nil, nil, fmt.Errorf("it has %d inputs or outputs, more than %d", n, maxPorts)
	}
	for i := range n {
		p, kind, err := m.port(i, name, info)
		if err != nil {
			return nil, nil, err
		}
		out, kinds = append(out, p), append(kinds, kind)
	}
	return out, kinds, nil
}

func (m *Model) port(i uintptr, name, info int) (p port, kind uint32, err error) {
	l := m.library
	address, err := l.get(name, m.session, i, l.allocator)
	if err != nil {
		return p, 0, err
	}
	p.name = append([]byte(text(address)), 0)
	if err := l.do(fnAllocatorFree, l.allocator, address); err != nil {
		return p, 0, err
	}
	described, err := l.get(info, m.session, i)
	if err != nil {
		return p, 0, err
	}
	defer l.release(fnReleaseTypeInfo, described)
	k, err := l.get(fnGetOnnxTypeFromTypeInfo, described)
	if kind = uint32(k); err != nil || kind != kindTensor {
		return p, kind, err
	}
	tensor, err := l.get(fnCastTypeInfoToTensorInfo, described) // part of the other, and released with it
	if err != nil || tensor == 0 {
		return p, 0, err
	}
	p.element, p.shape, err = l.shapeOf(tensor)
	return p, kind, err
}

// shapeOf are the type of a tensor's elements and its dimensions, -1 being any.
func (l *library) shapeOf(tensor uintptr) (element uint32, shape []int64, err error) {
	e, err := l.get(fnGetTensorElementType, tensor)
	if err != nil {
		return 0, nil, err
	}
	n, err := l.get(fnGetDimensionsCount, tensor)
	if err != nil {
		return 0, nil, err
	}
	if n > 64 {
		return 0, nil, fmt.Errorf("a tensor of %d dimensions", n)
	}
	buffer := dimensions.Get().(*[64]int64)
	defer dimensions.Put(buffer)
	if n > 0 {
		if err := l.do(fnGetDimensions, tensor, address(&buffer[0]), n); err != nil {
			return 0, nil, err
		}
	}
	return uint32(e), slices.Clone(buffer[:n]), nil
}

// dimensions are what C writes shapes into.
var dimensions = sync.Pool{New: func() any { return new([64]int64) }}

// describe makes what the model says of itself of what its graph takes and gives.
func (m *Model) describe(s *scanned) error {
	m.info.Format = "onnx, by ONNX Runtime " + m.library.version
	inputs, kinds, err := m.ports(fnSessionGetInputCount, fnSessionGetInputName, fnSessionGetInputTypeInfo)
	if err != nil {
		return err
	}
	if len(inputs) == 0 {
		return fmt.Errorf("%w: the graph has no input", model.ErrForeign)
	}
	for i := range inputs {
		if err := m.input(&inputs[i], kinds[i]); err != nil {
			return err
		}
	}
	m.inputs = inputs
	outputs, kinds, err := m.ports(fnSessionGetOutputCount, fnSessionGetOutputName, fnSessionGetOutputTypeInfo)
	if err != nil {
		return err
	}
	var left []string
	for i := range outputs {
		if why := m.output(&outputs[i], kinds[i], s); why != "" {
			left = append(left, fmt.Sprintf("output %q %s", outputs[i].String(), why))
		}
		if kinds[i] == kindSequence || kinds[i] == kindMap {
			return fmt.Errorf("%w: %s", model.ErrForeign, left[len(left)-1])
		}
	}
	if len(m.outputs) == 0 {
		return fmt.Errorf("%w: the graph has no output that can be answered with: %s", model.ErrForeign, strings.Join(left, "; "))
	}
	return nil
}

// input takes an input of the graph as as many of the model's as it is wide.
func (m *Model) input(p *port, kind uint32) error {
	refused := func(format string, args ...any) error {
		return fmt.Errorf("%w: input %q %s", model.ErrForeign, p.String(), fmt.Sprintf(format, args...))
	}
	typ := value.Float
	switch {
	case kind != kindTensor:
		return refused("is no tensor")
	case p.element == typeFloat32, p.element == typeFloat64:
	case p.element == typeInt64, p.element == typeInt32, p.element == typeBool:
		typ = value.Int
	case p.element == typeString:
		typ = value.String
	default:
		return refused("is of %s; taken are float32, float64, int64, int32, bool and string", typeName(p.element))
	}
	p.width = 1
	switch len(p.shape) {
	case 1:
		p.flat = true
	case 2:
		if p.width = int(p.shape[1]); p.shape[1] < 1 || p.shape[1] > maxWidth {
			return refused("does not say how many columns it has, from 1 to %d: export it with the number of columns fixed, and that of rows free", maxWidth)
		}
	default:
		return refused("has %d dimensions; taken are rows, and rows by columns", len(p.shape))
	}
	switch {
	case p.shape[0] == 1:
		m.single = true
	case p.shape[0] >= 0:
		return refused("takes %d rows at a time, no more and no fewer: export it with a first dimension that is free (dynamic)", p.shape[0])
	}
	count := &m.numbers
	if p.element == typeString {
		count = &m.texts
	}
	p.from = *count
	*count += p.width
	if *count > maxWidth {
		return refused("is one of too many: more than %d in all", maxWidth)
	}
	for i := range p.width {
		name := p.String()
		if p.width > 1 {
			name = fmt.Sprintf("%s_%d", name, i)
		}
		if slices.ContainsFunc(m.info.Inputs, func(in model.Input) bool { return in.Name == name }) {
			return refused("comes to a second input %q", name)
		}
		m.info.Inputs = append(m.info.Inputs, model.Input{Name: name, Type: typ})
	}
	return nil
}

// output takes an output of the graph, or says why not.
func (m *Model) output(p *port, kind uint32, s *scanned) (why string) {
	switch {
	case kind == kindSequence || kind == kindMap:
		return "is a list of maps, which ZipMap makes: convert the model with options={id(model): {\"zipmap\": False}}, so that it gives a tensor of probabilities"
	case kind != kindTensor:
		return "is no tensor"
	}
	o := model.Output{Name: p.String(), Kind: model.Value}
	switch p.element {
	case typeFloat32, typeFloat64:
		if by := s.madeBy(o.Name); strings.Contains(strings.ToLower(o.Name), "prob") || by == "Softmax" || by == "Sigmoid" || by == "Normalizer" {
			o.Kind = model.Probability
		}
	case typeInt64, typeInt32, typeString:
		o.Kind = model.Class
		classes := s.classes()
		if classes == nil && p.element == typeString {
			return "is of strings, and the file does not list them"
		}
		if classes != nil {
			p.classes = map[string]float64{}
			for i, c := range classes {
				p.classes[c] = float64(i)
			}
			m.info.Classes = classes
		}
	case typeBool:
	default:
		return "is of " + typeName(p.element)
	}
	switch len(p.shape) {
	case 1:
		p.width = 1
	case 2:
		if p.shape[1] >= 0 {
			p.width = int(p.shape[1])
		}
		if p.shape[1] == 0 || p.shape[1] > maxWidth {
			return fmt.Sprintf("has %d columns: from 1 to %d can be", p.shape[1], maxWidth)
		}
	default:
		return fmt.Sprintf("has %d dimensions", len(p.shape))
	}
	o.Width = p.width
	m.outputs, m.info.Outputs = append(m.outputs, *p), append(m.info.Outputs, o)
	return ""
}

// measure asks a row, so that what the graph does not say of its outputs' widths is known, and what it says is seen to be so.
func (m *Model) measure(ctx context.Context) error {
	in := &model.Batch{Rows: 1, Numbers: make([]float64, m.numbers), Texts: make([]string, m.texts)}
	f := m.frames.Get().(*frame)
	defer m.frames.Put(f)
	f.wanted = f.wanted[:0]
	for i := range m.outputs {
		f.wanted = append(f.wanted, i)
	}
	err := m.run(ctx, f, in, 0, 1, func(i int, element uint32, count int, data uintptr) error {
		p := &m.outputs[i]
		switch {
		case p.width == 0 && count >= 1 && count <= maxWidth:
			p.width = count
			m.info.Outputs[i].Width = count
		case p.width != count || p.element != element:
			return m.otherwise(i, element, count, 1)
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A row of zeros may be one that the model refuses (a category that it does not know): then what the graph says must do.
	var said *runtimeError
	if err != nil && !(errors.As(err, &said) && !slices.ContainsFunc(m.outputs, func(p port) bool { return p.width == 0 })) {
		return fmt.Errorf("asked a row of zeros: %w", err)
	}
	return nil
}

func (m *Model) otherwise(output int, element uint32, count, rows int) error {
	p := &m.outputs[output]
	return fmt.Errorf("output %q is %d numbers (%s) for %d rows, where %d a row (%s) were expected", p.String(), count, typeName(element), rows, p.width, typeName(p.element))
}

// Info says what goes in and comes out.
func (m *Model) Info() *model.Info { return &m.info }

// Health is nil: the session is in this process.
func (m *Model) Health(ctx context.Context) error { return ctx.Err() }

// Close releases the session.
func (m *Model) Close() error {
	m.library.release(fnReleaseSession, m.session)
	m.session = 0
	return nil
}

// maxExact is the greatest whole number below which a float64 has all of them.
const maxExact = 1 << 53

// whole refuses what is no whole number of a width; "" it is one.
func whole(x float64, least, most float64) string {
	switch {
	case math.IsNaN(x):
		return "is missing, and the model takes whole numbers: impute it in the pipeline"
	case x != math.Trunc(x) || x < least || x > most:
		return "is no whole number that the model's input can hold"
	}
	return ""
}
