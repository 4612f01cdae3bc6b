package server

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/secure"
)

// shared is the one server of an engine that a test binary has.
type shared[S running] struct {
	once    sync.Once
	start   func(context.Context) (S, error)
	server  S
	started bool
	err     error
}

// running is an engine or a broker.
type running interface {
	Stop()
	Logs() string
}

var (
	spark = &shared[*Server]{start: StartSpark}
	flink = &shared[*Server]{start: StartFlink}
	kafka = &shared[*Broker]{start: StartKafka}

	metastore = &shared[*Server]{start: StartMetastore}
	sparkHive = &shared[*Server]{start: func(ctx context.Context) (*Server, error) { return StartSparkOnHive(ctx, metastore.server.URL) }}

	inMain bool
)

// Main runs the tests and ends what they started. It is the body of a TestMain.
func Main(m *testing.M) int {
	inMain = true
	defer func() {
		spark.stop()
		flink.stop()
		kafka.stop()
		sparkHive.stop()
		metastore.stop()
	}()
	return m.Run()
}

func (s *shared[S]) stop() {
	if s.started {
		s.server.Stop()
	}
}

// get starts the engine if no test has yet, and skips or fails the test where it cannot be had.
func (s *shared[S]) get(t testing.TB) S {
	t.Helper()
	if !inMain {
		t.Fatal("this test binary has no TestMain that calls server.Main, so nothing would end the engine")
	}
	if testing.Short() {
		t.Skip("the real engines are left out with -short")
	}
	s.once.Do(func() {
		s.server, s.err = s.start(context.Background())
		s.started = s.err == nil
	})
	lacking(t, s.err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the engine's logs:\n%s", s.server.Logs())
		}
	})
	return s.server
}

// lacking ends the test where an engine could not be had: skipped where the machine lacks what it needs, unless all are required.
func lacking(t testing.TB, err error) {
	t.Helper()
	var lacks *fetch.UnavailableError
	switch {
	case err == nil:
	case errors.As(err, &lacks) && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// Own starts an engine of the test's own, which it may break, and skips or fails the test where it can't be had.
func Own(t testing.TB, start func(context.Context) (*Server, error)) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("the real engines are left out with -short")
	}
	s, err := start(t.Context())
	lacking(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the engine's logs:\n%s", s.Logs())
		}
		s.Stop()
	})
	return s
}

// SparkURL is where the test binary's Spark listens.
func SparkURL(t testing.TB) string {
	t.Helper()
	return spark.get(t).URL
}

// Spark gives the test a session on the test binary's Spark.
func Spark(t testing.TB) *connect.Session {
	t.Helper()
	return session(t, spark.get(t).URL)
}

func session(t testing.TB, url string) *connect.Session {
	t.Helper()
	s, err := connect.Open(t.Context(), url, secure.TLS{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the session: %v", err)
		}
	})
	return s
}

// Metastore is where the test binary's Hive metastore listens: thrift://127.0.0.1:port.
func Metastore(t testing.TB) string {
	t.Helper()
	return metastore.get(t).URL
}

// SparkOnHive gives the test a session on a Spark whose catalogue is the test binary's metastore; the URL is for engines.
func SparkOnHive(t testing.TB) (s *connect.Session, url string) {
	t.Helper()
	metastore.get(t)
	url = sparkHive.get(t).URL
	return session(t, url), url
}

// Flink gives the test a session on the test binary's Flink, in batch mode.
func Flink(t testing.TB) *gateway.Session {
	t.Helper()
	s, err := gateway.Open(t.Context(), flink.get(t).URL, map[string]string{"execution.runtime-mode": "batch"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the session: %v", err)
		}
	})
	return s
}

// FlinkServer is the test binary's Flink.
func FlinkServer(t testing.TB) *Server {
	t.Helper()
	return flink.get(t)
}

// Kafka gives the test the test binary's broker. Tests that run one after the other may take it down, and bring it up again.
func Kafka(t testing.TB) *Broker {
	t.Helper()
	return kafka.get(t)
}

// NoFlinkJobs waits until no job runs on the test binary's Flink; a test that cancels one ends with it.
func NoFlinkJobs(t testing.TB) {
	t.Helper()
	s := flink.get(t)
	for {
		var overview struct {
			Running int `json:"jobs-running"`
		}
		if err := get(t.Context(), s.JobManager+"/overview", &overview); err != nil {
			t.Fatal(err)
		}
		if overview.Running == 0 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("jobs still run")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
