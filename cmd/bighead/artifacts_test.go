package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
)

// TestArtifactsInABucket deploys a version whose artifact another machine then fetches: the folder here is only what was needed here.
func TestArtifactsInABucket(t *testing.T) {
	address := s3Server(t)
	dir := smallProject(t, predictingFeatures)
	set := func(artifacts string) {
		t.Helper()
		text := "[models]\nartifacts = \"" + artifacts + "\"\n[files.s3]\nendpoint = \"" + address + "\"\n[serve]\nlisten = \"127.0.0.1:0\"\n"
		if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, out, stderr := bighead(t, dir, args...); code != exitMistake || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
	mustRun(t, dir, "apply", "--yes")
	registerVersion(t, dir, "lgb_binary", nil)
	set("gs://models")
	refused(`[models] artifacts = "gs://models": models lie in a folder, or in s3://bucket/prefix`, "deploy", "m", "--to", "late")
	set("s3://")
	refused("[models] artifacts: \"s3://\" names no bucket", "deploy", "m", "--to", "late")
	set("s3://models/flights")
	mustRun(t, dir, "deploy", "m", "--to", "late") // it was made before there was a bucket, and goes there now
	forget := func() {
		t.Helper()
		if err := os.RemoveAll(artifactsFolder(dir)); err != nil {
			t.Fatal(err)
		}
	}
	forget() // as on another machine
	if row := predictOf(t, dir); row.Version == nil || *row.Version != 1 {
		t.Errorf("%+v", row)
	}
	forget()
	mustRun(t, dir, "deploy", "m@1", "--to", "late", "--reason", "it is fetched to be opened")
	forget()
	set("s3://modls")
	refused("there is no bucket modls", "deploy", "m", "--to", "late")
	elsewhere := filepath.Join(t.TempDir(), "shared")
	set(elsewhere)
	refused("m@1 cannot be opened", "deploy", "m", "--to", "late")
}

// s3Server starts a server of S3 with the bucket "models", and gives its address.
func s3Server(t *testing.T) string {
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

// TestTrainIntoABucket registers a version only once its artifact is where others find it.
func TestTrainIntoABucket(t *testing.T) {
	dir := trainProject(t)
	t.Setenv("BIGHEAD_FILES_S3_ENDPOINT", s3Server(t))
	t.Setenv("BIGHEAD_MODELS_ARTIFACTS", "s3://modls/flights")
	if code, out, stderr := trained(t, dir); code != exitOutside || !strings.Contains(stderr, "the version is not registered, for others would not find it: ") || !strings.Contains(stderr, "there is no bucket modls") {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	if out := mustRun(t, dir, "models", "--json"); strings.TrimSpace(out) != "[]" {
		t.Error(out)
	}
	t.Setenv("BIGHEAD_MODELS_ARTIFACTS", "s3://models/flights")
	if code, out, stderr := trained(t, dir); code != exitGood || !strings.Contains(stderr, "to s3://models/flights/") {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	if err := os.RemoveAll(artifactsFolder(dir)); err != nil {
		t.Fatal(err)
	}
	c := &cli{dir: dir, stdout: io.Discard, stderr: io.Discard}
	p, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	lies, err := artifactsOf(p)
	if err != nil {
		t.Fatal(err)
	}
	var versions []listedVersion
	if err := json.Unmarshal([]byte(mustRun(t, dir, "models", "--json")), &versions); err != nil || len(versions) != 1 {
		t.Fatalf("%v, %v", versions, err)
	}
	if m, err := lies.manifest(t.Context(), versions[0].Artifact); err != nil || m.Model != "m" {
		t.Errorf("%v, %v", m, err)
	}
}
