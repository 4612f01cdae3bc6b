package grpc_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/store"
)

type storeRange = store.Range

var errUnavailable = store.ErrUnavailable

func nan() float64 { return math.NaN() }
func inf() float64 { return math.Inf(1) }

// problemOf is what an error's details say.
func problemOf(t *testing.T, err error) (codes.Code, *pb.Problem, *errdetails.RetryInfo) {
	t.Helper()
	st, ok := status.FromError(err)
	if !ok || err == nil {
		t.Fatalf("no status: %v", err)
	}
	var p *pb.Problem
	var again *errdetails.RetryInfo
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *pb.Problem:
			p = d
		case *errdetails.RetryInfo:
			again = d
		}
	}
	return st.Code(), p, again
}

func expect(t *testing.T, err error, code codes.Code, number, detail string) *pb.Problem {
	t.Helper()
	got, p, _ := problemOf(t, err)
	if got != code || p == nil || p.Code != number || !strings.Contains(p.Detail, detail) || p.Cure == "" || p.Title == "" || !strings.Contains(err.Error(), number) {
		t.Errorf("%v: %v, want %s %s %q", err, p, code, number, detail)
		return &pb.Problem{}
	}
	return p
}

func TestRequestsThatAreWrong(t *testing.T) {
	s := newServed(t, servegrpc.Options{MaxMessage: 4096, MaxRows: 3}, servegrpc.Listen{})
	good := []string{"carrier", "distance"}
	far, old := int64(math.MaxInt64), int64(now)-1
	for _, c := range []struct {
		ask         *pb.GetFeaturesRequest
		code        codes.Code
		number      string
		detail      string
		field, near string
	}{
		{&pb.GetFeaturesRequest{}, codes.NotFound, "BH100", `no view "" is served`, "view", ""},
		{&pb.GetFeaturesRequest{View: "departur"}, codes.NotFound, "BH100", `no view "departur" is served`, "view", "departure"},
		{&pb.GetFeaturesRequest{View: "departure", Features: []string{"farr"}}, codes.InvalidArgument, "BH101", `no column "farr"`, "features", "far"},
		{&pb.GetFeaturesRequest{View: "departure", Fields: []string{"carier", "distance"}}, codes.InvalidArgument, "BH102", `takes no field "carier"`, "carier", "carrier"},
		{&pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier"}, Rows: []*pb.Row{row(text("UA"))}}, codes.InvalidArgument, "BH103", `"distance" is absent`, "distance", ""},
		{&pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier", "carrier"}}, codes.InvalidArgument, "BH105", `"carrier" is named twice`, "carrier", ""},
		{&pb.GetFeaturesRequest{View: "departure", Fields: good, AtMs: &far}, codes.InvalidArgument, "BH104", "at_ms is no time", "at", ""},
		{&pb.GetFeaturesRequest{View: "departure", Fields: good, Rows: []*pb.Row{{}, {}, {}, {}}}, codes.ResourceExhausted, "BH109", "more than 3 rows", "rows", ""},
		{&pb.GetFeaturesRequest{View: strings.Repeat("x", 5000)}, codes.ResourceExhausted, "BH109", "the message is longer than 4096 bytes", "", ""},
	} {
		_, err := s.client.GetFeatures(t.Context(), c.ask)
		p := expect(t, err, c.code, c.number, c.detail)
		if p.Field != c.field || c.near != "" && (len(p.Near) == 0 || p.Near[0] != c.near) {
			t.Errorf("%v", p)
		}
	}
	// Of rows, each its own.
	for want, r := range map[string]*pb.Row{
		`BH104 "carrier" is no string: "int_value"`:                                         row(number(1), number(1)),
		`BH104 "distance" is no int: "float_value"`:                                         row(text("UA"), float(1)),
		`BH104 "distance" is no int: "list_value"`:                                          row(text("UA"), list(number(1))),
		"BH105 a row of 1 values where fields names 4":                                      row(text("UA")),
		"BH105 a row of 5 values where fields names 4":                                      row(null(), null(), null(), null(), null()),
		`BH104 "tags" is no list<string>: "list_value of int_value"`:                        row(null(), null(), list(text("a"), number(1))),
		`BH104 "sched" is no timestamp: "timestamp_ms 900000000000000, beyond the years 1…`: row(null(), null(), null(), ms(900000000000000)),
	} {
		for len(r.Values) > 1 && len(r.Values) < 4 {
			r.Values = append(r.Values, null())
		}
		got, err := s.client.GetFeatures(t.Context(), &pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier", "distance", "tags", "sched"}, Features: []string{"carrier__count_1d"}, Rows: []*pb.Row{r, row(text("UA"), null(), null(), null())}})
		if err != nil || len(got.Rows) != 2 || len(got.Rows[1].Values) != 1 || got.Rows[0].Problem == nil {
			t.Errorf("%s: %v %v", want, got, err)
			continue
		}
		p := got.Rows[0].Problem
		if said := p.Code + " " + p.Detail; !strings.HasPrefix(said, strings.TrimSuffix(want, "…")) || p.Cure == "" || len(got.Rows[0].Values) > 0 {
			t.Errorf("got %s (%v), want %s", said, p, want)
		}
	}
	got, err := s.client.GetFeatures(t.Context(), &pb.GetFeaturesRequest{View: "departure", Fields: good, AtMs: &old, Rows: []*pb.Row{row(null(), null())}})
	if err != nil || got.Rows[0].Problem.GetCode() != "" {
		t.Errorf("a moment ago: %v %v", got, err)
	}
}

// raw sends bytes as they are.
type raw struct{ encoding.CodecV2 }

func (raw) Marshal(x any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(x.([]byte))}, nil
}
func (raw) Unmarshal(b mem.BufferSlice, x any) error {
	*x.(*[]byte) = b.Materialize()
	return nil
}
func (raw) Name() string { return "proto" }

func TestMessagesThatAreNone(t *testing.T) {
	s := newServed(t, servegrpc.Options{Pusher: &pusher{}}, servegrpc.Listen{})
	for _, body := range []string{"\xff", "\x0a\x05a", "\x0a\x01\xff", "\x12\x01\xff", "\x0b"} {
		for _, method := range []string{"/bighead.v1.FeatureService/GetFeatures", "/bighead.v1.FeatureService/PushEvents"} {
			var out []byte
			err := s.conn.Invoke(t.Context(), method, []byte(body), &out, grpc.ForceCodecV2(raw{}))
			if strings.HasSuffix(method, "Events") && body == "\x12\x01\xff" {
				continue // any bytes may be events
			}
			expect(t, err, codes.InvalidArgument, "BH105", "the message is no ")
		}
	}
	row := "\x0a\x09departure\x12\x07carrier\x12\x08distance\x1a\x02\x0a\x05" // a row cut short
	var out []byte
	if err := s.conn.Invoke(t.Context(), "/bighead.v1.FeatureService/GetFeatures", []byte(row), &out, grpc.ForceCodecV2(raw{})); err != nil || !strings.Contains(string(out), "a row is no Row") {
		t.Errorf("%q %v", out, err)
	}
	if err := s.conn.Invoke(t.Context(), "/bighead.v1.FeatureService/GetFeature", []byte{}, &out, grpc.ForceCodecV2(raw{})); true {
		if p := expect(t, err, codes.Unimplemented, "BH116", `there is no "/bighead.v1.FeatureService/GetFeature"`); len(p.Near) == 0 {
			t.Error("no nearest name")
		}
	}
	if err := s.conn.Invoke(t.Context(), "/other.Service/Call", []byte{}, &out, grpc.ForceCodecV2(raw{})); true {
		expect(t, err, codes.Unimplemented, "BH116", `there is no "/other.Service/Call"`)
	}
}

// Streams that are half closed before they say anything, say too much, or are left alone.
func TestHalfCalls(t *testing.T) {
	s := newServed(t, servegrpc.Options{Gate: gate.New(nil, 1)}, servegrpc.Listen{})
	d := &grpc.StreamDesc{ClientStreams: true}
	open := func(ctx context.Context) grpc.ClientStream {
		c, err := s.conn.NewStream(ctx, d, "/bighead.v1.FeatureService/GetFeatures")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open(t.Context())
	if err := c.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := c.RecvMsg(new(pb.GetFeaturesResponse)); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "no request message") {
		t.Errorf("a call without a message: %v", err)
	}
	c = open(t.Context())
	for range 2 {
		if err := c.SendMsg(&pb.GetFeaturesRequest{View: "departure"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.RecvMsg(new(pb.GetFeaturesResponse)); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "multiple request messages") {
		t.Errorf("a call of two messages: %v", err)
	}
	ctx, leave := context.WithCancel(t.Context())
	c = open(ctx)
	leave()
	if err := c.RecvMsg(new(pb.GetFeaturesResponse)); status.Code(err) != codes.Canceled {
		t.Error(err)
	}
	if _, err := s.client.GetFeatures(t.Context(), &pb.GetFeaturesRequest{View: "departure"}); err != nil {
		t.Errorf("a half call keeps its place: %v", err)
	}
}

// ask is a good request.
func ask() *pb.GetFeaturesRequest {
	return &pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier", "distance"}, Features: []string{"carrier__count_1d"}, Rows: []*pb.Row{row(text("UA"), number(1))}}
}

// A caller's deadline ends the work for it, and one that goes away frees its place.
func TestDeadlinesOfCallers(t *testing.T) {
	s := newServed(t, servegrpc.Options{Gate: gate.New(nil, 1)}, servegrpc.Listen{})
	free := func() { // asks until the place is free again
		t.Helper()
		for {
			_, err := s.client.GetFeatures(t.Context(), &pb.GetFeaturesRequest{View: "departure"})
			if err == nil {
				return
			}
			if status.Code(err) != codes.Unavailable || t.Context().Err() != nil {
				t.Fatal(err)
			}
		}
	}
	var left atomic.Int64 // how often the store was told to stop
	end := func(ctx context.Context, entered func()) (*pb.GetFeaturesResponse, error) {
		s.store.SetFault(func(ctx context.Context, _ []store.Range) error {
			entered()
			<-ctx.Done()
			left.Add(1)
			return ctx.Err()
		})
		defer s.store.SetFault(nil)
		for { // one that came too late for its caller may have the place for a moment
			got, err := s.client.GetFeatures(ctx, ask())
			if status.Code(err) != codes.Unavailable {
				return got, err
			}
		}
	}
	// A deadline may be over before the request has come to the store, on a machine that stands still: then one asks with more time.
	for within := 20 * time.Millisecond; left.Load() == 0; within *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		got, err := end(ctx, func() {})
		cancel()
		// The answer is ready when the deadline is, so it may just come in time: it says then what could not be had.
		inTime := err == nil && len(got.Rows[0].Statuses) == 1 && got.Rows[0].Statuses[0] == failed
		if c := status.Code(err); c != codes.DeadlineExceeded && c != codes.Canceled && !inTime {
			t.Errorf("deadline: %v %v", got, err)
		}
		free()
	}
	left.Store(0)
	ctx, cancel := context.WithCancel(t.Context())
	if got, err := end(ctx, cancel); status.Code(err) != codes.Canceled {
		t.Errorf("cancel: %v %v", got, err)
	}
	for left.Load() == 0 { // the store was told to stop
		runtime.Gosched()
	}
	free()
}

func TestMoreThanTheServerTakes(t *testing.T) {
	s := newServed(t, servegrpc.Options{Gate: gate.New(nil, 2)}, servegrpc.Listen{})
	entered, release := make(chan struct{}), make(chan struct{})
	s.store.SetFault(func(context.Context, []store.Range) error { entered <- struct{}{}; <-release; return nil })
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			if _, err := s.client.GetFeatures(t.Context(), ask()); err != nil {
				t.Error(err)
			}
		})
		<-entered
	}
	_, err := s.client.GetFeatures(t.Context(), ask())
	expect(t, err, codes.Unavailable, "BH113", "as many requests as it takes")
	if _, _, again := problemOf(t, err); again == nil || again.RetryDelay.AsDuration() != time.Second {
		t.Errorf("when to come again: %v", again)
	}
	close(release)
	running.Wait()
}

