package grpc_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/store"
)

// gateOf is a gate of names, tokens and scopes.
func gateOf(t testing.TB, lines ...string) *gate.Gate {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(lines); i += 3 {
		h := sha256.Sum256([]byte(lines[i+1]))
		b.WriteString(lines[i] + " " + hex.EncodeToString(h[:]) + " " + lines[i+2] + "\n")
	}
	tokens, err := gate.ParseTokens(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return gate.New(tokens, 0)
}

type pusher struct {
	got    string
	pushed []serve.Pushed
	err    error
	panics bool
}

func (p *pusher) Push(_ context.Context, e serve.Events) ([]serve.Pushed, error) {
	if p.panics {
		panic("secret")
	}
	p.got = e.Name + " " + e.ContentType + " " + string(e.Body) + e.Key
	return p.pushed, p.err
}

func TestEvents(t *testing.T) {
	p := &pusher{pushed: []serve.Pushed{{Source: "flights", Accepted: 2, Duplicated: 1, NotYet: 3, Rejected: []serve.Rejected{{Line: 4, Reason: `"x" is no number`}}}, {Source: "arrivals"}}}
	s := newServed(t, servegrpc.Options{Pusher: p}, servegrpc.Listen{})
	keyed := metadata.AppendToOutgoingContext(t.Context(), "Idempotency-Key", "k7")
	if _, err := s.client.PushEvents(keyed, &pb.PushEventsRequest{Name: "n", Events: []byte("{}")}); err != nil || p.got != "n application/x-ndjson {}k7" {
		t.Errorf("under a key: %q, %v", p.got, err)
	}
	if _, err := s.client.PushEvents(metadata.AppendToOutgoingContext(keyed, "Idempotency-Key", "k8"), &pb.PushEventsRequest{Name: "n"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("under two keys: %v", err)
	}
	want := &pb.PushEventsResponse{Sources: []*pb.Pushed{{Source: "flights", Accepted: 2, Duplicated: 1, NotYet: 3, Rejected: []*pb.Rejected{{Line: 4, Reason: `"x" is no number`}}}, {Source: "arrivals"}}}
	for body, kind := range map[string]string{"{}\n{}": "application/x-ndjson", " [{}]": "application/json", "": "application/x-ndjson"} {
		got, err := s.client.PushEvents(t.Context(), &pb.PushEventsRequest{Name: "departures", Events: []byte(body)})
		if err != nil || !proto.Equal(got, want) || p.got != "departures "+kind+" "+body {
			t.Errorf("%q: %v %v, pushed %q", body, got, err, p.got)
		}
	}
}

// health asks until it is what it comes to: a server listens a moment before it is healthy, if nothing is to be caught up.
func health(t *testing.T, s *served, want string) {
	t.Helper()
	for _, service := range []string{"", "bighead.v1.FeatureService"} {
		for said := ""; said != want; {
			got, err := grpc_health_v1.NewHealthClient(s.conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
			if err != nil {
				t.Fatalf("%q: %v", service, err)
			}
			said = got.Status.String()
		}
	}
}

// services are the names that reflection lists.
func services(ctx context.Context, s *served) (string, error) {
	c, err := grpc_reflection_v1.NewServerReflectionClient(s.conn).ServerReflectionInfo(ctx)
	if err != nil {
		return "", err
	}
	if err := c.Send(&grpc_reflection_v1.ServerReflectionRequest{MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}); err != nil && !errors.Is(err, io.EOF) { // EOF: the status says why
		return "", err
	}
	got, err := c.Recv()
	if err != nil {
		return "", err
	}
	var names []string
	for _, x := range got.GetListServicesResponse().GetService() {
		names = append(names, x.Name)
	}
	return strings.Join(names, " "), c.CloseSend()
}

// A server is SERVING from the end of its catch-up until it is told to stop; what runs then is finished, and nothing new is accepted.
func TestAServerThatStops(t *testing.T) {
	caught := make(chan struct{})
	s := newServed(t, servegrpc.Options{CaughtUp: func() bool {
		select {
		case <-caught:
			return true
		default:
			return false
		}
	}}, servegrpc.Listen{Drain: time.Hour, Hurry: nil, Finish: time.Hour})
	health(t, s, "NOT_SERVING")
	close(caught)
	w, err := grpc_health_v1.NewHealthClient(s.conn).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	until := func(want string) {
		t.Helper()
		for {
			got, err := w.Recv()
			if err != nil {
				t.Fatalf("before %s: %v", want, err)
			}
			if got.Status.String() == want {
				return
			}
		}
	}
	until("SERVING")
	s.stop()
	until("NOT_SERVING")
	if _, err := s.client.GetFeatures(t.Context(), ask()); err != nil {
		t.Errorf("while it drains: %v", err)
	}
}

func TestWhatRunsIsFinished(t *testing.T) {
	s := newServed(t, servegrpc.Options{}, servegrpc.Listen{Finish: time.Hour})
	entered, release := make(chan struct{}), make(chan struct{})
	s.store.SetFault(func(context.Context, []store.Range) error { close(entered); <-release; return nil })
	answered := make(chan error, 1)
	go func() {
		_, err := s.client.GetFeatures(t.Context(), ask())
		answered <- err
	}()
	<-entered
	s.stop()
	select {
	case err := <-s.ended:
		t.Fatalf("ended before what runs: %v", err)
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	s := newServed(t, servegrpc.Options{}, servegrpc.Listen{})
	for address, want := range map[string]string{"0.0.0.0:0": "set [auth] tokens_file, listen on 127.0.0.1, or say --insecure", "nowhere:1:2": "listen on nowhere:1:2"} {
		if err := s.surface.Run(t.Context(), servegrpc.Listen{Address: address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
