package grpc

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// carrier lets what propagates a trace read the metadata of a call.
type carrier metadata.MD

func (c carrier) Get(name string) string { return first(metadata.MD(c), name) }
func (c carrier) Set(name, text string)  { metadata.MD(c).Set(name, text) }
func (c carrier) Keys() []string {
	var out []string
	for name := range c {
		out = append(out, name)
	}
	return out
}

// traced begins the span of a call, as a child of the caller's where it sends a traceparent (W3C).
func (s *Server) traced(ctx context.Context, c call) (context.Context, func()) {
	md, _ := metadata.FromIncomingContext(ctx)
	ctx = propagation.TraceContext{}.Extract(ctx, carrier(md))
	ctx, span := s.o.Tracer.Start(ctx, c.service+"/"+c.name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("rpc.system", "grpc"), attribute.String("rpc.service", c.service), attribute.String("rpc.method", c.name)))
	return ctx, func() { span.End() }
}
