package gateway

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/secure/securetest"
)

// serveTLS is a gateway that shows a certificate, and wants one of its clients' where there is a pool.
func serveTLS(t *testing.T, h http.Handler, config *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS, s.Config.ErrorLog = config, log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// info answers as a gateway does that lets in who says so in the header; "": everybody.
func info(header, wants string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if header != "" && r.Header.Get("Authorization") != header {
			w.Header().Set("WWW-Authenticate", wants)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"productName":"Apache Flink","version":"2.3.0"}`)
	})
}

// TestTLS asks gateways with TLS as settings say it: each that does not come about names the server, what is wrong and the setting that helps.
func TestTLS(t *testing.T) {
	a, other := securetest.New(t), securetest.New(t)
	here, elsewhere, late := a.Sign(time.Hour, "127.0.0.1"), a.Sign(time.Hour, "flink.example"), a.Sign(-time.Hour, "127.0.0.1")
	ours, theirs := a.Sign(time.Hour), other.Sign(time.Hour)
	shows := func(p securetest.Pair) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.Own}} }
	mutual := shows(here)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, a.Pool
	old := shows(here)
	old.MaxVersion = tls.VersionTLS11
	old.MinVersion = tls.VersionTLS10
	plain := httptest.NewServer(info("", ""))
	defer plain.Close()
	open, closed := serveTLS(t, info("", ""), shows(here)), serveTLS(t, info("", ""), mutual)
	trusting := secure.TLS{CA: a.File}
	with := func(p securetest.Pair) secure.TLS { return secure.TLS{CA: a.File, Cert: p.Cert, Key: p.Key} }
	renamed := trusting
	renamed.ServerName = "flink.example"
	for name, c := range map[string]struct {
		at   string
		tls  secure.TLS
		says string // "": it answers
	}{
		"trusted":                            {open, trusting, ""},
		"not trusted":                        {open, secure.TLS{}, "nobody who is trusted here has signed its certificate: name by ca under [flink.tls] a file of the authority's"},
		"another authority":                  {open, secure.TLS{CA: other.File}, "name by ca under [flink.tls]"},
		"another host's":                     {serveTLS(t, info("", ""), shows(elsewhere)), trusting, "its certificate is another host's (flink.example): correct the address, or name by server_name under [flink.tls]"},
		"another host's, by name":            {serveTLS(t, info("", ""), shows(elsewhere)), renamed, ""},
		"out of date":                        {serveTLS(t, info("", ""), shows(late)), trusting, "its certificate is out of date"},
		"mutual":                             {closed, with(ours), ""},
		"mutual, without one":                {closed, trusting, "name that by cert and key under [flink.tls]"},
		"mutual, another authority's":        {closed, with(theirs), "it does not take our certificate: cert and key under [flink.tls] are to be of an authority that it trusts"},
		"of another version":                 {serveTLS(t, info("", ""), old), trusting, "have it take TLS 1.2 or newer"},
		"it has none":                        {strings.Replace(plain.URL, "http:", "https:", 1), trusting, "it speaks no TLS: write http:// in [stream] gateway"},
		"it has, and nobody asks for it":     {strings.Replace(open, "https:", "http:", 1), trusting, "it speaks TLS, and was asked without; write https:// in [stream] gateway"},
		"a file that is not there":           {open, secure.TLS{CA: "/no/such"}, "[flink.tls] TLS: certificates of the authority: open /no/such"},
		"a certificate without its key":      {open, secure.TLS{CA: a.File, Cert: ours.Cert}, "cert is named, and its key is not"},
		"a certificate with another's key":   {open, secure.TLS{CA: a.File, Cert: ours.Cert, Key: theirs.Key}, "our own certificate and key"},
		"a file that holds no certificate":   {open, secure.TLS{CA: ours.Key}, "holds no PEM certificate"},
		"a server that sends on to its TLS":  {redirecting(t, open+"/x?secret"), trusting, "it speaks TLS, and was asked without, and sends us on to " + open + "; write https:// in [stream] gateway"},
		"a server that sends on to somebody": {redirecting(t, plain.URL+"/x?secret"), trusting, "307 Temporary Redirect: it sends us on to " + plain.URL + ", where nobody goes unasked"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := Access{TLS: c.tls}.Version(t.Context(), c.at)
			if c.says == "" {
				if err != nil || v != "2.3.0" {
					t.Errorf("it says %q, %v", v, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "flink gateway at "+c.at) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") || strings.Count(err.Error(), c.at) > 1 {
				t.Errorf("it says %v, want %s", err, c.says)
			}
		})
	}
}

func redirecting(t *testing.T, to string) string {
	t.Helper()
	s := httptest.NewServer(http.RedirectHandler(to, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	return s.URL
}

// TestLogin: a gateway behind one that wants a token, or a user, gets that, and over TLS alone; nothing that is said has it.
func TestLogin(t *testing.T) {
	a := securetest.New(t)
	shows := &tls.Config{Certificates: []tls.Certificate{a.Sign(time.Hour, "127.0.0.1").Own}}
	const basic = "Basic dXM6aHVzaC1odXNo" // us:hush-hush
	bearer, user, old := serveTLS(t, info("Bearer hush-hush", "Bearer"), shows), serveTLS(t, info(basic, "Basic realm=x"), shows), serveTLS(t, info("", ""), shows)
	overheard := ""
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { overheard += r.Header.Get("Authorization") }))
	defer plain.Close()
	for name, c := range map[string]struct {
		at     string
		access Access
		says   string
	}{
		"token":                    {bearer, Access{Token: "hush-hush"}, ""},
		"user":                     {user, Access{User: "us", Password: "hush-hush"}, ""},
		"user in the address":      {strings.Replace(user, "://", "://us:hush-hush@", 1), Access{}, ""},
		"nobody asks":              {old, Access{Token: "hush-hush"}, ""},
		"no token":                 {bearer, Access{}, ": it refuses us: 401 Unauthorized; set token, or user and password, under [flink] to what it takes"},
		"no user":                  {user, Access{}, ": it refuses us: 401 Unauthorized; set user and password under [flink] to what it takes"},
		"another token":            {bearer, Access{Token: "hush-not"}, "it does not take the token under [flink]"},
		"another password":         {user, Access{User: "us", Password: "hush-not"}, "it does not take the user and password under [flink]"},
		"token without TLS":        {plain.URL, Access{Token: "hush-hush"}, "which is not sent without TLS: write https:// in [stream] gateway"},
		"user without TLS":         {plain.URL, Access{User: "us", Password: "hush-hush"}, "which is not sent without TLS"},
		"both":                     {bearer, Access{Token: "hush-hush", User: "us", Password: "hush-hush"}, "both a token and a user"},
		"a password without user":  {bearer, Access{Password: "hush-hush"}, "a password and no user: set user"},
		"a user without password":  {bearer, Access{User: "us"}, "a user and no password: set password"},
		"a token goes nowhere on":  {serveTLS(t, http.RedirectHandler(plain.URL+"/", http.StatusFound), shows), Access{Token: "hush-hush"}, "sends us on to " + plain.URL},
		"an address that says 403": {serveTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "RBAC: no", http.StatusForbidden) }), shows), Access{}, "403 Forbidden (RBAC: no); set token"},
	} {
		t.Run(name, func(t *testing.T) {
			c.access.TLS.CA = a.File
			v, err := c.access.Version(t.Context(), c.at)
			if c.says == "" {
				if err != nil || v != "2.3.0" {
					t.Errorf("it says %q, %v", v, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hush") {
				t.Errorf("it says %v, want %s", err, c.says)
			}
			var refused *secure.Failure
			if err != nil && strings.Contains(err.Error(), "refuses us") && !errors.As(err, &refused) {
				t.Errorf("%v is no refusal", err)
			}
		})
	}
	// The JobManager that the gateway names without TLS hears nothing either, and where it refuses us, why.
	m, err := Access{Token: "hush-hush"}.JobManager(plain.URL, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, plain.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := m.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.StatusCode = http.StatusUnauthorized
	if err := m.Refusal(resp, nil); err == nil || !strings.Contains(err.Error(), "the token under [flink] is not sent to it, for it speaks no TLS") {
		t.Errorf("the JobManager's refusal says %v", err)
	}
	if overheard != "" {
		t.Errorf("without TLS was sent %q", overheard)
	}
}

// TestRenewed: certificates are read for each session, so those that were renewed in their places are.
func TestRenewed(t *testing.T) {
	a, other := securetest.New(t), securetest.New(t)
	at := serveTLS(t, info("", ""), &tls.Config{Certificates: []tls.Certificate{a.Sign(time.Hour, "127.0.0.1").Own}})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	for _, c := range []struct {
		from string
		good bool
	}{{other.File, false}, {a.File, true}} {
		text, err := os.ReadFile(c.from)
		if err == nil {
			err = os.WriteFile(ca, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (Access{TLS: secure.TLS{CA: ca}}).Version(t.Context(), at); (err == nil) != c.good {
			t.Errorf("with %s it says %v", c.from, err)
		}
	}
}
