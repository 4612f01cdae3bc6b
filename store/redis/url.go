package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/store"
)

// parameters are what may stand behind the ? of a URL.
var parameters = []string{"addr", "db", "master_set", "sentinel_username", "sentinel_password", "ca", "cert", "key", "skip_verify"}

// parseURL reads where a store is, and gives it without passwords for messages.
//
//	redis://user:password@host:6379/0                        one server; rediss:// for TLS
//	redis://host:6379?addr=host2:6379&addr=host3:6379        a Cluster, of which these nodes are asked first
//	redis://host:26379?addr=host2:26379&master_set=mymaster  Sentinels, which name the master; their own user and password are
//	                                                         sentinel_username and sentinel_password
//
// With TLS ca names a file of certificates to trust instead of the machine's, cert and key the client's own.
func parseURL(text string) (rueidis.ClientOption, string, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The parser's message has the URL in it, and with it the password.
		var reason *url.Error
		if errors.As(err, &reason) {
			err = reason.Err
		}
		return rueidis.ClientOption{}, "", fmt.Errorf("its URL cannot be read: %w", err)
	}
	if !slices.Contains([]string{"redis", "rediss"}, u.Scheme) || u.Host == "" {
		return rueidis.ClientOption{}, "", fmt.Errorf("%q is no URL of Redis: want redis://host:port, or rediss://host:port with TLS", u.Redacted())
	}
	at := u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")
	q := u.Query()
	for name, values := range q {
		if !slices.Contains(parameters, name) {
			return rueidis.ClientOption{}, at, fmt.Errorf("%s: unknown parameter %q; want one of %s", at, name, strings.Join(parameters, ", "))
		}
		if name != "addr" && len(values) > 1 {
			return rueidis.ClientOption{}, at, fmt.Errorf("%s: parameter %q is given twice", at, name)
		}
	}
	opt, err := rueidis.ParseURL(text)
	if err != nil {
		return opt, at, fmt.Errorf("%s: %w", at, err)
	}
	opt.DisableCache = true // see Later in doc.go
	opt.DisableRetry = true // again does it, and ends
	opt.ClientName = "bighead"
	if err := withTLS(opt.TLSConfig, q); err != nil {
		return opt, at, fmt.Errorf("%s: %w", at, err)
	}
	opt.Sentinel.Username, opt.Sentinel.Password, opt.Sentinel.TLSConfig = q.Get("sentinel_username"), q.Get("sentinel_password"), opt.TLSConfig
	return opt, at, nil
}

// withTLS adds certificates. Without TLS they are a mistake.
func withTLS(config *tls.Config, q url.Values) error {
	if config == nil {
		for _, name := range []string{"ca", "cert", "key", "skip_verify"} {
			if q.Has(name) {
				return fmt.Errorf("parameter %q means nothing without TLS: want rediss://", name)
			}
		}
		return nil
	}
	read, err := secure.TLS{CA: q.Get("ca"), Cert: q.Get("cert"), Key: q.Get("key")}.Config()
	if err != nil {
		return err
	}
	config.RootCAs, config.GetClientCertificate = read.RootCAs, read.GetClientCertificate
	return nil
}

var _ store.Store = (*Store)(nil)
