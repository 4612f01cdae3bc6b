package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// TestTLS pushes and asks by HTTP and gRPC over TLS, with a token, as [serve.tls] and [auth] say it. Without the token, without TLS, or under a
// certificate that is not trusted, nothing is to be had by either.
func TestTLS(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	cert, key, err := servers.SelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	toml := "[serve]\nlisten = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"30s\"\n[serve.tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n[auth]\ntokens_file = \"tokens\"\n[log]\nlevel = \"warn\"\n"
	for name, text := range map[string]string{"bighead.toml": toml, "cert.pem": string(cert), "key.pem": string(key), "tokens": fmt.Sprintf("app %x read push\n", sha256.Sum256([]byte("good")))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	ctx, stop := context.WithCancel(t.Context())
	var out, log lockedText
	ended := make(chan int)
	go func() {
		c := &cli{stdin: strings.NewReader(""), stdout: &out, stderr: &log}
		ended <- c.run(ctx, []string{"--project", dir, "up"})
	}()
	defer func() {
		stop()
		if code := <-ended; code != exitGood && code != exitInterrupted {
			t.Errorf("up ended with %d:\n%s", code, log.String())
		}
	}()
	after := func(what, end string) string {
		return awaited(t, func() string {
			_, rest, _ := strings.Cut(log.String(), what)
			at, _, found := strings.Cut(rest, end)
			return map[bool]string{true: at}[found]
		})
	}
	url, address := "https://"+after("on https://", ": "), after("gRPC on ", "\n")
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(cert)
	secure := &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}

	byHTTP := func(config *tls.Config, url, token, body string) (int, string, error) {
		k := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := k.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return res.StatusCode, string(text), err
	}
	const event, row = `[{"k":"z","ts":"2024-01-01T12:00:00Z","x":41}]`, `{"rows":[{"k":"z"}]}`
	if code, text, err := byHTTP(secure, url+"/v1/events/e", "good", event); err != nil || code != http.StatusOK || !strings.Contains(text, `"accepted":1`) {
		t.Fatalf("a push by HTTP: %d %s %v", code, text, err)
	}
	for name, c := range map[string]struct {
		config     *tls.Config
		url, token string
		code       int // 0: no answer at all
	}{
		"good": {secure, url, "good", http.StatusOK}, "no token": {secure, url, "", http.StatusUnauthorized}, "a wrong token": {secure, url, "guessed", http.StatusUnauthorized},
		"no TLS": {nil, strings.Replace(url, "https", "http", 1), "good", http.StatusBadRequest}, "a certificate that is not trusted": {nil, url, "good", 0},
	} {
		code, text, err := byHTTP(c.config, c.url+"/v1/features/v", c.token, row)
		if code != c.code || (err != nil) != (c.code == 0) || c.code != http.StatusOK && strings.Contains(text, "41") {
			t.Errorf("HTTP, %s: %d %s %v", name, code, text, err)
		}
	}

	ask := &pb.GetFeaturesRequest{View: "v", Fields: []string{"k"}, Rows: []*pb.Row{{Values: []*pb.Value{{Kind: &pb.Value_StringValue{StringValue: "z"}}}}}}
	byGRPC := func(creds credentials.TransportCredentials, token string) (string, error) {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		call := t.Context()
		if token != "" {
			call = metadata.AppendToOutgoingContext(call, "authorization", "Bearer "+token)
		}
		got, err := pb.NewFeatureServiceClient(conn).GetFeatures(call, ask)
		return fmt.Sprint(got), err
	}
	awaited(t, func() string {
		text, err := byGRPC(credentials.NewTLS(secure), "good")
		if err != nil {
			t.Fatal(err)
		}
		return containingOr(text, "41")
	})
	for name, c := range map[string]struct {
		creds credentials.TransportCredentials
		token string
		code  codes.Code
	}{
		"no token": {credentials.NewTLS(secure), "", codes.Unauthenticated}, "a wrong token": {credentials.NewTLS(secure), "guessed", codes.Unauthenticated},
		"no TLS": {insecure.NewCredentials(), "good", codes.Unavailable}, "a certificate that is not trusted": {credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), "good", codes.Unavailable},
	} {
		if text, err := byGRPC(c.creds, c.token); status.Code(err) != c.code || strings.Contains(text, "41") {
			t.Errorf("gRPC, %s: %s %v", name, text, err)
		}
	}
}
