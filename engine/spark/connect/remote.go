package connect

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// defaultPort is where a Connect server listens unless told otherwise.
const defaultPort = "15002"

// remote is a parsed connection string.
type remote struct {
	address string
	tls     bool
	token   string
	user    string
}

// parseRemote reads Spark's connection strings, sc://host:port/;use_ssl=true;token=…;user_id=…. A parameter that this
// client does not know is refused: dropping one could mean dropping the encryption that it asked for.
func parseRemote(text string) (remote, error) {
	bad := func(format string, args ...any) (remote, error) {
		return remote{}, fmt.Errorf("spark remote: %s; want sc://host:port, e.g. sc://127.0.0.1:15002", fmt.Sprintf(format, args...))
	}
	rest, ok := strings.CutPrefix(text, "sc://")
	if !ok {
		return bad("it does not begin with sc://")
	}
	host, params, _ := strings.Cut(rest, "/")
	if host == "" || strings.Contains(host, ";") {
		return bad("no host")
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
	}
	r := remote{address: host}
	for _, param := range strings.Split(params, ";") {
		if param == "" {
			continue
		}
		name, escaped, _ := strings.Cut(param, "=")
		val, err := url.QueryUnescape(escaped)
		if err != nil {
			return bad("parameter %s: %v", name, err)
		}
		switch name {
		case "use_ssl":
			if r.tls, err = strconv.ParseBool(val); err != nil {
				return bad("use_ssl is %q, not true or false", val)
			}
		case "token":
			r.token = val
		case "user_id":
			r.user = val
		default:
			return bad("unknown parameter %q (known: token, use_ssl, user_id)", name)
		}
	}
	if r.token != "" {
		r.tls = true // as Spark's own clients do: a token never travels in the clear
	}
	return r, nil
}
