package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/value"
)

// asGRPC asks a server by the calls of bighead.v1, over loopback, with the client that its callers have.
type asGRPC struct {
	server *serve.Server
	conn   *grpc.ClientConn
	client pb.FeatureServiceClient
	stop   context.CancelFunc
	ended  chan error
}

func overGRPC(ctx context.Context, o *road.Served) (road.Asker, error) {
	metrics := serve.NewMetrics(nil)
	server, err := serveRoad(ctx, o, metrics)
	if err != nil {
		return nil, err
	}
	calls := servegrpc.New(servegrpc.Options{Server: server, Metrics: metrics, Pusher: pushesTo(o.Stream), Log: silent})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	a := &asGRPC{server: server, stop: stop, ended: make(chan error, 1)}
	at := make(chan net.Addr, 1)
	go func() {
		a.ended <- calls.Run(running, servegrpc.Listen{Address: "127.0.0.1:0", Ready: func(addr net.Addr) { at <- addr }})
	}()
	select {
	case addr := <-at:
		if a.conn, err = grpc.NewClient(addr.String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
			return nil, errors.Join(err, a.Close())
		}
		a.client = pb.NewFeatureServiceClient(a.conn)
		return a, nil
	case err := <-a.ended:
		stop()
		server.Close()
		return nil, err
	}
}

// Close implements road.Asker.
func (a *asGRPC) Close() error {
	var errs []error
	if a.conn != nil {
		errs = append(errs, a.conn.Close())
	}
	a.stop()
	errs = append(errs, <-a.ended)
	a.server.Close()
	return errors.Join(errs...)
}

// Refresh implements road.Asker.
func (a *asGRPC) Refresh(ctx context.Context) error { return a.server.Refresh(ctx) }

// Push implements road.Asker.
func (a *asGRPC) Push(ctx context.Context, source *feature.Source, rows *value.Batch) error {
	var body []byte
	for i := range rows.N {
		body = append(appendObject(body, rows.Schema.Names(), rows.Row(i)), '\n')
	}
	got, err := a.client.PushEvents(ctx, &pb.PushEventsRequest{Name: source.Name, Events: body})
	if err != nil {
		return err
	}
	if of := got.Sources; len(of) != 1 || of[0].Accepted+of[0].Duplicated+of[0].NotYet != int64(rows.N) || len(of[0].Rejected) > 0 {
		return fmt.Errorf("%d rows are answered by %v:\n%s", rows.N, got, body)
	}
	return nil
}

// Ask implements road.Asker.
func (a *asGRPC) Ask(ctx context.Context, view *plan.Serve, rows [][]value.Value, at *int64) (int64, []road.Answered, error) {
	q := &pb.GetFeaturesRequest{View: view.View.Name, AtMs: at}
	for _, k := range view.Asked {
		q.Fields = append(q.Fields, k.Name)
	}
	for _, row := range rows {
		r := &pb.Row{}
		for i, v := range row {
			r.Values = append(r.Values, protoOf(view.Asked[i].Type, v))
		}
		q.Rows = append(q.Rows, r)
	}
	got, err := a.client.GetFeatures(ctx, q)
	if err != nil {
		return 0, nil, err
	}
	if err := columnsOf(view, got.Features); err != nil {
		return 0, nil, err
	}
	out := make([]road.Answered, len(got.Rows))
	for i, r := range got.Rows {
		if r.Problem != nil {
			out[i].Refused = mistakef("%s: %s", r.Problem.Code, r.Problem.Detail)
			continue
		}
		for c, col := range view.View.Columns {
			if c >= len(r.Values) {
				return 0, nil, errColumns
			}
			v, err := valueOf(col.Type, r.Values[c])
			if err != nil {
				return 0, nil, fmt.Errorf("column %s: %w", col.Name, err)
			}
			status := pb.Status_STATUS_PRESENT
			if len(r.Statuses) > 0 {
				status = r.Statuses[c]
			}
			out[i].Values = append(out[i].Values, v)
			out[i].Statuses = append(out[i].Statuses, strings.ToLower(strings.TrimPrefix(status.String(), "STATUS_")))
		}
	}
	return got.AtMs, out, nil
}

