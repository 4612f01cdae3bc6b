package remote_test

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/remote"
	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/serve/oip"
)

// TestToken asks a server that lets nobody in without a token, by a certificate of its own: who has both is answered, over HTTP and gRPC; a host
// that is not named gets no token, and none goes without TLS.
func TestToken(t *testing.T) {
	w := newWorld()
	var shown []string
	h := oip.New(oip.Options{Models: w}).Handler()
	s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if shown = append(shown, r.Header.Get("Authorization")); r.Header.Get("Authorization") != "Bearer s3cret" {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(rw, r)
	}))
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	rpc := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&s.TLS.Certificates[0])))
	oip.New(oip.Options{Models: w, Gate: gate.New(nil, 0)}).Register(rpc)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = rpc.Serve(ln) }()
	t.Cleanup(rpc.Stop)
	u, _ := url.Parse(s.URL)
	location, plain := s.URL+"/v2/models/numbers", overHTTP(t, w, false).URL+"/v2/models/numbers"
	for _, c := range []struct {
		o        remote.Options
		location string
		want     string // "": it is opened
	}{
		{remote.Options{CA: ca, Token: "s3cret", Hosts: []string{u.Host}}, location, ""},
		{remote.Options{CA: ca, Token: "s3cret", Hosts: []string{"other", "127.0.0.1"}}, location, ""},
		{remote.Options{CA: ca, Token: "s3cret", Hosts: []string{"127.0.0.1"}}, "grpcs://" + ln.Addr().String() + "/numbers", ""},
		{remote.Options{CA: ca, Token: "s3cret", Hosts: []string{"127.0.0.2", u.Host + "0"}}, location, "401 Unauthorized"},
		{remote.Options{CA: ca, Token: "wrong", Hosts: []string{u.Host}}, location, "401 Unauthorized"},
		{remote.Options{Token: "s3cret", Hosts: []string{u.Host}}, location, "certificate"},
		{remote.Options{Token: "s3cret", Hosts: []string{"127.0.0.1"}}, plain, "not sent without TLS"},
		{remote.Options{CA: ca + "x"}, location, "ca.pemx"},
		{remote.Options{CA: ca, Token: "s3cret"}, plain, ""},
	} {
		shown = nil
		m, err := c.o.Open(t.Context(), c.location)
		switch {
		case c.want != "":
			has(t, err, c.want)
			if strings.Contains(err.Error(), "s3cret") {
				t.Error(err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.location, err)
		default:
			if err := m.Predict(t.Context(), &model.Batch{Rows: 1, Numbers: []float64{1, 2, 0}}, [][]float64{make([]float64, 1)}); err != nil {
				t.Error(err)
			}
			_ = m.Close()
		}
		if len(c.o.Hosts) > 0 && strings.HasPrefix(c.o.Hosts[0], "127.0.0.2") && strings.Join(shown, "") != "" {
			t.Errorf("a host that is not named was shown %q", shown)
		}
	}
}
