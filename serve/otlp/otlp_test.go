package otlp_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/otlp"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

const now = 1_700_000_000_000

// got is a collector that keeps what comes, over gRPC and HTTP.
type got struct {
	collector.UnimplementedTraceServiceServer
	mu       sync.Mutex
	spans    []*tracepb.Span
	resource string
}

func (g *got) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, rs := range r.ResourceSpans {
		g.resource = fmt.Sprint(rs.Resource)
		for _, ss := range rs.ScopeSpans {
			g.spans = append(g.spans, ss.Spans...)
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (g *got) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	body, err := io.ReadAll(r.Body)
	var ask collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &ask) != nil {
		w.WriteHeader(nethttp.StatusBadRequest)
		return
	}
	_, _ = g.Export(r.Context(), &ask)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// listen gives the collector's two addresses.
func (g *got) listen(t *testing.T) (overHTTP, overGRPC string) {
	h := httptest.NewServer(g)
	t.Cleanup(h.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collector.RegisterTraceServiceServer(s, g)
	go func() { _ = s.Serve(ln) }() // until Stop
	t.Cleanup(s.Stop)
	return h.URL, "grpc://" + ln.Addr().String()
}

// surfaces are a server over one view, reached by HTTP and gRPC.
func surfaces(t *testing.T, traces *otlp.Traces) (*http.Handler, pb.FeatureServiceClient) {
	p, st := servetest.Definitions(t, `
flights = bh.EventSource("flights", columns={"carrier": bh.String}, time="ts")
carrier = bh.FeatureGroup("carrier", source=flights, keys=["carrier"], features=[bh.count(windows=["1d"])])
departure = bh.FeatureView("departure", groups=[carrier], derive={"busy": "carrier__count_1d > 1"})
`), servetest.NewStore()
	servetest.Fill(t, st, p.Groups[0], [][]value.Value{{value.OfString("UA"), value.OfTimestamp(now - 1)}}, now, plan.NoMarks, plan.MinTime)
	m := serve.NewMetrics(nil)
	server, err := serve.Open(t.Context(), p.Views, st, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ctx, stop := context.WithCancel(context.Background())
	at, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- servegrpc.New(servegrpc.Options{Server: server, Metrics: m, Tracer: traces.Tracer()}).Run(ctx, servegrpc.Listen{Address: "127.0.0.1:0", Ready: func(a net.Addr) { at <- a }})
	}()
	conn, err := grpc.NewClient((<-at).String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); stop(); <-ended })
	return http.New(http.Options{Server: server, Registry: prometheus.NewRegistry(), Metrics: m, Tracer: traces.Tracer()}), pb.NewFeatureServiceClient(conn)
}

const (
	traceID  = "0af7651916cd43dd8448eb211c80319c"
	parentID = "b7ad6b7169203331"
)

