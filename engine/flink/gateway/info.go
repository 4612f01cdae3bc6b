package gateway

import (
	"context"
	"fmt"
	"net/http"
)

// Version asks the gateway at a base URL what it is: "2.3.0" of Flink. What answers and is no Flink is an error that says so.
func (a Access) Version(ctx context.Context, base string) (string, error) {
	at, err := a.Gateway(base)
	if err != nil {
		return "", err
	}
	defer at.Close()
	s := &Session{at: at}
	var info struct{ ProductName, Version string }
	if err := s.call(ctx, http.MethodGet, "/v3/info", nil, &info); err != nil {
		return "", err
	}
	if info.ProductName != "Apache Flink" || info.Version == "" {
		return "", fmt.Errorf("flink gateway at %s: it says that it is %q, not Apache Flink", Shown(base), info.ProductName)
	}
	return info.Version, nil
}