func TestTokens(t *testing.T) {
	s := newServed(t, servegrpc.Options{Pusher: &pusher{}, Gate: gateOf(t, "web", "sesame", "read", "loader", "beam", "push", "slow", "drip", "read limit=0.001")}, servegrpc.Listen{})
	as := func(token string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	}
	if _, err := s.client.GetFeatures(as("sesame"), ask()); err != nil {
		t.Error(err)
	}
	if _, err := s.client.PushEvents(as("beam"), &pb.PushEventsRequest{Name: "flights"}); err != nil {
		t.Error(err)
	}
	_, err := s.client.GetFeatures(t.Context(), ask())
	expect(t, err, codes.Unauthenticated, "BH110", "no token")
	_, err = s.client.GetFeatures(as("other"), ask())
	expect(t, err, codes.Unauthenticated, "BH110", "not known")
	_, err = s.client.GetFeatures(as("beam"), ask())
	expect(t, err, codes.PermissionDenied, "BH111", `token "loader" may not`)
	_, err = s.client.PushEvents(as("sesame"), &pb.PushEventsRequest{Name: "flights"})
	expect(t, err, codes.PermissionDenied, "BH111", `token "web" may not`)
	if _, err := s.client.GetFeatures(as("drip"), ask()); err != nil {
		t.Error(err)
	}
	_, err = s.client.GetFeatures(as("drip"), ask())
	expect(t, err, codes.ResourceExhausted, "BH112", "may make 0.001 requests a second")
	if _, _, again := problemOf(t, err); again.GetRetryDelay().AsDuration() <= 0 {
		t.Error("when to come again is not said")
	}
	health(t, s, "SERVING") // for everybody
	if _, err := services(t.Context(), s); status.Code(err) != codes.Unauthenticated {
		t.Errorf("reflection is not for everybody: %v", err)
	}
	if names, err := services(as("sesame"), s); err != nil || !strings.Contains(names, "bighead.v1.FeatureService") || !strings.Contains(names, "grpc.health.v1.Health") {
		t.Errorf("%s %v", names, err)
	}
}

// What panics below is an answer that says nothing of it.
func TestDefects(t *testing.T) {
	s := newServed(t, servegrpc.Options{Pusher: &pusher{err: errors.New("disk /secret is full")}}, servegrpc.Listen{})
	_, err := s.client.PushEvents(t.Context(), &pb.PushEventsRequest{Name: "flights"})
	expect(t, err, codes.Internal, "BH117", "something is wrong in the server")
	s = newServed(t, servegrpc.Options{Pusher: &pusher{panics: true}}, servegrpc.Listen{})
	_, err = s.client.PushEvents(t.Context(), &pb.PushEventsRequest{Name: "flights"})
	if expect(t, err, codes.Internal, "BH117", "something is wrong in the server"); strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	s = newServed(t, servegrpc.Options{Pusher: &pusher{err: &serve.Problem{Code: feature.CodeNoStream, Detail: "the stream stops", Cure: "come again", After: time.Second}}}, servegrpc.Listen{})
	_, err = s.client.PushEvents(t.Context(), &pb.PushEventsRequest{Name: "flights"})
	expect(t, err, codes.Unavailable, "BH115", "the stream stops")
}
