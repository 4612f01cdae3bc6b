package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/value"
)

// patience is how long a request waits where the caller's context has no end.
const patience = 30 * time.Second

// maxColumns bounds a row, so that what a server says of itself cannot take all memory.
const maxColumns = 1 << 16

// wire is one of the protocol's two surfaces. Its errors say what the server did; those that may pass are model.ErrUnavailable.
type wire interface {
	describe(ctx context.Context) (*description, error)
	ready(ctx context.Context) error
	infer(ctx context.Context, inputs []*tensor.Tensor, outputs []string) ([]answered, error)
	close() error
}

// description is what a server says of itself and of the model.
type description struct {
	server          string // its name; "": it does not say
	extensions      []string
	platform        string
	inputs, outputs []tensor.Metadata
}

// answered is one output of an answer, of which no element has been looked at yet.
type answered struct {
	tensor.Metadata
	read func() (*tensor.Tensor, error)
}

// Options are what a project says of models elsewhere.
type Options struct {
	// Token is the bearer's, for Hosts (with their ports, or any port where they have none); nobody else gets it, nor anybody without TLS.
	Token string
	Hosts []string
	CA    string // a file of certificates that servers are known by; "": the system's
}

// access is what a server is shown, and shows.
type access struct {
	token string
	roots *x509.CertPool // nil: the system's
}

func (o Options) access(a *model.Address) (access, error) {
	var out access
	if o.Token != "" && (slices.Contains(o.Hosts, a.Host) || slices.Contains(o.Hosts, a.Host[:strings.LastIndexByte(a.Host, ':')])) {
		if !a.TLS {
			return out, errors.New("its host gets a token, which is not sent without TLS: https:// or grpcs://")
		}
		out.token = o.Token
	}
	if o.CA == "" || !a.TLS {
		return out, nil
	}
	read, err := secure.TLS{CA: o.CA}.Config()
	if err != nil {
		return out, err
	}
	out.roots = read.RootCAs
	return out, nil
}

var _ model.Open = Options{}.Open

