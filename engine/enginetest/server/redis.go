package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// RedisServer is one process of Redis, which ends with the test that asked for it.
type RedisServer struct {
	Addr string // 127.0.0.1:port

	home fetch.RedisHome
	dir  string
	args []string
	port int
	proc *proc.Process
}

// Redis starts a Redis of its own for the test, on a free port of loopback, which keeps nothing on disk unless the arguments (as of
// redis-server's command line) say so.
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	return startRedis(t, func(int, string) []string { return args })
}

// startRedis starts a Redis with arguments that may depend on its port and folder, again where the port was taken meanwhile.
func startRedis(t testing.TB, args func(port int, dir string) []string) *RedisServer {
	t.Helper()
	if testing.Short() {
		t.Skip("the real engines are left out with -short")
	}
	home, err := fetch.Redis(t.Context())
	lacking(t, err)
	for try := 1; ; try++ {
		ports, err := proc.FreePorts(1)
		if err != nil {
			t.Fatal(err)
		}
		s := &RedisServer{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])), home: home, dir: t.TempDir(), port: ports[0]}
		s.args = append([]string{"--bind", "127.0.0.1", "--dir", s.dir, "--save", ""}, args(s.port, s.dir)...)
		err = s.start(t.Context())
		t.Cleanup(s.Stop)
		if err == nil {
			return s
		}
		if try == 3 || !errors.Is(err, proc.ErrPortTaken) {
			t.Fatalf("start redis: %v", err)
		}
	}
}

func (s *RedisServer) start(ctx context.Context) (err error) {
	args := s.args
	if len(args) == 0 || strings.HasPrefix(args[0], "--") {
		args = append([]string{"--port", strconv.Itoa(s.port)}, args...)
	}
	s.proc, err = proc.Start(proc.Spec{
		Name: "redis-server", Path: s.home.Server, Args: args, Dir: s.dir, Env: append(os.Environ(), s.home.Env...), Log: filepath.Join(s.dir, "log"),
	})
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	return s.proc.Ready(bounded, func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", s.Addr)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// Stop ends the server. What it did not write to its disk is lost.
func (s *RedisServer) Stop() {
	if s.proc != nil {
		s.proc.Stop()
	}
}

// Start starts it again after Stop, at the same port and with what it has on disk.
func (s *RedisServer) Start(t testing.TB) {
	t.Helper()
	if err := s.start(t.Context()); err != nil {
		t.Fatalf("start redis again: %v", err)
	}
}

// Command gives the server a command by redis-cli and returns what it says.
func (s *RedisServer) Command(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.command(t.Context(), args...)
	if err != nil {
		t.Fatalf("redis-cli %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func (s *RedisServer) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.home.CLI, append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(s.port)}, args...)...)
	cmd.Env = append(os.Environ(), s.home.Env...)
	out, err := cmd.CombinedOutput()
	if text := string(bytes.TrimSpace(out)); err == nil && !strings.HasPrefix(text, "ERR") {
		return text, nil
	}
	return "", fmt.Errorf("%w: %s", errors.Join(err), out)
}

// await repeats a question until the answer has the text.
func (s *RedisServer) await(t testing.TB, text string, question ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	err := s.proc.Ready(ctx, func(ctx context.Context) error {
		out, err := s.command(ctx, question...)
		if err == nil && !strings.Contains(out, text) {
			err = fmt.Errorf("want %q in %q", text, out)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// RedisCluster starts a Cluster of three masters.
func RedisCluster(t testing.TB) []*RedisServer {
	t.Helper()
	nodes := make([]*RedisServer, 3)
	buses := make([]int, len(nodes))
	for i := range nodes {
		nodes[i] = startRedis(t, func(int, string) []string {
			// Not the port that Redis would take: 10 000 higher, there may be none.
			ports, err := proc.FreePorts(1)
			if err != nil {
				t.Fatal(err)
			}
			buses[i] = ports[0]
			// A machine that stands still for a while is no cause to take a node for lost.
			return []string{"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", strconv.Itoa(buses[i]), "--cluster-node-timeout", "600000"}
		})
	}
	const slots = 16384
	for i, n := range nodes {
		n.Command(t, "cluster", "addslotsrange", strconv.Itoa(i*slots/len(nodes)), strconv.Itoa((i+1)*slots/len(nodes)-1))
		if i > 0 {
			n.Command(t, "cluster", "meet", "127.0.0.1", strconv.Itoa(nodes[0].port), strconv.Itoa(buses[0]))
		}
	}
	for _, n := range nodes {
		n.await(t, "cluster_state:ok", "cluster", "info")
		n.await(t, "cluster_known_nodes:3", "cluster", "info")
	}
	return nodes
}

// RedisSentinel starts a master, a replica, and a Sentinel that watches over them under the name given. A machine that stands still for a
// while is no cause to change the master, so the Sentinel misses one only after [RedisServer.Impatient].
func RedisSentinel(t testing.TB, name string) (sentinel, master, replica *RedisServer) {
	t.Helper()
	master = Redis(t, "--repl-diskless-sync-delay", "0")
	replica = Redis(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	replica.await(t, "master_link_status:up", "info", "replication")
	sentinel = startRedis(t, func(port int, dir string) []string { return nil })
	sentinel.Stop()
	conf := filepath.Join(sentinel.dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\nsentinel down-after-milliseconds %s 3600000\nsentinel failover-timeout %s 5000\n",
		sentinel.port, sentinel.dir, name, master.port, name, name)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel.args = []string{conf, "--sentinel"}
	sentinel.Start(t)
	sentinel.await(t, strconv.Itoa(replica.port), "sentinel", "replicas", name)
	return sentinel, master, replica
}

// Impatient has a Sentinel miss a master, which is under the name given, that does not answer for half a second: for tests that end it.
func (s *RedisServer) Impatient(t testing.TB, name string) {
	t.Helper()
	s.Command(t, "sentinel", "set", name, "down-after-milliseconds", "500")
}
