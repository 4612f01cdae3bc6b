package redis

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/store"
)

// TestSentinel reads and writes through the master that a Sentinel names, ends it, and goes on with its replica.
func TestSentinel(t *testing.T) {
	sentinel, master, replica := server.RedisSentinel(t, "here")
	s := opened(t, Options{URL: "redis://" + sentinel.Addr + "?master_set=here"})
	if err := put(t.Context(), s, "k", "before"); err != nil {
		t.Fatal(err)
	}
	master.Command(t, "wait", "1", "0") // until the replica has it
	if !s.Traits().Atomic {
		t.Error("one master is atomic")
	}
	master.Stop()
	sentinel.Impatient(t, "here")
	eventually(t, func(ctx context.Context) error { return put(ctx, s, "l", "after") })
	for key, want := range map[string]string{"k": "before", "l": "after"} {
		if text, err := get(t.Context(), s, key); err != nil || text != want {
			t.Errorf("%s after the failover: %q, %v", key, text, err)
		}
	}
	if got := replica.Command(t, "role"); got[:6] != "master" {
		t.Errorf("the replica is %q", got)
	}
}

// TestReplica is written to, which it refuses, with the cure.
func TestReplica(t *testing.T) {
	_, _, replica := server.RedisSentinel(t, "here")
	s := opened(t, Options{URL: "redis://" + replica.Addr})
	unavailable(t, put(t.Context(), s, "k", "x"), "is a replica", "master_set=")
}

