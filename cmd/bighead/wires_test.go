package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// TestWires asks one server by gRPC and in the shapes of Feast and Chronon, under tokens that change while it runs.
func TestWires(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	toml := "[serve]\nlisten = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"30s\"\n[auth]\ntokens_file = \"tokens\"\n[log]\nlevel = \"warn\"\n"
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	tokens := func(secret string) {
		text := fmt.Sprintf("app %x read push predict\n", sha256.Sum256([]byte(secret)))
		if err := os.WriteFile(filepath.Join(dir, "tokens"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tokens("old")
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
	after := func(what, end string) string {
		return awaited(t, func() string {
			_, rest, _ := strings.Cut(log.String(), what)
			at, _, found := strings.Cut(rest, end)
			if !found {
				return ""
			}
			return at
		})
	}
	url, address := "http://"+after("on http://", ": "), after("gRPC on ", "\n")
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := pb.NewFeatureServiceClient(conn)
	as := func(secret string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+secret)
	}
	pushed, err := client.PushEvents(as("old"), &pb.PushEventsRequest{Name: "e", Events: []byte(`{"k":"z","ts":"2024-01-01T12:00:00Z","x":41}` + "\n" + `{"k":"z","ts":"2024-01-01T12:00:00Z","x":"no"}`)})
	if err != nil || len(pushed.Sources) != 1 || pushed.Sources[0].Accepted != 1 || len(pushed.Sources[0].Rejected) != 1 {
		t.Fatalf("%v %v", pushed, err)
	}
	ask := &pb.GetFeaturesRequest{View: "v", Fields: []string{"k"}, Rows: []*pb.Row{{Values: []*pb.Value{{Kind: &pb.Value_StringValue{StringValue: "z"}}}}}}
	awaited(t, func() string {
		got, err := client.GetFeatures(as("old"), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range got.Rows[0].GetValues() {
			if v.GetIntValue() == 41 || v.GetFloatValue() == 41 {
				return "41"
			}
		}
		return ""
	})
	tokens("new")
	awaited(t, func() string {
		if _, err := client.GetFeatures(as("new"), ask); err != nil {
			return ""
		}
		return "in force"
	})
	if _, err := client.GetFeatures(as("old"), ask); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a token that is gone: %v", err)
	}
	if _, err := pb.NewPredictionServiceClient(conn).Predict(as("new"), &pb.PredictRequest{Endpoint: "late"}); status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), `no endpoint "late" is served`) {
		t.Errorf("predictions are not asked of the endpoints: %v", err)
	}
	for path, c := range map[string][2]string{
		"/v1/features/groupby/g": {`[{"k": "z"}]`, `{"results":[{"status":"Success","entityKeys":{"k":"z"},"features":{"`},
		"/v1/features/join/v":    {`[{"k": "z"}]`, `{"results":[{"status":"Success","entityKeys":{"k":"z"},"features":{"g__`},
		"/get-online-features":   {`{"feature_service": "v", "entities": {"k": ["z"]}}`, `{"metadata":{"feature_names":["k","g__`},
		"/push":                  {`{"push_source_name": "e", "df": {"k": ["y"], "ts": ["2024-01-01T12:00:01Z"], "x": [5]}}`, "null"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(c[0]))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer new")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), c[1]) {
			t.Errorf("%s: %d %s %v", path, res.StatusCode, body, err)
		}
	}
	stop()
	if code := <-ended; code != exitGood && code != exitInterrupted {
		t.Fatalf("up ended with %d:\n%s", code, log.String())
	}
}
