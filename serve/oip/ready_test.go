package oip_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bighead-ml/bighead/model/tensor/pb"
	"github.com/bighead-ml/bighead/serve/oip"
)

// dial is a client of the protocol's service over gRPC.
func dial(t *testing.T, address string) pb.GRPCInferenceServiceClient {
	t.Helper()
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return pb.NewGRPCInferenceServiceClient(c)
}

// TestReadiness asks whether models are ready that are well, unwell, and do not say: all three have an answer within the deadline.
func TestReadiness(t *testing.T) {
	w := newWorld()
	o := oip.Options{Deadline: 20 * time.Millisecond}
	s, c := serveHTTP(t, w, o), dial(t, serveGRPC(t, w, o))
	for unwell, want := range map[string]struct {
		status     int
		body       string
		ready      bool
		index, say string
	}{
		"":           {200, `{"name":"late","ready":true}`, true, "READY", ""},
		"a headache": {503, `is not ready: a headache`, false, "UNAVAILABLE", "it is unwell"},
		"hangs":      {503, `is not ready: hangs`, false, "UNAVAILABLE", "it is unwell"},
	} {
		w.unwell.Store(unwell)
		for _, version := range []string{"", "/versions/1"} {
			if status, _, got := ask(t, s, "GET", "/v2/models/late"+version+"/ready", nil); status != want.status || !strings.Contains(string(got), want.body) {
				t.Errorf("%q: %d %s", unwell, status, got)
			}
			got, err := c.ModelReady(t.Context(), &pb.ModelReadyRequest{Name: "late", Version: strings.TrimPrefix(version, "/versions/")})
			if err != nil || got.GetReady() != want.ready {
				t.Errorf("%q: %v, %v", unwell, got, err)
			}
		}
		if _, _, got := ask(t, s, "POST", "/v2/repository/index", nil); !strings.HasPrefix(string(got), `[{"name":"late","version":"1","state":"`+want.index+`","reason":"`+want.say+`"}`) {
			t.Errorf("%q: %s", unwell, got)
		}
		got, err := c.RepositoryIndex(t.Context(), &pb.RepositoryIndexRequest{})
		if err != nil || got.GetModels()[0].GetState() != want.index || got.GetModels()[0].GetReason() != want.say {
			t.Errorf("%q: %v, %v", unwell, got, err)
		}
		if got, err = c.RepositoryIndex(t.Context(), &pb.RepositoryIndexRequest{Ready: true}); err != nil || (len(got.GetModels()) == 3) != want.ready {
			t.Errorf("%q: %v, %v", unwell, got, err)
		}
	}
}
