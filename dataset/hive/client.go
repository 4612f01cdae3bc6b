package hive

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/secure"
)

// Config says where a metastore is.
type Config struct {
	URIs    []string // thrift://host:9083; tried in turn
	Timeout time.Duration
	TLS     secure.TLS
	Mounts  []Mount
}

// DefaultTimeout is how long the metastore may take for an answer.
const DefaultTimeout = 30 * time.Second

// Metastore is a Hive metastore. It holds no connection between calls and is safe for concurrent use.
type Metastore struct {
	hosts   []string
	timeout time.Duration
	tls     secure.TLS
	mounts  []Mount
}

// New checks the configuration. Nothing is asked yet.
func New(c Config) (*Metastore, error) {
	m := &Metastore{timeout: c.Timeout, tls: c.TLS, mounts: c.Mounts}
	if m.timeout <= 0 {
		m.timeout = DefaultTimeout
	}
	for _, text := range c.URIs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "thrift" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("metastore = %q is no address of a metastore; write thrift://host:9083", text)
		}
		port := u.Port()
		if port == "" {
			port = "9083"
		}
		m.hosts = append(m.hosts, net.JoinHostPort(u.Hostname(), port))
	}
	if len(m.hosts) == 0 {
		return nil, errors.New("no metastore is named; write metastore = [\"thrift://host:9083\"]")
	}
	if m.tls.On {
		if _, err := m.tls.Config(); err != nil { // which is read again by each connection
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	return m, nil
}

// Ping asks for the databases.
func (m *Metastore) Ping(ctx context.Context) error {
	s, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.databases()
	return err
}

// session is one connection. It is for one goroutine.
type session struct {
	ctx      context.Context
	host     string
	conn     net.Conn
	in       *bufio.Reader
	timeout  time.Duration
	stop     func() bool
	sequence int32
	heard    bool // it has answered
}

// open connects to the first metastore that takes a connection.
func (m *Metastore) open(ctx context.Context) (*session, error) {
	var all []error
	for _, host := range m.hosts {
		conn, err := m.dial(ctx, host)
		if err == nil {
			s := &session{ctx: ctx, host: host, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), timeout: m.timeout}
			s.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
			if err = s.greet(); err == nil {
				return s, nil
			}
			s.close()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all = append(all, err)
	}
	return nil, &Unreachable{Hosts: m.hosts, Err: errors.Join(all...), tls: m.tls}
}

// dial connects to a host, over TLS where that is set.
func (m *Metastore) dial(ctx context.Context, host string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: m.timeout}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil || !m.tls.On {
		return conn, err
	}
	config, err := m.tls.Config()
	if err != nil {
		conn.Close()
		return nil, err
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(host) // which New has joined
	}
	within, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	over := tls.Client(conn, config)
	if err := over.HandshakeContext(within); err != nil {
		conn.Close()
		return nil, &handshakeError{host, err}
	}
	return over, nil
}

// handshakeError says that TLS did not come about.
type handshakeError struct {
	host string
	err  error
}

func (e *handshakeError) Error() string { return "TLS with " + e.host + ": " + e.err.Error() }

func (e *handshakeError) Unwrap() error { return e.err }

// greet finds out whether what listens is a metastore that speaks to us.
func (s *session) greet() error {
	_, err := s.databases()
	return err
}

func (s *session) close() {
	s.stop()
	s.conn.Close()
}

// Unreachable says that no metastore answered.
type Unreachable struct {
	Hosts []string
	Err   error

	tls secure.TLS
}

func (e *Unreachable) Error() string {
	what := "the Hive metastore at " + e.Hosts[0] + " does"
	if len(e.Hosts) > 1 {
		what = "none of the Hive metastores at " + strings.Join(e.Hosts, ", ") + " does"
	}
	return fmt.Sprintf("%s not answer (%s): %s", what, strings.ReplaceAll(e.Err.Error(), "\n", "; "), e.cure())
}

