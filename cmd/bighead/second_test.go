package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	redisserver "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// TestSecondCache cuts the store off: a server that nobody has asked yet answers what another one had answered, and says that it is stale.
func TestSecondCache(t *testing.T) {
	wire, l2 := redisserver.NewWire(t, redisserver.Redis(t).Addr), redisserver.Redis(t)
	dir := smallProject(t, strings.Replace(smallFeatures, `keys=["k"], `, `keys=["k"], deadline="20s", `, 1))
	toml := "[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"30s\"\nsecond_cache = \"redis://" + l2.Addr + "\"\n[log]\nlevel = \"error\"\n" + longLease + onRedis("redis://"+wire.Addr)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "apply", "--yes")
	one, other := startUp(t, dir), startUp(t, dir)
	now := time.Now().UTC().Format(time.RFC3339)
	mustRun(t, dir, "push", "e", lineFile(t, `{"k":"a","ts":"`+now+`","x":5}`))
	const body = `{"rows":[{"k":"a"}],"features":["g__x_last"],"status":true}`
	awaited(t, func() string { return containingOr(said(t, one, body), "[5]") })
	awaited(t, func() string { // each second what it says then is kept there: what it said before the event came may be there still
		said(t, one, body)
		kept := l2.Command(t, "eval", `local all = "" for _, k in ipairs(redis.call("keys", "*")) do all = all .. redis.call("get", k) end return all`, "0")
		return containingOr(kept, string(value.Append(nil, value.OfInt(5))))
	})
	if m := one.metrics(); !strings.Contains(m, `bighead_cache_total{level="l2",result="written"}`) {
		t.Errorf("the metrics say nothing of what was written to the second cache:\n%s", m)
	}
	wire.Cut()
	if text := awaited(t, func() string { return containingOr(said(t, other, body), "[5]") }); !strings.Contains(text, "stale") {
		t.Errorf("the store is cut off, and the other server says %s", text)
	}
	if text := said(t, other, strings.Replace(body, `"a"`, `"b"`, 1)); !strings.Contains(text, "failed") {
		t.Errorf("nobody has asked for b, and the server says %s", text)
	}
	wire.Mend()
	awaited(t, func() string { return containingOr(said(t, other, body), "partial") }) // batch's part of the history is not loaded
}

// said is what a server answers.
func said(t *testing.T, r *running, body string) string {
	t.Helper()
	res, err := http.Post(r.url+"/v1/features/v", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
