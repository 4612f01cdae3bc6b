package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Version asks the gateway at a base URL what it is: "2.3.0" of Flink. What answers and is no Flink is an error that says so.
func Version(ctx context.Context, base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("flink gateway: %q is not an address; want http://host:port, e.g. http://127.0.0.1:8083", Shown(base))
	}
	s := &Session{base: strings.TrimRight(base, "/"), http: &http.Client{}}
	defer s.http.CloseIdleConnections()
	var info struct{ ProductName, Version string }
	if err := s.call(ctx, http.MethodGet, "/v3/info", nil, &info); err != nil {
		return "", err
	}
	if info.ProductName != "Apache Flink" || info.Version == "" {
		return "", fmt.Errorf("flink gateway at %s: it says that it is %q, not Apache Flink", Shown(base), info.ProductName)
	}
	return info.Version, nil
}