func call(t *testing.T, h *http.Handler, parent, path, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
	if parent != "" {
		r.Header.Set("Traceparent", parent)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// tree prints the spans of the caller's trace, children by time of begin below their parents.
func (g *got) tree(parent []byte, depth int) string {
	var children []*tracepb.Span
	for _, s := range g.spans {
		if fmt.Sprintf("%x", s.TraceId) == traceID && string(s.ParentSpanId) == string(parent) {
			children = append(children, s)
		}
	}
	slices.SortFunc(children, func(a, b *tracepb.Span) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
	var out strings.Builder
	for _, s := range children {
		out.WriteString(strings.Repeat(" ", depth) + s.Name)
		for _, a := range s.Attributes {
			if strings.HasPrefix(a.Key, "bighead.") {
				text := a.Value.GetStringValue()
				if text == "" {
					text = strconv.FormatInt(a.Value.GetIntValue(), 10)
				}
				out.WriteString(" " + a.Key + "=" + text)
			}
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			out.WriteString(" ends before it begins")
		}
		out.WriteString("\n" + g.tree(s.SpanId, depth+1))
	}
	return out.String()
}

const want = `POST /v1/features/{view} bighead.view=departure
 parse
 fetch bighead.rows=1 bighead.ranges=1 bighead.cache.hits=0 bighead.cache.misses=1
 merge
 derive
 encode
bighead.v1.FeatureService/GetFeatures bighead.view=departure
 parse
 fetch bighead.rows=1 bighead.ranges=1 bighead.cache.hits=0 bighead.cache.misses=1
 merge
 derive
 encode
POST /v1/features/{view} bighead.problem=BH100
bighead.v1.FeatureService/GetFeatures bighead.problem=BH100
`

func TestTraces(t *testing.T) {
	otlp.Patient(t)
	for _, timeout := range []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_BSP_EXPORT_TIMEOUT"} {
		t.Setenv(timeout, "3600000") // ms
	}
	for _, way := range []string{"http", "grpc", "variable"} {
		t.Run(way, func(t *testing.T) {
			g := &got{}
			overHTTP, overGRPC := g.listen(t)
			o := otlp.Options{Endpoint: map[string]string{"http": overHTTP, "grpc": overGRPC}[way], Version: "1.2.3", Log: slog.New(slog.DiscardHandler)}
			if way == "variable" {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", overHTTP)
				t.Setenv("OTEL_SERVICE_NAME", "features")
			}
			none := 0.0
			o.Sample = &none // callers decide: nobody else is traced
			traces, err := otlp.Open(t.Context(), o)
			if err != nil || traces == nil {
				t.Fatal(traces, err)
			}
			h, client := surfaces(t, traces)
			sampled, not := "00-"+traceID+"-"+parentID+"-01", "00-"+traceID+"-"+parentID+"-00"
			row := &pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier"}, Rows: []*pb.Row{{Values: []*pb.Value{{Kind: &pb.Value_StringValue{StringValue: "secret key"}}}}}}
			for _, parent := range []string{sampled, not, ""} {
				ctx := t.Context()
				if parent != "" {
					ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
				}
				call(t, h, parent, "/v1/features/departure", `{"rows": [{"carrier": "secret"}]}`)
				if _, err := client.GetFeatures(ctx, row); err != nil {
					t.Fatal(err)
				}
				call(t, h, parent, "/v1/features/nope", `{}`)
				if _, err := client.GetFeatures(ctx, &pb.GetFeaturesRequest{View: "nope"}); err == nil {
					t.Fatal("answered")
				}
			}
			if err := traces.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			parent := []byte("\xb7\xad\x6b\x71\x69\x20\x33\x31")
			if tree := g.tree(parent, 0); tree != want {
				t.Errorf("\n got %s\nwant %s", tree, want)
			}
			if n := strings.Count(want, "\n"); len(g.spans) != n {
				t.Errorf("%d spans where %d are of callers that asked for them", len(g.spans), n)
			}
			if strings.Contains(fmt.Sprint(g.spans), "secret") {
				t.Error("a key is in a span")
			}
			service := map[bool]string{true: "features", false: "bighead"}[way == "variable"]
			if !strings.Contains(g.resource, `"`+service+`"`) || !strings.Contains(g.resource, `"1.2.3"`) {
				t.Errorf("resource %s", g.resource)
			}
		})
	}
}

func TestWhoIsTraced(t *testing.T) {
	if traces, err := otlp.Open(t.Context(), otlp.Options{}); traces != nil || err != nil || traces.Tracer() != nil || traces.Close(t.Context()) != nil {
		t.Errorf("nobody names a collector: %v %v", traces, err)
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	if traces, err := otlp.Open(t.Context(), otlp.Options{Endpoint: "http://127.0.0.1:1"}); traces != nil || err != nil {
		t.Errorf("it is switched off: %v %v", traces, err)
	}
	t.Setenv("OTEL_SDK_DISABLED", "")
	for endpoint, want := range map[string]string{"127.0.0.1:4317": "is no URL", "ftp://host:1": "ftp is no way to send traces", "http://": "is no URL"} {
		if _, err := otlp.Open(t.Context(), otlp.Options{Endpoint: endpoint}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
