package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/bighead-ml/bighead/store"
)

// Options say where the store is.
type Options struct {
	// URL names the server: redis://user:password@host:port/db, or rediss:// for TLS. See parseURL for Sentinel and Cluster.
	URL string
	// Prefix begins all names, so that several projects can share a server; "": DefaultPrefix.
	Prefix string
	// Timeout bounds each exchange with the server, beside the context's own deadline; 0: DefaultTimeout.
	Timeout time.Duration
}

// The defaults of options.
const (
	DefaultPrefix  = "bighead"
	DefaultTimeout = 5 * time.Second
)

// Store is a store.Store in Redis.
type Store struct {
	client  rueidis.Client
	names   names
	at      string // the server, without its password
	timeout time.Duration
	cluster bool

	epoch  atomic.Int64 // under which it has written or fenced
	fences atomic.Bool  // Fence was called: it is told when writes are lost
	writes atomic.Int64 // that there were, at least
	stamps stamps
}

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// unconnected is a store without its client, and how to make that.
func (o Options) unconnected() (*Store, rueidis.ClientOption, error) {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	opt, at, err := parseURL(o.URL)
	if err != nil {
		return nil, opt, err
	}
	if !prefixForm.MatchString(o.Prefix) {
		return nil, opt, fmt.Errorf("%s: prefix %q: want letters, digits, and _ . : -", at, o.Prefix)
	}
	opt.ConnWriteTimeout, opt.Dialer.Timeout, opt.Sentinel.Dialer.Timeout = o.Timeout, o.Timeout, o.Timeout
	return &Store{names: names{o.Prefix}, at: at, timeout: o.Timeout, stamps: newStamps()}, opt, nil
}

// Open connects, and refuses a server that would lose values. It fails with store.ErrUnavailable where no server answers.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, opt, err := o.unconnected()
	if err != nil {
		return nil, fmt.Errorf("online store: %w", err)
	}
	if err := s.connect(ctx, opt); err != nil {
		return nil, s.fail(ctx, "open", err)
	}
	if err := s.suits(ctx); err != nil {
		s.client.Close()
		return nil, s.fail(ctx, "open", err)
	}
	return s, nil
}

// connect makes the client, which dials without a context: the caller is let go when his ends.
func (s *Store) connect(ctx context.Context, opt rueidis.ClientOption) error {
	type made struct {
		client rueidis.Client
		err    error
	}
	done := make(chan made, 1)
	go func() {
		c, err := rueidis.NewClient(opt)
		done <- made{c, err}
	}()
	select {
	case m := <-done:
		if m.err != nil {
			return m.err
		}
		s.client, s.cluster = m.client, m.client.Mode() == rueidis.ClientModeCluster
		return nil
	case <-ctx.Done():
		go func() {
			if m := <-done; m.err == nil {
				m.client.Close()
			}
		}()
		return ctx.Err()
	}
}

// oldest is the first version of Redis that this package was made for.
const oldest = 6

// suits looks at each master: its version, and what it does when its memory is full.
func (s *Store) suits(ctx context.Context) error {
	return s.masters(ctx, func(node rueidis.Client, name string) error {
		text, err := s.do(ctx, node, node.B().Info().Build()).ToString()
		if err != nil {
			return err
		}
		info := map[string]string{}
		for line := range strings.Lines(text) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				info[key] = value
			}
		}
		major, _, _ := strings.Cut(info["redis_version"], ".")
		if n, err := strconv.Atoi(major); err != nil || n < oldest {
			return mistake{fmt.Sprintf("%s says that it is Redis %q; want %d or newer", name, info["redis_version"], oldest)}
		}
		if policy := info["maxmemory_policy"]; info["maxmemory"] != "0" && policy != "noeviction" {
			return mistake{fmt.Sprintf("%s has maxmemory-policy %q: when its memory is full it would evict values, and features would be computed without them. Set maxmemory-policy noeviction, or use a server of its own for the store", name, policy)}
		}
		return nil
	})
}

// masters calls f for each server that holds values of its own.
func (s *Store) masters(ctx context.Context, f func(node rueidis.Client, name string) error) error {
	if !s.cluster {
		return f(s.client, "the server")
	}
	for name, node := range s.client.Nodes() {
		role, err := s.do(ctx, node, node.B().Role().Build()).ToArray()
		if err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
		if len(role) == 0 {
			return fmt.Errorf("node %s does not say what it is", name)
		}
		if kind, err := role[0].ToString(); err != nil || kind != "master" {
			continue
		}
		if err := f(node, "node "+name); err != nil {
			return err
		}
	}
	return nil
}

