package spark_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/engine/spark/connect/pb"
)

// stub is a Connect server that says which version it is, and knows nothing else.
type stub struct {
	pb.UnimplementedSparkConnectServiceServer
	version string

	mu    sync.Mutex
	asked int // for its version
	other []string
}

func (s *stub) ExecutePlan(req *pb.ExecutePlanRequest, out grpc.ServerStreamingServer[pb.ExecutePlanResponse]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sql := req.GetPlan().GetRoot().GetSql().GetQuery()
	switch {
	case req.GetPlan().GetCommand() != nil: // set
		return nil
	case sql == "select 1":
		return nil
	case sql != "select version()":
		s.other = append(s.other, sql)
		return status.Error(codes.Internal, "[NOT_HERE] this is a stub. SQLSTATE: 00000")
	}
	s.asked++
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "version()", Type: arrow.BinaryTypes.String}}, nil), strings.NewReader(`[{"version()":"`+s.version+`"}]`))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := ipc.NewWriter(&b, ipc.WithSchema(rec.Schema()))
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		return err
	}
	return out.Send(&pb.ExecutePlanResponse{ResponseType: &pb.ExecutePlanResponse_ArrowBatch_{ArrowBatch: &pb.ExecutePlanResponse_ArrowBatch{RowCount: 1, Data: b.Bytes()}}})
}

func (s *stub) ReleaseSession(context.Context, *pb.ReleaseSessionRequest) (*pb.ReleaseSessionResponse, error) {
	return &pb.ReleaseSessionResponse{}, nil
}

// listen gives the address of a stub.
func (s *stub) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	pb.RegisterSparkConnectServiceServer(g, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return l.Addr().String()
}

// A Spark that the SQL is not for is refused before it is asked for anything, by whatever asks; a version is asked for once a session.
func TestAnOldSparkIsRefused(t *testing.T) {
	b, in := groupPlan(t)
	for version, want := range map[string]string{"3.5.6 8d2": "3.5.6", "4.0.0 1a2": "", "5.1.0": "", "vendor-7": ""} {
		s := &stub{version: version}
		at := s.listen(t)
		e := spark.New(spark.Options{Connect: "sc://" + at + "/;user_id=me", Stage: t.TempDir()})
		for range 2 {
			_, err := e.Run(t.Context(), b, in, discard)
			var old *spark.OldError
			switch {
			case want == "":
				if errors.As(err, &old) || err == nil || !strings.Contains(err.Error(), "NOT_HERE") {
					t.Errorf("%s: %v", version, err)
				}
			case !errors.As(err, &old) || len(s.other) > 0:
				t.Errorf("%s: %v; it is asked %q", version, err, s.other)
			case !strings.HasPrefix(err.Error(), "spark at "+at+": it is Spark "+want+", ") || !strings.Contains(err.Error(), "4.3 is tested") || !strings.Contains(err.Error(), "[batch] remote"):
				t.Errorf("%s: %v", version, err)
			}
		}
		if got, err := e.Version(t.Context()); err != nil || !strings.HasPrefix(version, got) || got == "" {
			t.Errorf("%s: asked for its version it says %q, %v", version, got, err)
		}
		if want == "" && s.asked != 1 {
			t.Errorf("%s: it was asked %d times for its version", version, s.asked)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
