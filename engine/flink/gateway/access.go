package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bighead-ml/bighead/secure"
)

// Access is what Flink's servers are shown, and known by: the SQL gateway, and the JobManager, which go by one configuration of Flink's own. The
// zero value shows nothing, and trusts whom the system trusts. Whether TLS is spoken the address says.
type Access struct {
	TLS secure.TLS
	// Token is a bearer's; User and Password are for those that want these. Neither is sent without TLS.
	Token, User, Password string
}

// section is where the settings of TLS stand, as messages call it.
const section = "[flink.tls]"

// Check says what no server could be reached with.
func (a Access) Check() error {
	_, err := a.config()
	return err
}

func (a Access) config() (*tls.Config, error) {
	switch {
	case a.Token != "" && (a.User != "" || a.Password != ""):
		return nil, errors.New("[flink] names both a token and a user, and a server takes one of them: leave token out, or user and password")
	case a.User == "" && a.Password != "":
		return nil, errors.New("[flink] names a password and no user: set user")
	case a.User != "" && a.Password == "":
		return nil, errors.New("[flink] names a user and no password: set password")
	}
	out, err := a.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("%s %w", section, err)
	}
	return out, nil
}

// client is for one server at a base URL. It goes nowhere else: a server that sends it on is told about.
func (a Access) client(base string, within time.Duration) (*http.Client, error) {
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = config
	out := &http.Client{Timeout: within, Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	// What stands in the address goes before.
	if u.Scheme == "https" && u.User == nil {
		switch {
		case a.Token != "":
			out.Transport = login{t, "Bearer " + a.Token}
		case a.User != "":
			out.Transport = login{t, "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password))}
		}
	}
	return out, nil
}

// login says with each request who we are.
type login struct {
	*http.Transport
	header string
}

func (l login) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", l.header)
	return l.Transport.RoundTrip(r)
}

// Server is one of Flink's servers. It is safe for concurrent use.
type Server struct {
	Base   string // http://host:port
	what   string // as messages call it
	away   string // what to do where it does not answer
	cure   secure.Where
	access Access
	http   *http.Client
}

// Gateway is the SQL gateway at a base URL. Nothing is asked yet.
func (a Access) Gateway(base string) (*Server, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("flink gateway: %q is not an address; want http://host:port, e.g. http://127.0.0.1:8083", Shown(base))
	}
	if u.Scheme == "http" && (a.Token != "" || a.User != "") {
		return nil, fmt.Errorf("flink gateway at %s: [flink] names a token or a user, which is not sent without TLS: write https:// in [stream] gateway", Shown(base))
	}
	return a.server(base, "flink gateway", "see that Flink's SQL gateway runs, and gateway under [stream]", 0, secure.Where{Yes: "write https:// in [stream] gateway", No: "write http:// in [stream] gateway, or have TLS turned on there (security.ssl.rest.enabled)"})
}

// JobManager is the JobManager's REST interface at a base URL, each of whose answers is to come within a time. Nothing is asked yet.
func (a Access) JobManager(base string, within time.Duration) (*Server, error) {
	return a.server(base, "flink's JobManager", "see that it runs, and the address in the settings of the SQL gateway (rest.address, rest.port)", within, secure.Where{
		Yes: "the SQL gateway's own configuration is to say so: security.ssl.rest.enabled, as the JobManager's does",
		No:  "the SQL gateway's own configuration says that it does: have security.ssl.rest.enabled be there what it is in the JobManager's",
	})
}

func (a Access) server(base, what, away string, within time.Duration, w secure.Where) (*Server, error) {
	k, err := a.client(base, within)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", what, Shown(base), err)
	}
	w.TLS, w.Section = a.TLS, section
	u, _ := url.Parse(base) // which client has read
	w.TLS.On = u.Scheme == "https"
	return &Server{Base: base, what: what, away: away, cure: w, access: a, http: k}, nil
}

// Do makes a request. Its errors name the server, and what to do.
func (s *Server) Do(req *http.Request) (*http.Response, error) {
	resp, err := s.http.Do(req)
	if err == nil {
		return resp, nil
	}
	var named *url.Error
	if errors.As(err, &named) { // which names the address again, and a user in it
		err = named.Err
	}
	if ended := req.Context().Err(); ended != nil {
		if errors.Is(ended, context.Canceled) {
			return nil, fmt.Errorf("%s at %s: %w", s.what, Shown(s.Base), ended)
		}
		err = ended
	}
	return nil, s.failed(err)
}

func (s *Server) failed(err error) error {
	if cure := s.cure.Cure(err); cure != "" {
		return &secure.Failure{What: s.what + " at " + Shown(s.Base), Err: err, Cure: cure}
	}
	return fmt.Errorf("%s at %s does not answer: %w; %s", s.what, Shown(s.Base), err, s.away)
}

// Refusal finds in an answer that it is none of Flink's own, but of one that does not talk with us so: it wants to know who we are, it sends us on, or it
// wants TLS. nil: it is another answer.
func (s *Server) Refusal(resp *http.Response, body []byte) error {
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusProxyAuthRequired:
		return &secure.Failure{What: s.what + " at " + Shown(s.Base), Err: fmt.Errorf("it refuses us: %s%s", resp.Status, said(body)), Cure: s.letIn(resp.Header.Get("WWW-Authenticate"))}
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		to := resp.Header.Get("Location")
		if u, err := resp.Location(); err == nil {
			u.User, u.RawQuery, u.Path = nil, "", ""
			to = u.String()
		}
		if u, err := url.Parse(to); err == nil && u.Scheme == "https" && !s.cure.TLS.On {
			return s.failed(fmt.Errorf("%w, and sends us on to %s", secure.ErrPlain, to))
		}
		return fmt.Errorf("%s at %s: %s: it sends us on to %s, where nobody goes unasked: write the address that it is reached at", s.what, Shown(s.Base), resp.Status, to)
	}
	if err := secure.Plain(resp.StatusCode, body); err != nil {
		return s.failed(err)
	}
	return nil
}

// letIn is what to do to be let in, after what the server says that it wants.
func (s *Server) letIn(wants string) string {
	has := ""
	switch {
	case s.access.Token != "":
		has = "token"
	case s.access.User != "":
		has = "user and password"
	}
	switch {
	case has != "" && s.cure.TLS.On:
		return "it does not take the " + has + " under [flink]: set what it takes, or see who may use it"
	case has != "":
		return "the " + has + " under [flink] is not sent to it, for it speaks no TLS: have it speak TLS (security.ssl.rest.enabled)"
	case bytes.HasPrefix(bytes.ToLower([]byte(wants)), []byte("basic")):
		return "set user and password under [flink] to what it takes"
	}
	return "set token, or user and password, under [flink] to what it takes, or see who may use it"
}

// said is the beginning of what a server says beside its status.
func said(body []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	if len(line) == 0 || line[0] == '<' || line[0] == '{' {
		return ""
	}
	return fmt.Sprintf(" (%.100s)", line)
}

// Close lets go of connections that are kept.
func (s *Server) Close() { s.http.CloseIdleConnections() }
