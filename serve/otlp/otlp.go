// Package otlp sends the traces of requests to a collector by OTLP, over HTTP or gRPC. It alone links OpenTelemetry's SDK: the core and
// the surfaces know its interfaces.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// Options are where traces go. What they leave open is OpenTelemetry's own variables' to say (OTEL_EXPORTER_OTLP_…, OTEL_TRACES_SAMPLER,
// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…).
type Options struct {
	// Endpoint is a URL: http or https for OTLP over HTTP, grpc or grpcs over gRPC; "": the variables'.
	Endpoint string
	// Sample is the share of requests that are traced where the caller does not say; nil: the variables', else all.
	Sample  *float64
	Version string
	Log     *slog.Logger
}

// Enabled reports whether the options or the variables name a collector.
func (o Options) Enabled() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return o.Endpoint != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Traces is what sends. Spans wait in a queue of bounded size and are sent together; a collector that is not there costs spans and no
// request.
type Traces struct{ provider *trace.TracerProvider }

// closeTimeout is how long spans that wait may take to be sent at the end.
var closeTimeout = 5 * time.Second

// Open makes what sends; nil where nothing names a collector. It does not wait for the collector.
func Open(ctx context.Context, o Options) (*Traces, error) {
	if !o.Enabled() {
		return nil, nil
	}
	exporter, err := newExporter(ctx, o.Endpoint)
	if err != nil {
		return nil, err
	}
	who, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "bighead"), attribute.String("service.version", o.Version)), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	options := []trace.TracerProviderOption{trace.WithBatcher(exporter), trace.WithResource(who)}
	if o.Sample != nil {
		options = append(options, trace.WithSampler(trace.ParentBased(trace.TraceIDRatioBased(*o.Sample))))
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.Warn("traces are not sent", "error", err) }))
	return &Traces{trace.NewTracerProvider(options...)}, nil
}

func newExporter(ctx context.Context, endpoint string) (trace.SpanExporter, error) {
	if endpoint == "" {
		if protocol() == "grpc" {
			return otlptracegrpc.New(ctx)
		}
		return otlptracehttp.New(ctx)
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("[trace] endpoint = %q is no URL: write http://host:4318 or grpc://host:4317", endpoint)
	}
	switch u.Scheme {
	case "http", "https":
		if strings.Trim(u.Path, "/") == "" {
			u.Path = "/v1/traces"
		}
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	case "grpc", "grpcs":
		u.Scheme = map[string]string{"grpc": "http", "grpcs": "https"}[u.Scheme]
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(u.String()))
	}
	return nil, fmt.Errorf("[trace] endpoint = %q: %s is no way to send traces: write http, https, grpc or grpcs", endpoint, u.Scheme)
}

func protocol() string {
	if p := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"); p != "" {
		return p
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
}

// Tracer is what surfaces begin spans with; nil, of a nil Traces: nothing is traced.
func (t *Traces) Tracer() api.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer("github.com/bighead-ml/bighead")
}

// Close sends what waits.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}
