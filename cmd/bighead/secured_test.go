package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/secure/securetest"
)

// securedProject is a project with settings; certificates lie in its folder, whence they are named.
func securedProject(t *testing.T, a *securetest.Authority, toml string) *project.Project {
	t.Helper()
	dir := smallProject(t, smallFeatures)
	ours := a.Sign(time.Hour)
	for from, to := range map[string]string{a.File: "ca.pem", ours.Cert: "cert.pem", ours.Key: "key.pem"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := project.Open(dir, project.Options{Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const securedFiles = "ca = \"ca.pem\"\ncert = \"cert.pem\"\nkey = \"key.pem\"\nserver_name = \"cluster.example\"\n"

// TestFlinkIsSecured asks a gateway that wants all that can be set: each setting, left out, is missed; none is printed.
func TestFlinkIsSecured(t *testing.T) {
	t.Setenv("FLINK_SECRET", "hush-hush")
	a := securetest.New(t)
	wants := func(header string) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != header {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			io.WriteString(w, `{"productName":"Apache Flink","version":"2.3.0"}`)
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{a.Sign(time.Hour, "cluster.example").Own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	for _, login := range []struct{ url, toml string }{
		{wants("Bearer hush-hush"), "token = \"${env:FLINK_SECRET}\"\n"},
		{wants("Basic dXM6aHVzaC1odXNo"), "user = \"us\"\npassword = \"${env:FLINK_SECRET}\"\n"},
	} {
		toml := fmt.Sprintf("[stream]\ngateway = %q\n[flink]\n%s[flink.tls]\n%s", login.url, login.toml, securedFiles)
		p := securedProject(t, a, toml)
		if v, err := flinkVersion(t.Context(), p, login.url); v != "2.3.0" || err != nil {
			t.Errorf("with\n%s\nit answers %q, %v", toml, v, err)
		}
		for line := range strings.Lines(login.toml + securedFiles) {
			if _, err := flinkVersion(t.Context(), securedProject(t, a, strings.Replace(toml, line, "", 1)), login.url); err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("without %s it says %v", strings.TrimSpace(line), err)
			}
		}
		if out := mustRun(t, p.Root, "config"); strings.Contains(out, "hush") || !strings.Contains(out, "flink.tls.server_name") {
			t.Errorf("config prints\n%s", out)
		}
	}
	// A job is not even begun with what does not go together.
	p := securedProject(t, a, "[stream]\nengine = \"flink\"\ngateway = \"https://h\"\nbrokers = [\"h:1\"]\n[flink]\ntoken = \"${env:FLINK_SECRET}\"\nuser = \"us\"\n")
	if _, err := openRunner(p); err == nil || !strings.Contains(err.Error(), "both a token and a user") {
		t.Errorf("the runner says %v", err)
	}
}

// TestHiveIsSecured has a listener tell whether TLS came about with a certificate of ours, as all that can be set says; each setting, left out, is missed.
func TestHiveIsSecured(t *testing.T) {
	a := securetest.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{a.Sign(time.Hour, "cluster.example").Own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool}
	came := make(chan bool, 1)
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			over := tls.Server(c, config)
			came <- over.HandshakeContext(t.Context()) == nil
			over.Close()
		}
	})
	toml := fmt.Sprintf("[hive]\nmetastore = [\"thrift://%s\"]\n[hive.tls]\nenabled = true\n%s", l.Addr(), securedFiles)
	asked := func(toml string) (bool, error) {
		tables, err := openTables(securedProject(t, a, toml), "hive")
		if err != nil {
			return false, err
		}
		err = tables.Ping(t.Context())
		if err == nil || !strings.Contains(err.Error(), "[hive.tls]") {
			t.Errorf("with\n%s\nit says %v", toml, err)
		}
		return <-came, err
	}
	if good, err := asked(toml); !good {
		t.Errorf("TLS does not come about: %v", err)
	}
	for line := range strings.Lines("enabled = true\n" + securedFiles) {
		if good, err := asked(strings.Replace(toml, line, "", 1)); good {
			t.Errorf("without %s TLS comes about all the same: %v", strings.TrimSpace(line), err)
		}
	}
	if _, err := asked(strings.Replace(toml, "enabled = true\n", "", 1)); err == nil || !strings.Contains(err.Error(), "write enabled = true there") {
		t.Errorf("settings of TLS that is not spoken say %v", err)
	}
}

// TestSparkIsSecured asks a server that wants all that can be set, and is no Spark: that is found out once TLS has come about, which it does not where a setting is left out.
func TestSparkIsSecured(t *testing.T) {
	a := securetest.New(t)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{a.Sign(time.Hour, "cluster.example").Own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool}
	s.StartTLS()
	t.Cleanup(s.Close)
	remote := "sc://" + s.Listener.Addr().String() + "/;use_ssl=true"
	toml := fmt.Sprintf("[batch]\nremote = %q\n[spark.tls]\n%s", remote, securedFiles)
	const none = "no Spark Connect server is there"
	for who, ask := range map[string]func(p *project.Project) error{
		"the doctor": func(p *project.Project) error {
			_, err := sparkVersion(t.Context(), p, remote)
			return err
		},
		"the engine": func(p *project.Project) error {
			e, err := engineNamed("spark", optionsOf(p))
			if err == nil {
				_, err = e.(*spark.Engine).Version(t.Context())
			}
			return err
		},
	} {
		if err := ask(securedProject(t, a, toml)); err == nil || !strings.Contains(err.Error(), none) {
			t.Errorf("%s, with all that it wants: %v", who, err)
		}
		for line := range strings.Lines(securedFiles) {
			if err := ask(securedProject(t, a, strings.Replace(toml, line, "", 1))); err == nil || strings.Contains(err.Error(), none) {
				t.Errorf("%s, without %s: %v", who, strings.TrimSpace(line), err)
			}
		}
	}
}