// TestClusterNodeDown ends one of three masters: what lies there is unavailable, the rest is served.
func TestClusterNodeDown(t *testing.T) {
	nodes := server.RedisCluster(t)
	for _, n := range nodes {
		n.Command(t, "config", "set", "cluster-require-full-coverage", "no")
	}
	s := opened(t, Options{URL: "redis://" + nodes[0].Addr + "?addr=" + nodes[1].Addr})
	for i := range 30 {
		if err := put(t.Context(), s, strconv.Itoa(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	there := nodes[2].Command(t, "keys", "*")
	nodes[2].Stop()
	served, gone := 0, 0
	for i := range 30 {
		key := strconv.Itoa(i)
		if !strings.Contains(there+"\n", s.names.hash("s", key, 1000, 0)+"\n") {
			served++
			if text, err := get(t.Context(), s, key); err != nil || text != "x" {
				t.Errorf("%s, which lies elsewhere: %q, %v", key, text, err)
			}
			continue
		}
		gone++
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := get(hasty, s, key)
		cancel()
		unavailable(t, err, nodes[0].Addr)
	}
	if served < 5 || gone < 2 {
		t.Errorf("%d keys are served and %d are not, of 30 on three nodes of which one is gone", served, gone)
	}
}

// TestTLS has the server and the client prove who they are.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	port := freePort(t)
	server.Redis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--requirepass", "pass")
	addr := net.JoinHostPort("127.0.0.1", port)
	good := "rediss://:pass@" + addr + "?ca=" + cert + "&cert=" + cert + "&key=" + key
	s := opened(t, Options{URL: good})
	if err := put(t.Context(), s, "k", "x"); err != nil {
		t.Fatal(err)
	}
	if text, err := get(t.Context(), s, "k"); err != nil || text != "x" {
		t.Errorf("%q, %v", text, err)
	}
	_, err := Open(t.Context(), Options{URL: "rediss://:pass@" + addr + "?cert=" + cert + "&key=" + key, Timeout: patience})
	refused(t, err, "ca=")
	if errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a certificate that is not trusted is said to pass: %v", err)
	}
	_, err = Open(t.Context(), Options{URL: "rediss://:pass@" + addr + "?ca=" + cert, Timeout: 5 * time.Second})
	refused(t, err, addr) // why comes as an alert, which a closed connection may overtake
}

func freePort(t *testing.T) string {
	t.Helper()
	ports, err := proc.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(ports[0])
}

// certificate makes one that signs itself, for loopback.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: hidden}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestKeep looks at the expiry that hashes have: the longest of what was put, none where something is kept for good, and never shorter
// than before.
func TestKeep(t *testing.T) {
	srv := server.Redis(t)
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	const hour = 3_600_000
	for i, x := range []struct {
		keeps []int64 // of one write each
		want  int64   // -1: for good
	}{
		{[]int64{hour}, hour}, {[]int64{hour, 2 * hour}, 2 * hour}, {[]int64{2 * hour, hour}, 2 * hour}, {[]int64{0}, -1},
		{[]int64{hour, 0}, -1}, {[]int64{0, hour}, -1}, {[]int64{1 << 62}, longestKeep},
	} {
		key := fmt.Sprint(i)
		for j, keep := range x.keeps {
			w := store.Write{Puts: []store.Put{
				{Space: "s", Key: key, Step: 10, Start: int64(j * 10), Bytes: []byte("x"), Keep: keep},
				{Space: "s", Key: key, Step: 10, Start: 300, Bytes: nil}, // a deletion keeps nothing
				{Space: "s", Key: "all" + key, Step: 10, Start: int64(j * 10), Bytes: []byte("x"), Keep: keep},
			}}
			if err := s.Write(t.Context(), &w); err != nil {
				t.Fatal(err)
			}
		}
		var all store.Write // the same in one write
		for j, keep := range x.keeps {
			all.Puts = append(all.Puts, store.Put{Space: "s", Key: "one" + key, Step: 10, Start: int64(j * 10), Bytes: []byte("x"), Keep: keep})
		}
		if err := s.Write(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{key, "all" + key, "one" + key} {
			got, err := strconv.ParseInt(srv.Command(t, "pttl", s.names.hash("s", name, 10, 0)), 10, 64)
			if err != nil || x.want < 0 && got != -1 || x.want > 0 && (got > x.want || got < x.want-hour/2) {
				t.Errorf("keep %v: %d ms are left, want %d (%v)", x.keeps, got, x.want, err)
			}
		}
	}
}

// TestExpireWalksOnlyForKept counts the server's SCANs.
func TestExpireWalksOnlyForKept(t *testing.T) {
	srv := server.Redis(t)
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	write := func(space string, keep int64) {
		w := store.Write{Puts: []store.Put{{Space: space, Key: "k", Step: 10, Bytes: []byte("x"), Keep: keep}}}
		if err := s.Write(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
	}
	write("kept", 0)
	write("let go", 1000)
	if err := s.Expire(t.Context(), "let go", 10, 1<<40); err != nil {
		t.Fatal(err)
	}
	if out := srv.Command(t, "info", "commandstats"); strings.Contains(out, "cmdstat_scan") {
		t.Errorf("it walks where the server lets values go by itself: %s", out)
	}
	if err := s.Expire(t.Context(), "kept", 10, 1<<40); err != nil {
		t.Fatal(err)
	}
	if text := srv.Command(t, "exists", s.names.hash("kept", "k", 10, 0)); text != "0" {
		t.Errorf("what was put without Keep is still there: %s", text)
	}
}

// TestExpireOfRowsAsksInOneGo: with a step below zero all of a key lies in one hash, which lives as long as what was put last is to be kept. So what is old in it
// has to be deleted, and for that a walk looks into each, many at a time. A key that nobody writes goes by itself.
func TestExpireOfRowsAsksInOneGo(t *testing.T) {
	srv := server.Redis(t)
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	const keys = 500
	w := store.Write{}
	for i := range int64(keys) {
		for start := range int64(3) {
			w.Puts = append(w.Puts, store.Put{Space: "s", Key: "k" + strconv.FormatInt(i, 10), Step: -10, Start: 10 * start, Bytes: []byte("x"), Keep: 3_600_000})
		}
	}
	if err := s.Write(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	if err := s.Expire(t.Context(), "s", -10, 20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{s.names.hash("s", "k0", -10, 0), s.names.hash("s", "k499", -10, 0)} {
		if fields := srv.Command(t, "hkeys", name); strings.TrimSpace(fields) != "20" {
			t.Errorf("%s has still %q", name, fields)
		}
		if left := srv.Command(t, "pttl", name); strings.HasPrefix(left, "-") {
			t.Errorf("%s stays for good: %s", name, left)
		}
	}
	calls := func(command string) int {
		_, after, _ := strings.Cut(srv.Command(t, "info", "commandstats"), "cmdstat_"+command+":calls=")
		n, _, _ := strings.Cut(after, ",")
		i, _ := strconv.Atoi(n)
		return i
	}
	if n := calls("hkeys"); n != keys+2 {
		t.Errorf("it looks into %d hashes of %d", n-2, keys)
	}
	if n := calls("scan"); n == 0 || n > keys/50 {
		t.Errorf("%d walks through names", n)
	}
}

// TestForeignField finds something in a hash that was not put there by a store.
func TestForeignField(t *testing.T) {
	srv := server.Redis(t)
	s := opened(t, Options{URL: "redis://" + srv.Addr})
	srv.Command(t, "hset", s.names.hash("s", "k", -1, 0), "name", "x")
	_, err := get(t.Context(), s, "k")
	refused(t, err, `field "name"`, "something else uses names with this prefix")
	srv.Command(t, "set", s.names.hash("s", "l", 1000, 0), "x")
	_, err = get(t.Context(), s, "l")
	refused(t, err, "choose another prefix")
}

// TestReadsAskByName counts what a read asks the server for: the hashes of its ranges by their names, in one transaction, however much else lies
// there and however little of what is asked for. The reader may not even look for names.
func TestReadsAskByName(t *testing.T) {
	srv := server.Redis(t)
	const day, days = 86_400_000, 20_000 // 54 years
	writer := opened(t, Options{URL: "redis://" + srv.Addr})
	w := store.Write{}
	for i := range int64(1000) {
		w.Puts = append(w.Puts, store.Put{Space: "s", Key: "k" + strconv.FormatInt(i, 10), Step: day, Start: i * 19 * day, Bytes: []byte("x")})
	}
	if err := writer.Write(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	srv.Command(t, "acl", "setuser", "reader", "on", ">pass", "~*", "+@all", "-scan", "-keys", "-randomkey", "-dbsize")
	reader := opened(t, Options{URL: "redis://reader:pass@" + srv.Addr})
	for _, x := range []struct {
		key   string
		days  int64
		found int
	}{{"k7", 10, 0}, {"k7", 200, 1}, {"k999", days, 1}, {"none", days, 0}} {
		srv.Command(t, "config", "resetstat")
		ranges := []store.Range{{Space: "s", Key: x.key, Step: 0, From: 0, To: 1}, {Space: "s", Key: x.key, Step: day, From: 1, To: 1 + x.days*day}}
		found := 0
		if err := reader.Read(t.Context(), ranges, func(int, int64, []byte) error { found++; return nil }); err != nil {
			t.Fatal(err)
		}
		names := 1 + int((x.days+1+store.PeriodSteps-1)/store.PeriodSteps)
		if calls := commandCalls(t, srv, "hgetall") + commandCalls(t, srv, "hmget"); found != x.found || calls > names || calls < names-1 || commandCalls(t, srv, "exec") != 1 || commandCalls(t, srv, "scan") > 0 {
			t.Errorf("%d days of %s: %d found, %d names asked for, want %d; %s", x.days, x.key, found, calls, names, srv.Command(t, "info", "commandstats"))
		}
	}
}

// commandCalls is how often the server was given a command.
func commandCalls(t *testing.T, srv *server.RedisServer, name string) (n int) {
	t.Helper()
	_, after, found := strings.Cut(srv.Command(t, "info", "commandstats"), "cmdstat_"+name+":calls=")
	if !found {
		return 0
	}
	text, _, _ := strings.Cut(after, ",")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
