package redis

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/store"
)

// patience is how long a server, or the machine, may stand still in a test that does not ask for less.
const patience = 10 * time.Minute

// opened opens the store for a test.
func opened(t *testing.T, o Options) *Store {
	t.Helper()
	o.Timeout = cmp.Or(o.Timeout, patience)
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(ctx context.Context, s *Store, key, text string) error {
	return s.Write(ctx, &store.Write{Epoch: 1, Puts: []store.Put{{Space: "s", Key: key, Step: 1000, Bytes: []byte(text)}}, Meta: []store.MetaPut{{Name: "m", Bytes: []byte(text)}}})
}

func get(ctx context.Context, s *Store, key string) (string, error) {
	text := "none"
	err := s.Read(ctx, []store.Range{{Space: "s", Key: key, Step: 1000, From: 0, To: 1}, {Space: "s", Key: key, Step: -1, From: math.MinInt64, To: math.MaxInt64}},
		func(_ int, _ int64, b []byte) error { text = string(b); return nil })
	return text, err
}

// unavailable fails unless an error may pass and says all of that.
func unavailable(t *testing.T, err error, says ...string) {
	t.Helper()
	refused(t, err, says...)
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("may pass, and is not said to: %v", err)
	}
}

func refused(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("does not say %q: %v", text, err)
		}
	}
}

// TestRestart ends the server and starts it again on what it has on disk.
func TestRestart(t *testing.T) {
	srv := server.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	ctx := t.Context()
	if err := put(ctx, s, "k", "before"); err != nil {
		t.Fatal(err)
	}
	srv.Stop()
	_, err := get(ctx, s, "k")
	unavailable(t, err, srv.Addr)
	unavailable(t, put(ctx, s, "k", "lost"), srv.Addr)
	_, err = Open(ctx, Options{URL: "redis://" + srv.Addr, Timeout: patience})
	unavailable(t, err, srv.Addr)
	srv.Start(t)
	if text, err := get(ctx, s, "k"); err != nil || text != "before" {
		t.Errorf("after the restart: %q, %v", text, err)
	}
	if err := put(ctx, s, "k", "after"); err != nil {
		t.Error(err)
	}
	if err := s.Write(ctx, &store.Write{Epoch: 0}); !errors.Is(err, store.ErrFenced) {
		t.Errorf("the epoch did not outlive the restart: %v", err)
	}
}

// TestBrokenConnection has the server close its connections without a word: reads and writes go on.
func TestBrokenConnection(t *testing.T) {
	srv := server.Redis(t)
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	for i := range 5 {
		if err := put(t.Context(), s, "k", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		srv.Command(t, "client", "kill", "type", "normal", "skipme", "yes")
		if text, err := get(t.Context(), s, "k"); err != nil || text != fmt.Sprint(i) {
			t.Errorf("after its connection was closed: %q, %v", text, err)
		}
	}
}

// TestPartition cuts the wire: each call ends in time, by the context's deadline or the store's own, and all is well when it is mended.
func TestPartition(t *testing.T) {
	srv := server.Redis(t)
	w := server.NewWire(t, srv.Addr)
	patient, hasty := opened(t, Options{URL: "redis://" + w.Addr}), opened(t, Options{URL: "redis://" + w.Addr})
	hasty.timeout = 50 * time.Millisecond // after it was opened, for which that may be too little
	if err := put(t.Context(), patient, "k", "x"); err != nil {
		t.Fatal(err)
	}
	w.Cut()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := get(short, patient, "k")
	unavailable(t, err, w.Addr)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's deadline is not in the error: %v", err)
	}
	_, err = get(t.Context(), hasty, "k")
	unavailable(t, err, w.Addr, "no answer within 50ms")
	unavailable(t, put(t.Context(), hasty, "k", "lost"), w.Addr, "no answer within 50ms")
	given, giveUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := get(given, patient, "k"); gone <- err }()
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("given up: %v", err)
	}
	w.Mend()
	eventually(t, func(ctx context.Context) error { return put(ctx, patient, "k", "mended") })
	if text, err := get(t.Context(), patient, "k"); err != nil || text != "mended" {
		t.Errorf("after it was mended: %q, %v", text, err)
	}
}