// Open finds a model elsewhere: its server is ready for it, and says what goes in and what comes out, or its address does.
func (o Options) Open(ctx context.Context, location string) (model.Model, error) {
	if !model.IsAddress(location) {
		if _, err := os.Stat(location); err != nil {
			return nil, fmt.Errorf("open model: %w", err)
		}
		return nil, fmt.Errorf("open model %s: %w: it is a file, and no address such as http://host:port/v2/models/MODEL", location, model.ErrForeign)
	}
	a, err := model.ParseAddress(location)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", location, err)
	}
	m := &Model{address: a, info: model.Info{Elsewhere: true}}
	by, err := o.access(a)
	switch {
	case err != nil:
	case a.GRPC:
		m.wire, err = newGRPC(a, by)
	default:
		m.wire = newHTTP(a, by)
	}
	if err == nil {
		if err = m.open(ctx); err != nil {
			err = errors.Join(err, m.wire.close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", location, err)
	}
	return m, nil
}

// Model is a model elsewhere.
type Model struct {
	address *model.Address
	wire    wire
	info    model.Info
	inputs  []input
	outputs []tensor.Metadata // of Info.Outputs; without a datatype where the server does not say it
	numbers int
	texts   int
	// lenient says that whole numbers are taken as FP64 too, where NaN is one that is missing.
	lenient bool
}

var _ model.Model = (*Model)(nil)

// input is a tensor that the model is asked with: some of a row's numbers, or one of its texts.
type input struct {
	name  string
	of    tensor.Datatype
	flat  bool // of shape [rows]
	first int  // of a row's numbers, or texts
	width int
}

// lenientServer is the server that takes FP64 for every number; others take what they say that they take.
const lenientServer = "bighead"

func (m *Model) open(ctx context.Context) error {
	waiting, cancel := patient(ctx)
	defer cancel()
	if err := m.wire.ready(waiting); err != nil {
		return ended(ctx, err)
	}
	d, err := m.wire.describe(waiting)
	if err != nil {
		return ended(ctx, err)
	}
	m.lenient = d.server == lenientServer
	surface := "http"
	if m.address.GRPC {
		surface = "grpc"
	}
	m.info.Format = strings.TrimSpace("open inference protocol v2, " + surface + " " + d.platform)
	if err := m.takeInputs(d.inputs); err != nil {
		return err
	}
	m.numbers, m.texts = m.info.Widths()
	return m.takeOutputs(d.outputs)
}

// takeInputs makes the model's inputs of tensors: each a column of its name, or a single one with all columns of a row, which have no names.
func (m *Model) takeInputs(said []tensor.Metadata) error {
	if len(m.address.Inputs) > 0 {
		said = m.address.Inputs
	}
	if len(said) == 0 {
		return fmt.Errorf("the server does not say what the model takes; say it in the address, as one tensor for all columns (?input=NAME:FP64:-1,COLUMNS) or one for each (?input=NAME:FP64:-1&input=…)")
	}
	seen := map[string]bool{}
	for _, t := range said {
		of, width, flat, err := rowOf(t)
		switch {
		case err != nil:
			return fmt.Errorf("input %q: %w; where it takes something else than its server says, say so in the address: ?input=NAME:DATATYPE:-1", t.Name, err)
		case t.Name == "" || seen[t.Name]:
			return fmt.Errorf("two inputs are called %q, or one has no name", t.Name)
		case width > 1 && len(said) > 1:
			return fmt.Errorf("input %q has %d columns, and there are other inputs: either one tensor has all columns, or each has one", t.Name, width)
		case width > 1 && of.Kind == tensor.Texts:
			return fmt.Errorf("input %q is of %d texts: a tensor of several columns is of numbers", t.Name, width)
		case of.Kind == tensor.Floats && of.Bytes < 4:
			return fmt.Errorf("input %q is of %s, which is not written: FP32 and FP64 are", t.Name, of.Name)
		}
		seen[t.Name] = true
		in := input{name: t.Name, of: of, flat: flat, width: width}
		for i := range width {
			m.info.Inputs = append(m.info.Inputs, model.Input{Name: columnName(t.Name, width, i), Type: inputType(of)})
		}
		if of.Kind == tensor.Texts {
			in.first = m.texts
			m.texts++
		} else {
			in.first = m.numbers
			m.numbers += width
		}
		m.inputs = append(m.inputs, in)
	}
	return nil
}

// columnName is a column's of a tensor: the tensor's own, or where it has several f0, f1, … by place.
func columnName(name string, width, i int) string {
	if width == 1 {
		return name
	}
	return fmt.Sprintf("f%d", i)
}

func inputType(d tensor.Datatype) value.Type {
	switch d.Kind {
	case tensor.Texts:
		return value.String
	case tensor.Floats:
		return value.Float
	}
	return value.Int
}

// rowOf is what one row has of a tensor of shape [-1], [-1, 1] or [-1, N].
func rowOf(t tensor.Metadata) (of tensor.Datatype, width int, flat bool, err error) {
	if of, err = tensor.DatatypeOf(t.Datatype); err != nil {
		return of, 0, false, err
	}
	if len(t.Shape) == 0 || t.Shape[0] != -1 {
		return of, 0, false, fmt.Errorf("of shape %v, where the first dimension is to be the rows, -1", t.Shape)
	}
	size := int64(1)
	for _, d := range t.Shape[1:] {
		if d < 1 || d > maxColumns || size*d > maxColumns {
			return of, 0, false, fmt.Errorf("of shape %v, which does not say how many numbers a row has, or says more than %d", t.Shape, maxColumns)
		}
		size *= d
	}
	if len(t.Shape) > 2 && size > 1 {
		return of, 0, false, fmt.Errorf("of shape %v, where rows of columns have two dimensions", t.Shape)
	}
	return of, int(size), len(t.Shape) == 1, nil
}

// takeOutputs makes the model's outputs of those that are numbers; where the address names some, of those.
func (m *Model) takeOutputs(said []tensor.Metadata) error {
	named := len(m.address.Outputs) > 0
	if named {
		var err error
		if said, err = chosen(m.address.Outputs, said); err != nil {
			return err
		}
	}
	var left []string
	for _, t := range said {
		of, width, _, err := rowOf(t)
		switch {
		case err == nil && of.Kind == tensor.Texts:
			err = errors.New("of texts, and answers are numbers")
		case t.Name == "" || slices.ContainsFunc(m.outputs, func(o tensor.Metadata) bool { return o.Name == t.Name }):
			return fmt.Errorf("two outputs are called %q, or one has no name", t.Name)
		}
		if err != nil && named {
			return fmt.Errorf("output %q: %w; say in the address what it is: ?output=NAME:FP64:-1", t.Name, err)
		} else if err != nil {
			left = append(left, fmt.Sprintf("%s (%v)", t.Name, err))
			continue
		}
		m.outputs = append(m.outputs, t)
		m.info.Outputs = append(m.info.Outputs, model.Output{Name: t.Name, Kind: outputKind(of, width), Width: width})
	}
	if len(m.outputs) > 0 {
		return nil
	}
	if len(left) > 0 {
		return fmt.Errorf("no output is a number or some numbers a row: %s; say in the address what one is: ?output=NAME:FP64:-1", strings.Join(left, ", "))
	}
	return errors.New("the server does not say what the model answers; say it in the address: ?output=NAME:FP64:-1, or ?output=NAME:FP64:-1,3 of three classes")
}

// chosen are the outputs that an address names, as it describes them or else the server.
func chosen(named, said []tensor.Metadata) ([]tensor.Metadata, error) {
	out := slices.Clone(named)
	for i, t := range out {
		if t.Datatype != "" {
			continue
		}
		at := slices.IndexFunc(said, func(s tensor.Metadata) bool { return s.Name == t.Name })
		if at < 0 {
			var names []string
			for _, s := range said {
				names = append(names, s.Name)
			}
			return nil, fmt.Errorf("the server says of no output %q (of: %s); say in the address what it is: ?output=%s:FP64:-1", t.Name, strings.Join(names, ", "), t.Name)
		}
		out[i] = said[at]
	}
	return out, nil
}

// outputKind is what may be said of numbers of a datatype: a whole number or a bool is a class, a float may be anything.
func outputKind(d tensor.Datatype, width int) model.Kind {
	if d.Kind != tensor.Floats && width == 1 {
		return model.Class
	}
	return model.Untold
}

// Info implements model.Model.
func (m *Model) Info() *model.Info { return &m.info }

// Health implements model.Model: it asks whether the server is ready for the model.
func (m *Model) Health(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting, cancel := patient(ctx)
	defer cancel()
	return m.named(ended(ctx, m.wire.ready(waiting)))
}

// Close implements model.Model.
func (m *Model) Close() error { return m.wire.close() }

// patient is a context that ends.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, patience)
}

// ended is the context's error where it has ended, whatever came of that.
func ended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if why := ctx.Err(); why != nil {
		return why
	}
	if errors.Is(err, context.DeadlineExceeded) {
		if _, ok := ctx.Deadline(); ok { // whose end another clock has seen a moment before
			return context.DeadlineExceeded
		}
		return fmt.Errorf("%w: it has not answered in %v", model.ErrUnavailable, patience)
	}
	return err
}

// named says of which model an error is.
func (m *Model) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("model %s: %w", m.address.Text, err)
}
