package grpc_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/serve"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/value"
)

const now = 1_700_000_000_000 // 2023-11-14T22:13:20Z

const oneView = `
flights = bh.EventSource("flights", columns={"carrier": bh.String, "dep_delay": bh.Float}, time="ts")
carrier = bh.FeatureGroup("carrier", source=flights, keys=["carrier"], deadline="10m",
    features=[bh.avg("dep_delay", windows=["1h"]), bh.count(windows=["1d"]), bh.last("dep_delay", default=0.0), bh.last_k("dep_delay", k=3, name="delays"), bh.last("ts", name="newest")])
departure = bh.FeatureView("departure", groups=[carrier], request={"distance": bh.Int, "sched": bh.optional(bh.Timestamp), "share": bh.optional(bh.Float),
    "day": bh.optional(bh.Date), "raw": bh.optional(bh.Bytes), "tags": bh.optional(bh.List(bh.String)), "by": bh.optional(bh.Map(bh.Int)),
    "where": bh.optional(bh.Struct({"lat": bh.Float, "city": bh.String})), "wet": bh.optional(bh.Bool)},
    derive={"far": "distance > 1000"})
`

// served is the surface over one view, what it stands on, and a client.
type served struct {
	store   *servetest.Store
	server  *serve.Server
	surface *servegrpc.Server
	conn    *grpc.ClientConn
	client  pb.FeatureServiceClient
	stop    context.CancelFunc
	ended   chan error
}