// eventually repeats what may fail as unavailable for a while.
func eventually(t *testing.T, try func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		one, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := try(one)
		cancel()
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("not said to pass: %v", err)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("does not pass: %v", err)
		case <-tick.C:
		}
	}
}

// TestOutOfMemory fills the server up: writes are refused by a clear error and whole, reads go on, and room lets writes through again.
func TestOutOfMemory(t *testing.T) {
	srv := server.Redis(t, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	ctx := t.Context()
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = put(ctx, s, fmt.Sprint(n), strings.Repeat("x", 200_000))
	}
	unavailable(t, err, "memory is full", "maxmemory")
	for i := range n - 1 {
		if text, err := get(ctx, s, fmt.Sprint(i)); err != nil || len(text) != 200_000 {
			t.Errorf("value %d of %d: %d bytes, %v", i, n, len(text), err)
		}
	}
	if text, err := get(ctx, s, fmt.Sprint(n-1)); err != nil || text != "none" {
		t.Errorf("the refused value: %d bytes, %v", len(text), err)
	}
	srv.Command(t, "config", "set", "maxmemory", "100mb")
	if err := put(ctx, s, "more", "x"); err != nil {
		t.Error(err)
	}
}

// TestServersThatDoNotSuit are refused when the store is opened, with the cure.
func TestServersThatDoNotSuit(t *testing.T) {
	for name, x := range map[string]struct {
		args []string
		url  string
		says []string
	}{
		"evicts":       {[]string{"--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"}, "", []string{"allkeys-lru", "noeviction"}},
		"evicts some":  {[]string{"--maxmemory", "50mb", "--maxmemory-policy", "volatile-ttl"}, "", []string{"volatile-ttl", "noeviction"}},
		"password":     {[]string{"--requirepass", "right"}, "", []string{"wants a password"}},
		"other":        {[]string{"--requirepass", "right"}, "redis://:s3cr3t@", []string{"no such user and password"}},
		"no password":  {nil, "redis://me:s3cr3t@", []string{"no such user and password"}},
		"no such db":   {nil, "redis:///77", []string{"DB index is out of range"}},
		"no TLS there": {nil, "rediss://", nil},
		"no Cluster":   {nil, "redis://?addr=127.0.0.1:1", []string{"several addresses mean a Cluster"}},
		"no Sentinel":  {nil, "redis://?master_set=m", []string{"wants the address of a Sentinel"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := server.Redis(t, x.args...)
			url := "redis://" + srv.Addr
			if x.url != "" {
				scheme, rest, _ := strings.Cut(x.url, "://")
				user, rest, at := strings.Cut(rest, "@")
				if !at {
					user, rest = "", user
				} else {
					user += "@"
				}
				url = scheme + "://" + user + srv.Addr + rest
			}
			within := patience
			if name == "no TLS there" { // it waits for more
				within = 3 * time.Second
			}
			s, err := Open(t.Context(), Options{URL: url, Timeout: within})
			if err == nil {
				s.Close()
			}
			refused(t, err, append(x.says, srv.Addr)...)
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the password is in the error: %v", err)
			}
			t.Log(err)
		})
	}
	if s, err := Open(t.Context(), Options{URL: "redis://:right@" + server.Redis(t, "--requirepass", "right", "--maxmemory-policy", "allkeys-lru").Addr, Timeout: patience}); err != nil {
		t.Errorf("the right password, and a policy that means nothing without maxmemory: %v", err)
	} else {
		s.Close()
	}
}

// TestOtherProtocols has something else listen.
func TestOtherProtocols(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	_, err := Open(t.Context(), Options{URL: strings.Replace(web.URL, "http", "redis", 1), Timeout: patience})
	refused(t, err, "does not speak Redis's protocol")
	for _, greeting := range []string{"220 mail ready\r\n", "\x00\x00\x00\x05hello", "SSH-2.0-x\r\n", "-", ""} {
		addr := answering(t, func(c net.Conn) {
			if _, err := io.WriteString(c, greeting); err == nil {
				_, _ = bufio.NewReader(c).ReadString('\n')
			}
		})
		_, err := Open(t.Context(), Options{URL: "redis://" + addr, Timeout: 200 * time.Millisecond})
		refused(t, err, addr)
		t.Logf("%q: %v", greeting, err)
	}
}

