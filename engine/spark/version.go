package spark

import (
	"context"
	"fmt"
	"strings"
)

// Version asks the server for its own.
func (e *Engine) Version(ctx context.Context) (string, error) {
	s, err := e.connected(ctx)
	if err != nil {
		return "", err
	}
	res, err := s.Query(ctx, "select version()")
	if err != nil {
		e.lost(s, err)
		return "", err
	}
	if len(res.Rows) != 1 || len(res.Rows[0]) != 1 {
		return "", fmt.Errorf("spark: asked for its version it gives %d rows", len(res.Rows))
	}
	release, _, _ := strings.Cut(res.Rows[0][0].String(), " ") // the commit follows
	return release, nil
}