// Traits are those of a shared store.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "redis", Atomic: !s.cluster, Lasting: true, Shared: true, Versioned: !s.cluster}
}

// Close ends the connections.
func (s *Store) Close() error {
	s.client.Close()
	return nil
}

// do is one exchange, bounded in time.
func (s *Store) do(ctx context.Context, c rueidis.Client, cmd rueidis.Completed) rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return c.Do(ctx, cmd)
}

// ended is what a call begins with.
func (s *Store) ended(ctx context.Context, what string) error {
	return store.Ended(ctx, what+" the online store at "+s.at)
}

// A mistake is an error that needs no more words.
type mistake struct{ text string }

func (m mistake) Error() string { return m.text }

// fail says what went wrong, whether it may pass, and the cure.
func (s *Store) fail(ctx context.Context, what string, err error) error {
	if ended := s.ended(ctx, what); ended != nil {
		return ended
	}
	prefix := what + " the online store at " + s.at
	if errors.Is(err, store.ErrFenced) {
		return fmt.Errorf("%s: %w", prefix, err)
	}
	if m := (mistake{}); errors.As(err, &m) {
		return fmt.Errorf("%s: %w", prefix, m)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		// The client's clock may ring a moment before the context's.
		if d, ok := ctx.Deadline(); ok && time.Until(d) < s.timeout/2 {
			return fmt.Errorf("%s: %w: %w", prefix, store.ErrUnavailable, err)
		}
		return fmt.Errorf("%s: %w: no answer within %v: %w", prefix, store.ErrUnavailable, s.timeout, err)
	}
	answer := (*rueidis.RedisError)(nil)
	if !errors.As(err, &answer) {
		if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
			return fmt.Errorf("%s: the server's certificate is not trusted: name who signed it with ca=, a file of certificates: %w", prefix, err)
		}
		if strings.Contains(err.Error(), "remote error: tls: ") {
			return fmt.Errorf("%s: the server does not trust this client: cert= and key= name its certificate: %w", prefix, err)
		}
		if strings.HasPrefix(err.Error(), "redis: ") || strings.Contains(err.Error(), "unknown message type") || strings.Contains(err.Error(), "received unexpected") {
			return fmt.Errorf("%s: what listens there does not speak Redis's protocol: check host and port: %w", prefix, err)
		}
		return fmt.Errorf("%s: %w: %w", prefix, store.ErrUnavailable, err)
	}
	for _, a := range answers {
		if strings.HasPrefix(answer.Error(), a.prefix) {
			if a.passes {
				return fmt.Errorf("%s: %w: %s: %w", prefix, store.ErrUnavailable, a.says, err)
			}
			return fmt.Errorf("%s: %s: %w", prefix, a.says, err)
		}
	}
	return fmt.Errorf("%s: %w", prefix, err)
}

// answers are the errors of servers that users meet; the client leaves out ERR.
var answers = []struct {
	prefix, says string
	passes       bool
}{
	{"LOADING", "the server is still loading its data", true},
	{"OOM", "the server's memory is full: raise its maxmemory, or keep less", true},
	{"READONLY", "the server is a replica: name the master, or let Sentinel do so (master_set=)", true},
	{"MASTERDOWN", "the server is a replica that has lost its master", true},
	{"CLUSTERDOWN", "the Cluster has no master for some of its slots", true},
	{"TRYAGAIN", "the Cluster is moving slots", true},
	{"MISCONF", "the server refuses writes since it cannot save them on its own disk", true},
	{"BUSY", "the server is held up by a script", true},
	{"NOREPLICAS", "the server refuses writes since too few replicas follow it", true},
	{"NOAUTH", "the server wants a password: put it in the URL, redis://user:password@host", false},
	{"WRONGPASS", "the server knows no such user and password", false},
	{"AUTH", "the server has no password, or another user", false},
	{"NOPERM", "the server's user may not do this", false},
	{"WRONGTYPE", "something else uses names with this prefix: choose another prefix", false},
	{"This instance has cluster support disabled", "several addresses mean a Cluster, and this server is none: name one address, or master_set= for Sentinel", false},
	{"max number of clients", "the server has too many clients", true},
	{"unknown command 'SENTINEL'", "master_set= wants the address of a Sentinel, and this is none", false},
	{"NOSCRIPT", "the server lost its scripts", true},
}
