package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/store"
)

func keepAside(ctx context.Context, a *Aside, values map[string]string) error {
	var names []string
	for n := range values {
		names = append(names, n)
	}
	return a.Put(ctx, len(names), func(i int) (string, []byte) { return names[i], []byte(values[names[i]]) }, time.Hour)
}

func aside(t *testing.T, url string) *Aside {
	t.Helper()
	a, err := OpenAside(t.Context(), Options{URL: url, Prefix: "p", Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// keptAside is what is kept, as text.
func keptAside(t *testing.T, a *Aside, names ...string) string {
	t.Helper()
	bytes, err := a.Get(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range bytes {
		if b == nil {
			out = append(out, "-")
			continue
		}
		out = append(out, string(b))
	}
	return strings.Join(out, " ")
}

func testAside(t *testing.T, url string) {
	a := aside(t, url)
	values := map[string]string{"x:\x00key {a}": "1", "y": "", "z": "\xff\x00"}
	if err := keepAside(t.Context(), a, values); err != nil {
		t.Fatal(err)
	}
	if x := keptAside(t, a, "y", "none", "x:\x00key {a}", "z", "y"); x != " - 1 \xff\x00 " {
		t.Errorf("got %q", x)
	}
	if err := keepAside(t.Context(), a, map[string]string{"y": "2"}); err != nil {
		t.Fatal(err)
	}
	if x := keptAside(t, a, "y"); x != "2" {
		t.Errorf("got %q", x)
	}
}

func TestAside(t *testing.T) {
	r := server.Redis(t, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") // a cache may evict
	testAside(t, "redis://"+r.Addr)
	if ttl := r.Command(t, "pttl", "p:aside:y"); strings.HasPrefix(fmt.Sprint(ttl), "-") {
		t.Errorf("it is kept for ever: %v", ttl)
	}
	var nodes []string
	for _, n := range server.RedisCluster(t) {
		nodes = append(nodes, n.Addr)
	}
	testAside(t, "redis://"+nodes[0]+"?addr="+nodes[1]+"&addr="+nodes[2])
}

// A server that is not there is tried until it is; a mistake is said at once.
func TestAsideWithoutAServer(t *testing.T) {
	r := server.Redis(t)
	r.Stop()
	a := aside(t, "redis://"+r.Addr)
	if _, err := a.Get(t.Context(), []string{"x"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
	if err := keepAside(t.Context(), a, map[string]string{"x": "1"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
	r.Start(t)
	for keepAside(t.Context(), a, map[string]string{"x": "1"}) != nil {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("it is not connected")
		}
	}
	if x := keptAside(t, a, "x"); x != "1" {
		t.Errorf("got %q", x)
	}
	locked := server.Redis(t, "--requirepass", "secret")
	for url, says := range map[string]string{"redis://" + locked.Addr: "redis://user:password@host", "http://" + r.Addr: "is no URL of Redis"} {
		if _, err := OpenAside(t.Context(), Options{URL: url, Timeout: patience}); err == nil || !strings.Contains(err.Error(), says) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
}
