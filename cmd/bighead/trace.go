package main

import (
	"context"
	"log/slog"
	"strconv"

	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve/otlp"
)

// openTraces is where the traces of requests go by the settings and OpenTelemetry's variables; nil: nowhere.
func openTraces(ctx context.Context, p *project.Project, log *slog.Logger) (*otlp.Traces, error) {
	o := otlp.Options{Endpoint: p.Config.String("trace.endpoint"), Version: version, Log: log}
	if text := p.Config.String("trace.sample"); text != "" {
		share, err := strconv.ParseFloat(text, 64)
		if err != nil || !(share >= 0 && share <= 1) {
			return nil, mistakef("[trace] sample = %q is no share of requests: write a number from 0 to 1", text)
		}
		o.Sample = &share
	}
	t, err := otlp.Open(ctx, o)
	if err != nil {
		return nil, mistakef("%v", err)
	}
	return t, nil
}

// closeTraces sends what waits. A collector that is away is told, and no reason to fail.
func (s *surface) closeTraces(ctx context.Context) {
	if err := s.traces.Close(ctx); err != nil {
		s.online.log.WarnContext(ctx, "traces are lost", "error", err)
	}
}
