package grpc_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/serve/servetest"
	"github.com/bighead-ml/bighead/store/pebble"
)

// BenchmarkServeGRPC is docs/performance.md P7 and P8 over gRPC and a pebble store: a round trip over loopback whose CPU is the client's
// too. The client that reads generated messages pays for them; the one that leaves the bytes alone shows what the server costs.
func BenchmarkServeGRPC(b *testing.B) {
	st, err := pebble.Open(pebble.Options{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	v := servetest.BenchView(b)
	servetest.BenchFill(b, st, v)
	var some []string
	for i, c := range v.Columns {
		if i%5 == 0 {
			some = append(some, c.Name)
		}
	}
	for name, cache := range map[string]int64{"read": 1, "known": 0} {
		m := serve.NewMetrics(nil)
		server, err := serve.Open(context.Background(), []*feature.View{v}, serve.Watch(st), serve.Options{Clock: func() int64 { return servetest.BenchNow }, Deadline: time.Hour, Cache: cache, Metrics: m})
		if err != nil {
			b.Fatal(err)
		}
		conn, stop := dial(b, servegrpc.New(servegrpc.Options{Server: server, Metrics: m}))
		p7, p8 := asks(1, nil), asks(100, some)
		b.Run(name+"/messages/P7", func(b *testing.B) { benchMessages(b, conn, p7) })
		b.Run(name+"/messages/P8", func(b *testing.B) { benchMessages(b, conn, p8) })
		b.Run(name+"/bytes/P7", func(b *testing.B) { benchBytes(b, conn, p7) })
		b.Run(name+"/bytes/P8", func(b *testing.B) { benchBytes(b, conn, p8) })
		stop()
		server.Close()
	}
}

func dial(b *testing.B, s *servegrpc.Server) (*grpc.ClientConn, func()) {
	ctx, stop := context.WithCancel(context.Background())
	at, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, servegrpc.Listen{Address: "127.0.0.1:0", Ready: func(a net.Addr) { at <- a }})
	}()
	conn, err := grpc.NewClient((<-at).String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	return conn, func() {
		_ = conn.Close()
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}

// asks are requests for other keys each.
func asks(rows int, features []string) []*pb.GetFeaturesRequest {
	var out []*pb.GetFeaturesRequest
	n := 0
	for range 64 {
		q := &pb.GetFeaturesRequest{View: "v", Fields: []string{"k0", "k1", "k2", "k3", "k4"}, Features: features}
		for range rows {
			var r pb.Row
			for range 5 {
				n++
				r.Values = append(r.Values, number(int64(n*7919%servetest.BenchKeys)))
			}
			q.Rows = append(q.Rows, &r)
		}
		out = append(out, q)
	}
	return out
}

func measure(b *testing.B, body func(i int)) {
	b.Helper()
	b.ReportAllocs()
	before := servetest.CPU()
	i := 0
	for b.Loop() {
		body(i)
		i++
	}
	b.ReportMetric(float64(servetest.CPU()-before)/float64(b.N), "cpu-ns/op")
}

func benchMessages(b *testing.B, conn *grpc.ClientConn, asks []*pb.GetFeaturesRequest) {
	client := pb.NewFeatureServiceClient(conn)
	measure(b, func(i int) {
		q := asks[i%len(asks)]
		got, err := client.GetFeatures(context.Background(), q)
		if err != nil || len(got.Rows) != len(q.Rows) || len(got.Rows[0].Values) != len(got.Features) {
			b.Fatal(err)
		}
	})
}

func benchBytes(b *testing.B, conn *grpc.ClientConn, asks []*pb.GetFeaturesRequest) {
	var sent [][]byte
	for _, q := range asks {
		sent = append(sent, wire(b, q))
	}
	measure(b, func(i int) {
		var out []byte
		if err := conn.Invoke(context.Background(), pb.FeatureService_GetFeatures_FullMethodName, sent[i%len(sent)], &out, grpc.ForceCodecV2(raw{})); err != nil || len(out) < 1000 {
			b.Fatal(err)
		}
	})
}

func wire(b *testing.B, m proto.Message) []byte {
	out, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	return out
}
