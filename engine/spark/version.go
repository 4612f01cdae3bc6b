package spark

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/engine/spark/connect"
)

// Oldest is the first major version that the printed SQL is for; before it there is no max_by of k, nor are there functions that it has.
const Oldest = 4

// tested is the version that the corpus runs on.
const tested = "4.3"

// An OldError says that a server's Spark is older than the SQL that it would be handed.
type OldError struct {
	Address, Version string
}

func (e *OldError) Error() string {
	return fmt.Sprintf("spark at %s: it is Spark %s, and the SQL that it is handed is for Spark %d and newer (%s is tested): start such a one, name another server in [batch] remote, or compute with engine = \"local\"",
		e.Address, e.Version, Oldest, tested)
}

// Version asks the server for its own, be it too old.
func (e *Engine) Version(ctx context.Context) (string, error) {
	_, err := e.connected(ctx)
	if old := new(OldError); errors.As(err, &old) {
		return old.Version, nil
	}
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.version, nil
}

// versionOf asks a session's server for its version, as 4.3.0.
func versionOf(ctx context.Context, s *connect.Session) (string, error) {
	res, err := s.Query(ctx, "select version()")
	if err != nil {
		return "", err
	}
	if len(res.Rows) != 1 || len(res.Rows[0]) != 1 {
		return "", fmt.Errorf("spark: asked for its version it gives %d rows", len(res.Rows))
	}
	release, _, _ := strings.Cut(res.Rows[0][0].String(), " ") // the commit follows
	return release, nil
}

// allowed refuses a version that the SQL is not for. What is no version is of some vendor's, whose SQL will tell.
func allowed(remote, version string) error {
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n >= Oldest {
		return nil
	}
	at, _, _ := strings.Cut(strings.TrimPrefix(remote, "sc://"), "/") // without its parameters, of which one may be a token
	return &OldError{Address: at, Version: version}
}