// protoOf is a value of a type as callers send it.
func protoOf(t value.Type, v value.Value) *pb.Value {
	if v.IsNull() {
		return &pb.Value{}
	}
	switch t.Kind {
	case value.KindBool:
		return &pb.Value{Kind: &pb.Value_BoolValue{BoolValue: v.Bool()}}
	case value.KindInt:
		return &pb.Value{Kind: &pb.Value_IntValue{IntValue: v.Int()}}
	case value.KindFloat:
		return &pb.Value{Kind: &pb.Value_FloatValue{FloatValue: v.Float()}}
	case value.KindString:
		return &pb.Value{Kind: &pb.Value_StringValue{StringValue: v.Str()}}
	case value.KindBytes:
		return &pb.Value{Kind: &pb.Value_BytesValue{BytesValue: []byte(v.Str())}}
	case value.KindTimestamp:
		return &pb.Value{Kind: &pb.Value_TimestampMs{TimestampMs: v.Int()}}
	case value.KindDate:
		return &pb.Value{Kind: &pb.Value_DateDays{DateDays: int32(v.Int())}}
	case value.KindList:
		list := &pb.List{}
		for i := range v.Len() {
			list.Values = append(list.Values, protoOf(*t.Elem, v.At(i)))
		}
		return &pb.Value{Kind: &pb.Value_ListValue{ListValue: list}}
	}
	entries := &pb.Entries{}
	for i := range v.Len() {
		entries.Entries = append(entries.Entries, &pb.Entry{Key: v.KeyAt(i), Value: protoOf(heldUnder(t, v.KeyAt(i)), v.At(i))})
	}
	if t.Kind == value.KindMap {
		return &pb.Value{Kind: &pb.Value_MapValue{MapValue: entries}}
	}
	return &pb.Value{Kind: &pb.Value_StructValue{StructValue: entries}}
}

// heldUnder is the type of what a map or struct holds under a key.
func heldUnder(t value.Type, key string) value.Type {
	if t.Kind == value.KindMap {
		return *t.Elem
	}
	for _, f := range t.Fields {
		if f.Name == key {
			return f.Type
		}
	}
	return value.Null
}

// valueOf reads a value that must be of a type.
func valueOf(t value.Type, p *pb.Value) (value.Value, error) {
	switch k := p.GetKind().(type) {
	case nil:
		return value.Value{}, nil
	case *pb.Value_BoolValue:
		return typed(t, value.OfBool(k.BoolValue))
	case *pb.Value_IntValue:
		return typed(t, value.OfInt(k.IntValue))
	case *pb.Value_FloatValue:
		return typed(t, value.OfFloat(k.FloatValue))
	case *pb.Value_StringValue:
		return typed(t, value.OfString(k.StringValue))
	case *pb.Value_BytesValue:
		return typed(t, value.OfBytes(k.BytesValue))
	case *pb.Value_TimestampMs:
		return typed(t, value.OfTimestamp(k.TimestampMs))
	case *pb.Value_DateDays:
		return typed(t, value.OfDate(int64(k.DateDays)))
	case *pb.Value_ListValue:
		if t.Kind != value.KindList {
			return value.Value{}, fmt.Errorf("a list where %s is right", value.An(t.String()))
		}
		elems := make([]value.Value, len(k.ListValue.Values))
		for i, x := range k.ListValue.Values {
			var err error
			if elems[i], err = valueOf(*t.Elem, x); err != nil {
				return value.Value{}, err
			}
		}
		return value.OfList(elems), nil
	case *pb.Value_MapValue:
		entries, err := entriesOf(t, k.MapValue)
		return value.OfMap(entries), err
	case *pb.Value_StructValue:
		entries, err := entriesOf(t, k.StructValue)
		return value.OfStruct(entries), err
	}
	return value.Value{}, fmt.Errorf("%v is no value", p)
}

func entriesOf(t value.Type, p *pb.Entries) ([]value.Entry, error) {
	out := make([]value.Entry, len(p.Entries))
	for i, e := range p.Entries {
		v, err := valueOf(heldUnder(t, e.Key), e.Value)
		if err != nil {
			return nil, err
		}
		out[i] = value.Entry{Key: e.Key, Value: v}
	}
	return out, nil
}

func typed(t value.Type, v value.Value) (value.Value, error) {
	if v.IsNull() || !v.HasType(t) {
		return v, fmt.Errorf("%s where %s is right", v, value.An(t.String()))
	}
	return v, nil
}
