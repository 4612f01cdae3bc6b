package serve

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A trace of a request is one span by the surface, with a child for each stage: parse and encode by the surface, fetch, merge and derive
// here. Spans tell names of definitions and counts, never keys or values. Where a request is not recorded nothing is made for it.

// span is a stage while it runs. The zero span is of a request that is not recorded.
type span struct{ of trace.Span }

// stage begins a stage of a request that is recorded.
func stage(ctx context.Context, name string, began time.Time) span {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return span{}
	}
	_, s := parent.TracerProvider().Tracer(tracerName).Start(ctx, name, trace.WithTimestamp(began))
	return span{s}
}

const tracerName = "github.com/bighead-ml/bighead/serve"

func (s span) end() {
	if s.of != nil {
		s.of.End()
	}
}

// Stage notes a stage that a surface has done.
func Stage(ctx context.Context, name string, began, ended time.Time) {
	if s := stage(ctx, name, began); s.of != nil {
		s.of.End(trace.WithTimestamp(ended))
	}
}

// read says of a fetch what was read and what was known already.
func (s span) read(c *call) {
	if s.of == nil {
		return
	}
	ranges := 0
	if c.reading != nil {
		ranges = c.reading.wanted
	}
	s.of.SetAttributes(attribute.Int("bighead.rows", len(c.rows)), attribute.Int("bighead.ranges", ranges), attribute.Int("bighead.cache.hits", c.hits), attribute.Int("bighead.cache.misses", c.misses))
	s.of.End()
}

// Traced says of the span of a request which view it asked and what came of it; problem nil: it was answered.
func Traced(ctx context.Context, view string, problem *Problem) {
	s := trace.SpanFromContext(ctx)
	if !s.IsRecording() {
		return
	}
	if view != "" {
		s.SetAttributes(attribute.String("bighead.view", view))
	}
	if problem != nil {
		s.SetAttributes(attribute.String("bighead.problem", problem.Code.String()))
		s.SetStatus(codes.Error, problem.Code.Title())
	}
}