func openCore(t testing.TB) (*serve.Server, *servetest.Store, *serve.Metrics) {
	t.Helper()
	p, st := servetest.Definitions(t, oneView), servetest.NewStore()
	row := func(carrier string, delay float64, before int64) []value.Value {
		return []value.Value{value.OfString(carrier), value.OfFloat(delay), value.OfTimestamp(now - before)}
	}
	servetest.Fill(t, st, p.Groups[0], [][]value.Value{row("UA", 10, 60_000), row("UA", 20, 30_000), row("AA", 1.5, 7_200_000)}, now, plan.NoMarks, plan.MinTime)
	m := serve.NewMetrics(nil)
	server, err := serve.Open(context.Background(), p.Views, st, serve.Options{Clock: func() int64 { return now }, Deadline: time.Hour, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server, st, m
}

func newServed(t testing.TB, o servegrpc.Options, l servegrpc.Listen) *served {
	t.Helper()
	s := &served{ended: make(chan error, 1)}
	s.server, s.store, o.Metrics = openCore(t)
	o.Server = s.server
	s.surface = servegrpc.New(o)
	s.run(t, l)
	return s
}

// run listens on loopback, and dials.
func (s *served) run(t testing.TB, l servegrpc.Listen) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	at := make(chan net.Addr, 1)
	l.Address, l.Ready = "127.0.0.1:0", func(a net.Addr) { at <- a }
	go func() { s.ended <- s.surface.Run(ctx, l) }()
	t.Cleanup(stop)
	select {
	case a := <-at:
		// Where a machine stands still for longer than the server waits for a handshake, the call waits for the next connection.
		conn, err := grpc.NewClient(a.String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		s.conn, s.client = conn, pb.NewFeatureServiceClient(conn)
	case err := <-s.ended:
		t.Fatal(err)
	}
}

func text(s string) *pb.Value    { return &pb.Value{Kind: &pb.Value_StringValue{StringValue: s}} }
func number(i int64) *pb.Value   { return &pb.Value{Kind: &pb.Value_IntValue{IntValue: i}} }
func float(f float64) *pb.Value  { return &pb.Value{Kind: &pb.Value_FloatValue{FloatValue: f}} }
func yes(b bool) *pb.Value       { return &pb.Value{Kind: &pb.Value_BoolValue{BoolValue: b}} }
func ms(i int64) *pb.Value       { return &pb.Value{Kind: &pb.Value_TimestampMs{TimestampMs: i}} }
func null() *pb.Value            { return &pb.Value{} }
func row(v ...*pb.Value) *pb.Row { return &pb.Row{Values: v} }
func list(v ...*pb.Value) *pb.Value {
	return &pb.Value{Kind: &pb.Value_ListValue{ListValue: &pb.List{Values: v}}}
}

func statuses(s ...pb.Status) []pb.Status { return s }

const (
	present = pb.Status_STATUS_PRESENT
	empty   = pb.Status_STATUS_EMPTY
	byRule  = pb.Status_STATUS_DEFAULT
	failed  = pb.Status_STATUS_FAILED
)

func TestFeatures(t *testing.T) {
	s := newServed(t, servegrpc.Options{}, servegrpc.Listen{})
	got, err := s.client.GetFeatures(t.Context(), &pb.GetFeaturesRequest{View: "departure", Fields: []string{"distance", "carrier"},
		Features: []string{"carrier__dep_delay_avg_1h", "carrier__count_1d", "carrier__dep_delay_last", "carrier__delays", "carrier__newest", "far", "sched"},
		Rows:     []*pb.Row{row(number(1400), text("UA")), row(null(), null()), row(number(-1), text("AA"))}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.server.View("departure")
	if err != nil {
		t.Fatal(err)
	}
	want := &pb.GetFeaturesResponse{View: "departure", Fingerprint: v.Fingerprint(), AtMs: now,
		Features: []string{"carrier__dep_delay_avg_1h", "carrier__count_1d", "carrier__dep_delay_last", "carrier__delays", "carrier__newest", "far", "sched"},
		Rows: []*pb.Answer{
			{Values: []*pb.Value{float(15), number(2), float(20), list(float(20), float(10)), ms(now - 30_000), yes(true), null()}},
			{Values: []*pb.Value{null(), number(0), float(0), list(), null(), null(), null()}, Statuses: statuses(empty, empty, byRule, empty, empty, present, present)},
			{Values: []*pb.Value{null(), number(1), float(1.5), list(float(1.5)), ms(now - 7_200_000), yes(false), null()}, Statuses: statuses(empty, present, present, present, present, present, present)},
		}}
	if !proto.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

// Whatever a caller gives comes back as it was, in every type.
func TestEveryType(t *testing.T) {
	s := newServed(t, servegrpc.Options{}, servegrpc.Listen{})
	entries := func(m *pb.Entries) *pb.Value { return &pb.Value{Kind: &pb.Value_MapValue{MapValue: m}} }
	place := &pb.Value{Kind: &pb.Value_StructValue{StructValue: &pb.Entries{Entries: []*pb.Entry{{Key: "lat", Value: float(47.5)}, {Key: "city", Value: text("Zürich")}}}}}
	fields := []string{"carrier", "distance", "sched", "share", "day", "raw", "tags", "by", "where", "wet"}
	sent := [][]*pb.Value{
		{text("é😀"), number(9007199254740993), ms(-1), float(0.1), {Kind: &pb.Value_DateDays{DateDays: -7}}, {Kind: &pb.Value_BytesValue{BytesValue: []byte{0, 255}}}, list(text("a"), null(), text("")),
			entries(&pb.Entries{Entries: []*pb.Entry{{Key: "a", Value: number(-5)}, {Key: "b", Value: null()}}}), place, yes(false)},
		{text(""), number(-1 << 63), ms(253402300799999), float(-5e-324), {Kind: &pb.Value_DateDays{DateDays: 2932896}}, {Kind: &pb.Value_BytesValue{}}, list(), entries(&pb.Entries{}), null(), yes(true)},
		{null(), null(), null(), null(), null(), null(), null(), null(), null(), null()},
		// Lengths of one byte, two and three, on every level.
		{null(), null(), null(), null(), null(), {Kind: &pb.Value_BytesValue{BytesValue: make([]byte, 127)}}, list(text(strings.Repeat("a", 128)), text(strings.Repeat("b", 20_000))), null(), null(), null()},
	}
	ask := &pb.GetFeaturesRequest{View: "departure", Fields: fields, Features: fields[1:]}
	for _, values := range sent {
		ask.Rows = append(ask.Rows, row(values...))
	}
	got, err := s.client.GetFeatures(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	for i, values := range sent {
		if a := got.Rows[i]; !proto.Equal(&pb.Answer{Values: values[1:]}, a) {
			t.Errorf("row %d:\n got %v\nwant %v", i, a, values[1:])
		}
	}
	nan, err := s.client.GetFeatures(t.Context(), &pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier", "distance", "share"}, Features: []string{"share"}, WithoutStatuses: true,
		Rows: []*pb.Row{row(null(), null(), float(nan())), row(null(), null(), float(inf()))}})
	if err != nil || !proto.Equal(nan.Rows[0], &pb.Answer{Values: []*pb.Value{null()}}) || !proto.Equal(nan.Rows[1], nan.Rows[0]) {
		t.Errorf("NaN and infinity are null: %v %v", nan, err)
	}
}

// The answer's own fields stay apart from the statuses: without them, a row that fails still says its values.
func TestStatuses(t *testing.T) {
	s := newServed(t, servegrpc.Options{}, servegrpc.Listen{})
	s.store.SetFault(func(context.Context, []storeRange) error { return errUnavailable })
	ask := &pb.GetFeaturesRequest{View: "departure", Fields: []string{"carrier", "distance"}, Features: []string{"carrier__count_1d", "far"}, Rows: []*pb.Row{row(text("UA"), number(1))}}
	got, err := s.client.GetFeatures(t.Context(), ask)
	if want := (&pb.Answer{Values: []*pb.Value{null(), yes(false)}, Statuses: statuses(failed, present)}); err != nil || !proto.Equal(got.Rows[0], want) {
		t.Errorf("%v %v", got, err)
	}
	ask.WithoutStatuses = true
	got, err = s.client.GetFeatures(t.Context(), ask)
	if want := (&pb.Answer{Values: []*pb.Value{null(), yes(false)}}); err != nil || !proto.Equal(got.Rows[0], want) {
		t.Errorf("%v %v", got, err)
	}
}
