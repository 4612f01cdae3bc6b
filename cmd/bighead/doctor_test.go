package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/secure/securetest"
)

// closedPort is an address at which nothing listens while the test lasts: its port is that of a connection of ours, which nobody else can take meanwhile.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}

// answering is a server of HTTP that gives one answer to everything.
func answering(t *testing.T, code int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// answeringTLS are two servers that give one answer over TLS, under certificates of an authority, whose file is ca; the second wants one of its clients'.
func answeringTLS(t *testing.T, body string) (open, mutual, ca string) {
	t.Helper()
	a := securetest.New(t)
	start := func(c *tls.Config) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		s.TLS, s.Config.ErrorLog = c, log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	own := []tls.Certificate{a.Sign(time.Hour, "127.0.0.1").Own}
	return start(&tls.Config{Certificates: own}), start(&tls.Config{Certificates: own, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool}), a.File
}

// answeringGRPC is a server of gRPC that answers every call with one status.
func answeringGRPC(t *testing.T, code codes.Code) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(code, "no") }))
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// Each cluster that bighead.toml names has a line: in which version it answers, or what is wrong and what to do.
func TestDoctorLooksForClusters(t *testing.T) {
	info := func(product, version string) string {
		return fmt.Sprintf(`{"productName":%q,"version":%q}`, product, version)
	}
	trusted, mutual, authority := answeringTLS(t, info("Apache Flink", "2.3.0"))
	overTLS := func(toml, ca string) string {
		return strings.Replace(toml, "http://", "https://", 1) + "[flink.tls]\nca = \"" + ca + "\"\n"
	}
	gone := closedPort(t)
	spark := func(at string) string { return "[batch]\nremote = \"sc://" + at + "\"\n" }
	flink := func(at string) string { return "[stream]\ngateway = \"http://" + at + "\"\n" }
	registry := func(at string) string {
		return "[stream]\nbrokers = [\"" + gone + "\"]\nregistry = \"http://" + at + "\"\n"
	}
	for name, c := range map[string]struct{ toml, says, cure string }{
		"nothing is named":           {"", "definitions: ", ""},
		"spark is chosen, not named": {"[batch]\nengine = \"spark\"\n", "BAD  Spark: [batch] engine = \"spark\", and nothing says where it is", "set [batch] remote"},
		"spark is away":              {spark(gone), "BAD  Spark: spark at " + gone, "nothing listens there: start the server, or correct [batch] remote"},
		"spark is a web server":      {spark(answering(t, 200, "hello")), "BAD  Spark: ", "speaks another protocol"},
		"spark lets nobody in":       {spark(answeringGRPC(t, codes.Unauthenticated)), "it does not let us in; put the token that it wants into [batch] remote, sc://host:port/;token=…", "lets nobody in who does not log in"},
		"spark is another gRPC":      {spark(answeringGRPC(t, codes.Unimplemented)), "no Spark Connect server is there", "speaks another protocol"},
		"spark has no TLS":           {spark(answeringGRPC(t, codes.Internal) + "/;token=secret"), "it speaks no TLS, which use_ssl and token ask for", "TLS"},
		"stage is a bucket":          {spark(gone) + "stage = \"s3://b/stage\"\n", "BAD  stage: s3://b/stage is no folder of this machine", "set [batch] stage to a folder"},
		"spark has another form":     {"[batch]\nremote = \"" + gone + "\"\n", "BAD  Spark: spark remote: it does not begin with sc://", "correct [batch] remote"},
		"flink is chosen, not named": {"[stream]\nengine = \"flink\"\n", "BAD  Flink: [stream] engine = \"flink\", and nothing says where it is", "set [stream] gateway"},
		"flink is away":              {flink(gone), "BAD  Flink: ", "nothing listens there: start the server, or correct [stream] gateway"},
		"flink":                      {flink(answering(t, 200, info("Apache Flink", "2.3.0"))), "ok   Flink: http://127.0.0.1:", ""},
		"flink is old":               {flink(answering(t, 200, info("Apache Flink", "1.18.1"))), "Flink 1.18.1; the SQL that it is handed is for Flink 2 and newer", "start Flink 2"},
		"flink is something else":    {flink(answering(t, 200, info("Other", "1"))), "says that it is \"Other\", not Apache Flink", "speaks another protocol"},
		"flink is a page":            {flink(answering(t, 200, "<html>")), "its answer cannot be read", "speaks another protocol"},
		"flink lets nobody in":       {flink(answering(t, 401, "")), ": it refuses us: 401 Unauthorized\n", "set token, or user and password, under [flink] to what it takes"},
		"registry":                   {registry(answering(t, 200, `["a-value","b-value"]`)), "ok   schema registry: it answers, and has 2 subjects", ""},
		"registry is away":           {registry(gone), "BAD  schema registry: ", "nothing listens there: start the server, or correct [stream] registry"},
		"registry lets nobody in":    {registry(answering(t, 401, `{"error_code":401,"message":"Unauthorized"}`)), "BAD  schema registry: ", "lets nobody in who does not log in"},
		"registry without brokers":   {"[stream]\nregistry = \"http://" + gone + "\"\n", "BAD  schema registry: it is named, and no brokers are", "set [stream] brokers"},
		"flink's TLS is trusted":     {overTLS(flink(trusted), authority), "ok   Flink: https://127.0.0.1:", ""},
		"flink's TLS is not trusted": {overTLS(flink(trusted), ""), "BAD  Flink: flink gateway at https://", "nobody who is trusted here has signed its certificate: name by ca under [flink.tls]"},
		"flink wants a certificate":  {overTLS(flink(mutual), authority), "BAD  Flink: flink gateway at https://", "name that by cert and key under [flink.tls]"},
		"flink has TLS":              {flink(trusted), "it speaks TLS, and was asked without\n", "write https:// in [stream] gateway"},
		"registry's TLS":             {strings.Replace(registry(trusted), "registry = \"http:", "registry = \"https:", 1), "BAD  schema registry: ", "nobody who is trusted here has signed its certificate: name by ca under [stream.tls]"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := smallProject(t, smallFeatures)
			if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(c.toml), 0o644); err != nil {
				t.Fatal(err)
			}
			_, out, stderr := bighead(t, dir, "doctor")
			if !strings.Contains(out, c.says) || !strings.Contains(out, c.cure) || strings.Contains(c.says, "ok   Flink") && !strings.Contains(out, "answers, Flink 2.3.0\n") {
				t.Errorf("doctor does not say %q and %q\n%s%s", c.says, c.cure, out, stderr)
			}
		})
	}
}

// TestCureOf: a port that reads like a status is none.
func TestCureOf(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:40345: it says that it is \"Other\", not Apache Flink": "speaks another protocol",
		"http://10.0.0.1:401/info: not JSON":                                     "start the server",
		"flink gateway at http://h:8083: 401 Unauthorized":                       "lets nobody in",
		"http://h:8083: status 403":                                              "lets nobody in",
	} {
		if got := cureOf(errors.New(text), "[stream] gateway"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}
