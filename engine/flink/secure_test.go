package flink

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/secure/securetest"
)

// TestSecureFlink asks a Flink of which JobManager and SQL gateway speak TLS and want a certificate of whoever asks: a query runs, the JobManager is found,
// and what is lacking is told by its setting, by either of the two.
func TestSecureFlink(t *testing.T) {
	a := securetest.New(t)
	ours, theirs := a.Sign(time.Hour), securetest.New(t).Sign(time.Hour)
	f := server.Own(t, func(ctx context.Context) (*server.Server, error) {
		return server.StartSecureFlink(ctx, a.File, secure.TLS{Cert: ours.Cert, Key: ours.Key})
	})
	whole := secure.TLS{CA: f.CA, Cert: ours.Cert, Key: ours.Key}
	r := NewRunner(f.URL, "", gateway.Access{TLS: whole}, Options{})
	version, manager, err := r.Cluster(t.Context())
	if err != nil || !strings.HasPrefix(version, flinkMajor) || manager != f.JobManager {
		t.Errorf("it is version %q at %s, %v", version, manager, err)
	}
	if id, err := r.Find(t.Context(), "nothing"); id != "" || err != nil {
		t.Errorf("a job of that name is %q, %v", id, err)
	}
	s, err := gateway.Access{TLS: whole}.Open(t.Context(), f.URL, map[string]string{"execution.runtime-mode": "batch"})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := s.Query(t.Context(), "SELECT SUM(x) FROM (VALUES (1), (2)) AS t(x)"); err != nil || len(res.Rows) != 1 {
		t.Errorf("a query gives %v, %v", res.Rows, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	plain := func(at string) string { return strings.Replace(at, "https:", "http:", 1) }
	for name, c := range map[string]struct {
		gateway, manager string
		tls              secure.TLS
		says             []string
	}{
		"not trusted":       {f.URL, f.JobManager, secure.TLS{Cert: ours.Cert, Key: ours.Key}, []string{"name by ca under [flink.tls]"}},
		"no certificate":    {f.URL, f.JobManager, secure.TLS{CA: f.CA}, []string{"name that by cert and key under [flink.tls]"}},
		"of another's":      {f.URL, f.JobManager, secure.TLS{CA: f.CA, Cert: theirs.Cert, Key: theirs.Key}, []string{"cert and key under [flink.tls]"}},
		"asked without TLS": {plain(f.URL), plain(f.JobManager), whole, []string{"it speaks TLS, and was asked without"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gateway.Access{TLS: c.tls}.Version(t.Context(), c.gateway)
			_, other := (&Cluster{JobManager: c.manager, Access: gateway.Access{TLS: c.tls}, Within: time.Minute}).version(t.Context())
			for _, err := range []error{err, other} {
				for _, want := range c.says {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("it says %v, want %s", err, want)
					}
				}
				t.Log(err)
			}
		})
	}
}