func (e *Unreachable) cure() string {
	w := secure.Where{TLS: e.tls, Section: "[hive.tls]", Yes: "write enabled = true under [hive.tls]", No: "leave enabled out under [hive.tls], or have the metastore speak it (metastore.use.SSL=true)"}
	var auth *authError
	var failed *handshakeError
	about := w.Cure(e.Err)
	switch {
	case errors.As(e.Err, &failed) && (secure.Closed(failed) || errors.Is(failed, context.DeadlineExceeded)):
		return "before TLS came about it closed the connection, or said nothing for long, as one does that speaks none: " + w.No
	case errors.As(e.Err, &auth) && e.tls.On:
		return "where it wants a certificate of ours, name that by cert and key under [hive.tls]; where it wants SASL, let it take connections without (hive.metastore.sasl.enabled=false, hive.metastore.authentication=NONE): Kerberos and LDAP are not spoken yet"
	case about != "":
		return about
	case errors.As(e.Err, &auth):
		return "let it take connections without SASL (hive.metastore.sasl.enabled=false, hive.metastore.authentication=NONE), on a network that is trusted: Kerberos and LDAP are not spoken yet. Where it speaks TLS, write enabled = true under [hive.tls]"
	}
	return "start it, or correct [hive] metastore in bighead.toml"
}

func (e *Unreachable) Unwrap() error { return e.Err }

// authError says that what listens wants to know first who we are.
type authError struct{ err error }

func (e *authError) Error() string {
	return "it closed the connection at the first call, as one does that wants SASL or TLS"
}

func (e *authError) Unwrap() error { return e.err }

// raised is an exception that a call declares: its number among the call's, and what it says.
type raised struct {
	number int16
	text   string
}

func (e *raised) Error() string { return e.text }

// errUnknownMethod says that the metastore has no such call.
var errUnknownMethod = errors.New("no such call")

// call asks and gives the result's struct; the value of a call that has one is field 0.
func (s *session) call(name string, args object) (object, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	s.sequence++
	e := &encoder{}
	e.message(name, call, s.sequence, args)
	_ = s.conn.SetDeadline(time.Now().Add(s.timeout))
	d := &decoder{in: s.in, left: maxMessage}
	_, err := s.conn.Write(e.b)
	var kind byte
	var body object
	if err == nil && !s.heard {
		if head, _ := s.in.Peek(2); secure.Alert(head) {
			err = secure.ErrPlain
		}
	}
	if err == nil {
		_, kind, body = d.message()
		err = d.err
	}
	if s.ctx.Err() != nil {
		return nil, s.ctx.Err()
	}
	if err != nil {
		if !s.heard && (secure.Closed(err) || errors.Is(err, errMalformed)) {
			return nil, &authError{err}
		}
		return nil, fmt.Errorf("the Hive metastore at %s, asked to %s: %w", s.host, name, err)
	}
	s.heard = true
	if kind == exception {
		if body.number(2) == 1 {
			return nil, errUnknownMethod
		}
		return nil, fmt.Errorf("the Hive metastore at %s, asked to %s: %s", s.host, name, body.text(1))
	}
	for number, v := range body {
		if e, ok := v.(object); ok && number > 0 {
			return nil, &raised{number, e.text(1)}
		}
	}
	return body, nil
}

func (s *session) databases() ([]string, error) {
	r, err := s.call("get_all_databases", object{})
	return r.texts(0), err
}

func (s *session) tables(db string) ([]string, error) {
	r, err := s.call("get_all_tables", object{1: db})
	return r.texts(0), err
}

// table asks for a table; Hive 4 knows the newer call alone.
func (s *session) table(db, table string) (object, error) {
	r, err := s.call("get_table", object{1: db, 2: table})
	if errors.Is(err, errUnknownMethod) {
		r, err = s.call("get_table_req", object{1: object{1: db, 2: table}})
		return r.object(0).object(1), err
	}
	return r.object(0), err
}

// partitionsAtOnce keeps an answer small: a partition takes a kilobyte or two.
const partitionsAtOnce = 500

// partitions are those that a filter of Hive's language lets through, all where it is "".
func (s *session) partitions(db, table, filter string) ([]object, error) {
	if filter != "" {
		r, err := s.call("get_partitions_by_filter", object{1: db, 2: table, 3: filter, 4: int16(-1)})
		return r.objects(0), err
	}
	r, err := s.call("get_partition_names", object{1: db, 2: table, 3: int16(-1)})
	if err != nil {
		return nil, err
	}
	names, _ := r[0].([]any)
	var out []object
	for at := 0; at < len(names); at += partitionsAtOnce {
		r, err := s.call("get_partitions_by_names", object{1: db, 2: table, 3: names[at:min(len(names), at+partitionsAtOnce)]})
		if err != nil {
			return nil, err
		}
		out = append(out, r.objects(0)...)
	}
	return out, nil
}
