package http

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced begins the span of a request, as a child of the caller's where it sends a traceparent (W3C).
func (h *Handler) traced(rt route, r *http.Request) (*http.Request, func()) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := h.o.Tracer.Start(ctx, rt.method+" "+rt.pattern, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", rt.method), attribute.String("http.route", rt.pattern)))
	return r.WithContext(ctx), func() { span.End() }
}
