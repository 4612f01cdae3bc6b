package remote_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/remote"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/oip"
	"github.com/bighead-ml/bighead/value"
)

// world is models whose answers can be computed by heart: score is the sum of a row's numbers, a missing one counting 100, and of the lengths of
// its texts, divided by 1000; both is score and score + 1; class the whole part of the sum.
type world map[string]*known

type known struct {
	name, version string
	columns       value.Schema
	asked         func(ctx context.Context) error // nil: nothing happens
}

var outputs = []model.Output{{Name: "score", Kind: model.Probability, Width: 1}, {Name: "both", Width: 2}, {Name: "class", Kind: model.Class, Width: 1}}

func newWorld() world {
	numbers := value.Schema{{Name: "x", Type: value.Float}, {Name: "n", Type: value.Int}, {Name: "wet", Type: value.Bool}}
	mixed := append(numbers[:3:3], value.Field{Name: "carrier", Type: value.String}, value.Field{Name: "day", Type: value.Date}, value.Field{Name: "at", Type: value.Timestamp})
	return world{"numbers": {name: "numbers", version: "2", columns: numbers}, "mixed names": {name: "mixed names", version: "1", columns: mixed}}
}

func (w world) Has(name string) bool              { return w[name] != nil }
func (w world) Index(context.Context) []oip.State { return nil }

func (w world) Model(name, version string) (oip.Model, error) {
	m := w[name]
	if m == nil || version != "" && version != m.version {
		return nil, &serve.Problem{Code: feature.CodeUnknownModel, Detail: fmt.Sprintf("no model %q, version %q", name, version)}
	}
	return m, nil
}

func (w world) Load(context.Context, string) error   { return nil }
func (w world) Unload(context.Context, string) error { return nil }

func (m *known) Name() string                { return m.name }
func (m *known) Ready(context.Context) error { return nil }
func (m *known) Version() string             { return m.version }
func (m *known) Versions() []string          { return []string{m.version} }
func (m *known) Format() string              { return "known" }
func (m *known) Columns() value.Schema       { return m.columns }
func (m *known) Outputs() []model.Output     { return outputs }
func (m *known) Release()                    {}

func (m *known) Infer(ctx context.Context, in *value.Batch, out [][]float64) error {
	if m.asked != nil {
		if err := m.asked(ctx); err != nil {
			return err
		}
	}
	for row := range in.N {
		sum := 0.0
		for _, v := range in.Row(row) {
			switch {
			case v.IsNull():
				sum += 100
			case v.Kind() == value.KindString:
				sum += float64(len(v.Str()))
			case v.Kind() == value.KindBool && v.Bool():
				sum++
			case v.Kind() != value.KindBool:
				sum += v.Number()
			}
		}
		for i, x := range [][]float64{{sum / 1000}, {sum / 1000, sum/1000 + 1}, {float64(int(sum))}} {
			if out[i] != nil {
				copy(out[i][row*len(x):], x)
			}
		}
	}
	return nil
}

// overHTTP serves a world; a server that is plain says that it has no extension, and fails where it is sent tensors in binary.
func overHTTP(t *testing.T, w world, plain bool) *httptest.Server {
	t.Helper()
	h := oip.New(oip.Options{Models: w}).Handler()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if plain && r.URL.Path == "/v2" {
			fmt.Fprint(rw, `{"name": "mlserver", "version": "1.7.1", "extensions": []}`)
			return
		}
		if plain && r.Header.Get("Inference-Header-Content-Length") != "" {
			http.Error(rw, "Unprocessable Entity", http.StatusUnprocessableEntity)
			return
		}
		h.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// overGRPC serves a world at a port of loopback.
func overGRPC(t *testing.T, w world) string {
	t.Helper()
	s := grpc.NewServer()
	oip.New(oip.Options{Models: w}).Register(s)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(s.Stop)
	return ln.Addr().String()
}

// has fails a test where an error is not there, or says something else.
func has(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// openRemote opens models elsewhere for a project that says nothing of them.
var openRemote = remote.Options{}.Open