// answering serves each connection and closes it.
func answering(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

// TestAnswers has servers in states that are hard to bring about answer as they do.
func TestAnswers(t *testing.T) {
	for _, x := range []struct {
		line   string
		passes bool
	}{
		{"LOADING Redis is loading the dataset in memory", true}, {"MISCONF Redis is configured to save RDB snapshots", true},
		{"NOPERM User x has no permissions", false}, {"BUSY Redis is busy running a script", true}, {"ERR max number of clients reached", true},
	} {
		addr := answering(t, func(c net.Conn) {
			in := bufio.NewScanner(c)
			for in.Scan() { // an answer for each command, which begins with *
				if strings.HasPrefix(in.Text(), "*") {
					if _, err := io.WriteString(c, "-"+x.line+"\r\n"); err != nil {
						return
					}
				}
			}
		})
		_, err := Open(t.Context(), Options{URL: "redis://" + addr, Timeout: patience})
		refused(t, err, strings.TrimPrefix(x.line, "ERR "), "the server")
		if errors.Is(err, store.ErrUnavailable) != x.passes {
			t.Errorf("%q passes: want %v: %v", x.line, x.passes, err)
		}
	}
}

// TestLostWrites sets the server back to an older state, and empties it: who has fenced is told at the next write, which writes nothing, and
// goes on from what is there after fencing anew.
func TestLostWrites(t *testing.T) {
	srv := server.Redis(t, "--enable-debug-command", "local")
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	ctx := t.Context()
	write := func(text string) error {
		return s.Write(ctx, &store.Write{Epoch: 3, Puts: []store.Put{{Space: "s", Key: "k", Step: -1, Bytes: []byte(text)}}})
	}
	fence := func() {
		t.Helper()
		if err := s.Fence(ctx, 3); err != nil {
			t.Fatal(err)
		}
	}
	fence()
	if err := write("saved"); err != nil {
		t.Fatal(err)
	}
	srv.Command(t, "save")
	if err := write("lost"); err != nil {
		t.Fatal(err)
	}
	for state, back := range map[string]func(){"saved": func() { srv.Command(t, "debug", "reload", "nosave") }, "none": func() { srv.Command(t, "flushall") }} {
		back()
		if err := write("in memory"); !errors.Is(err, store.ErrLost) || errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("a write after the server was set back to %q: %v", state, err)
		}
		if text, err := get(ctx, s, "k"); err != nil || text != state {
			t.Errorf("after the refused write: %q, %v; want %q", text, err, state)
		}
		fence()
		if err := write("anew"); err != nil {
			t.Error(err)
		}
		if err := write("lost"); err != nil {
			t.Error(err)
		}
	}
}

// TestDropIsFenced has a process that was overtaken without its knowing drop what the other fills.
func TestDropIsFenced(t *testing.T) {
	nodes := server.RedisCluster(t)
	for kind, url := range map[string]string{"alone": "redis://" + server.Redis(t).Addr, "cluster": "redis://" + nodes[0].Addr + "?addr=" + nodes[1].Addr} {
		old, now := opened(t, Options{URL: url}), opened(t, Options{URL: url})
		ctx := t.Context()
		for epoch, s := range []*Store{old, now} {
			if err := s.Fence(ctx, int64(epoch+1)); err != nil {
				t.Fatal(err)
			}
		}
		w := store.Write{Epoch: 2, Puts: []store.Put{{Space: "s", Key: "k", Step: -1, Bytes: []byte("x")}, {Space: "s", Key: "k", Step: 10, Bytes: []byte("x")}}}
		if err := now.Write(ctx, &w); err != nil {
			t.Fatal(err)
		}
		if err := old.Drop(ctx, "s"); !errors.Is(err, store.ErrFenced) {
			t.Errorf("%s: drop: %v", kind, err)
		}
		if err := old.Expire(ctx, "s", 10, 1<<40); !errors.Is(err, store.ErrFenced) {
			t.Errorf("%s: expire: %v", kind, err)
		}
		if text, err := get(ctx, now, "k"); err != nil || text != "x" {
			t.Errorf("%s: %q, %v", kind, text, err)
		}
		if err := now.Drop(ctx, "s"); err != nil {
			t.Error(kind, err)
		}
		if text, err := get(ctx, now, "k"); err != nil || text != "none" {
			t.Errorf("%s: after the drop %q, %v", kind, text, err)
		}
	}
}
