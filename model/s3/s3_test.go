package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
	"github.com/bighead-ml/bighead/model/s3"
)

func open(t *testing.T, o s3.Options) *s3.Bucket {
	t.Helper()
	b, err := s3.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// served starts a server of S3 with the bucket "models".
func served(t *testing.T) (address string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a server of S3 is left out with -short")
	}
	home, err := fetch.Moto(t.Context())
	if lacks := new(fetch.UnavailableError); errors.As(err, &lacks) && os.Getenv("BIGHEAD_REQUIRE_ENGINES") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	address, stop, err := home.Serve(context.Background(), "models")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "knows")
	return address
}

// TestBucket keeps objects on a real server, under a prefix: what was written is read, a second time takes its place, and what is not there is said.
func TestBucket(t *testing.T) {
	address := served(t)
	ctx := t.Context()
	b := open(t, s3.Options{Bucket: "models", Prefix: "team/a", Endpoint: address})
	if there, err := b.Has(ctx, "x/y"); there || err != nil {
		t.Errorf("%t, %v", there, err)
	}
	if _, err := b.Get(ctx, "x/y"); !errors.Is(err, model.ErrNoObject) || !strings.Contains(err.Error(), "s3://models/team/a/x/y") {
		t.Error(err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<21) // of several parts
	for _, body := range [][]byte{[]byte("one"), {}, large} {
		if err := b.Put(ctx, "x/y", bytes.NewReader(body), int64(len(body))); err != nil {
			t.Fatal(err)
		}
		r, err := b.Get(ctx, "x/y")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes of %d, %v", len(got), len(body), err)
		}
	}
	if there, err := b.Has(ctx, "x/y"); !there || err != nil {
		t.Errorf("%t, %v", there, err)
	}
	if there, err := open(t, s3.Options{Bucket: "models", Endpoint: address}).Has(ctx, "team/a/x/y"); !there || err != nil {
		t.Errorf("without the prefix: %t, %v", there, err)
	}
	_, err := open(t, s3.Options{Bucket: "modls", Endpoint: address}).Get(ctx, "x")
	if err == nil || !strings.Contains(err.Error(), "there is no bucket modls: make it, or name another") {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.Put(gone, "x", strings.NewReader("x"), 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := b.Put(ctx, "cut", io.MultiReader(strings.NewReader("12"), failing{}), 5); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Error(err)
	}
	if there, err := b.Has(ctx, "cut"); there || err != nil {
		t.Errorf("half of an object is there: %t, %v", there, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// TestArtifact takes an artifact through a real server to another folder.
func TestArtifact(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", served(t)) // as other tools are told
	root, elsewhere := t.TempDir(), t.TempDir()
	name := modeltest.Fixture(t, "xgb_binary").Write(t, root, model.Binary, nil)
	b := open(t, s3.Options{Bucket: "models", Prefix: "p"})
	if err := errors.Join(model.Upload(t.Context(), b, filepath.Join(root, name)), model.Download(t.Context(), b, name, elsewhere)); err != nil {
		t.Fatal(err)
	}
	if m, err := model.ReadManifest(t.Context(), filepath.Join(elsewhere, name)); err != nil || m.Runtime != "tree" {
		t.Errorf("%v, %v", m, err)
	}
}

// TestRefused has a server that lets nobody in: the message says who asked by what.
func TestRefused(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "someone")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "knows")
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=someone/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-north-1/s3/") {
			t.Errorf("asked with %q", r.Header.Get("Authorization"))
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
	}))
	defer h.Close()
	_, err := open(t, s3.Options{Bucket: "models", Endpoint: h.URL, Region: "eu-north-1"}).Get(t.Context(), "x")
	if err == nil || !strings.Contains(err.Error(), "s3://models/x: the credentials may not do this") || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{"s3://abc": "abc ", "s3://abc/": "abc ", "s3://a.b-c/p/q/": "a.b-c p/q"} {
		bucket, prefix, err := s3.Parse(text)
		if got := bucket + " " + prefix; err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "abc", "s3://", "s3:///p", "s3://UPPER/p", "s3://a", "s3://abc/../x", "s3://abc/a//b"} {
		if b, p, err := s3.Parse(text); err == nil {
			t.Errorf("%s is %s and %s", text, b, p)
		}
	}
	for _, endpoint := range []string{"host:9000", "ftp://host", "http://", "http://u:p@host", "http://host/path"} {
		if _, err := s3.Open(s3.Options{Bucket: "abc", Endpoint: endpoint}); err == nil || !strings.Contains(err.Error(), "is no address") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
