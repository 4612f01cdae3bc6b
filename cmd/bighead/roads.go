package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/bighead-ml/bighead/engine"
	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/value"
)

// onlineParts are what the road online is made of in this binary. Runs make their folders in dir.
func onlineParts(dir string) *road.Parts {
	return &road.Parts{Stores: roadStores(), Wires: map[string]road.Wire{"direct": directly, "http": overHTTP, "grpc": overGRPC}, Dir: dir}
}

// onlineRandom is the road online as random cases go it, with all settings drawn.
func onlineRandom(p *road.Parts) random.Road {
	stores, wires := slices.Sorted(maps.Keys(p.Stores)), slices.Sorted(maps.Keys(p.Wires))
	return random.Road{Name: "online", Open: func(r *rand.Rand) (engine.Engine, string) {
		s := road.Draw(r, stores, wires)
		return road.Road{Parts: p, Settings: s}, s.String()
	}}
}

// silent is the log of servers that scripts ask: what goes wrong shows in their answers.
var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// serveRoad starts a server as `up` does, but for what makes an answer depend on how fast the machine is.
func serveRoad(ctx context.Context, o *road.Served, metrics *serve.Metrics) (*serve.Server, error) {
	const long = 600_000_000_000 // ns
	return serve.Open(ctx, o.Views, o.Store, serve.Options{Clock: o.Clock, Deadline: long, MarksEvery: long, Metrics: metrics, Log: silent})
}

// pushesTo hands what callers send to a stream, in the place of an online project's.
func pushesTo(s *liveStream) pushes {
	o := &online{log: silent}
	o.turn.Store(&turn{stream: s})
	return pushes{o}
}

// direct asks a server by a call.
type direct struct {
	*road.Served
	server *serve.Server
}

func directly(ctx context.Context, o *road.Served) (road.Asker, error) {
	s, err := serveRoad(ctx, o, nil)
	return &direct{o, s}, err
}

// Push hands typed rows to the stream.
func (d *direct) Push(ctx context.Context, source *feature.Source, rows *value.Batch) error {
	_, err := d.Stream.PushRows(ctx, source.Name, rows, "")
	return err
}

// Ask implements road.Asker.
func (d *direct) Ask(ctx context.Context, view *plan.Serve, rows [][]value.Value, at *int64) (int64, []road.Answered, error) {
	r := serve.Request{View: view.View.Name, At: at}
	for _, row := range rows {
		r.Rows = append(r.Rows, serve.Row{Values: row})
	}
	got, err := d.server.Features(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	out := make([]road.Answered, len(got.Rows))
	for i, a := range got.Rows {
		if a.Problem != nil {
			out[i].Refused = a.Problem
			continue
		}
		out[i].Values = slices.Clone(a.Values)
		for _, s := range a.Statuses {
			out[i].Statuses = append(out[i].Statuses, s.String())
		}
	}
	return got.At, out, nil
}

// Refresh implements road.Asker.
func (d *direct) Refresh(ctx context.Context) error { return d.server.Refresh(ctx) }

// Close implements road.Asker.
func (d *direct) Close() error { d.server.Close(); return nil }

var errColumns = errors.New("the answer has other columns than the view")

// columnsOf checks that an answer names the view's columns in their order.
func columnsOf(view *plan.Serve, names []string) error {
	for i, c := range view.View.Columns {
		if i >= len(names) || names[i] != c.Name {
			return fmt.Errorf("%w: %v", errColumns, names)
		}
	}
	return nil
}
