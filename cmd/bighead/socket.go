package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
)

// Each `up` of a project listens on a socket of its own beside the others', and socketName is a link to that of the active one. Who asks
// goes by the link, and where that leads nowhere, to any that answers.
const (
	socketName   = "up.sock"
	ownSockets   = "up-*.sock"
	forwardCalls = "/v1/forward/events/" // from one that stands by to the active one
)

func socketPath(p *project.Project) string { return filepath.Join(p.Root, ".bighead", socketName) }

// listenOwn listens on a socket of this process's own, and removes those that processes which were killed have left.
func listenOwn(p *project.Project) (net.Listener, error) {
	dir := filepath.Dir(socketPath(p))
	if err := folder(dir); err != nil {
		return nil, err
	}
	removeDead(dir)
	var id [2]byte
	for range 10 {
		_, _ = rand.Read(id[:]) // it never fails
		l, err := net.Listen("unix", filepath.Join(dir, "up-"+hex.EncodeToString(id[:])+".sock"))
		if !errors.Is(err, syscall.EADDRINUSE) {
			if err != nil {
				err = fmt.Errorf("listen on the project's socket: %w", err)
			}
			return l, err
		}
	}
	return nil, fmt.Errorf("listen on the project's socket: %s is full of sockets", dir)
}

// youngSocket is how old a socket is at least that may be taken for left behind: one that is younger may not listen yet.
const youngSocket = time.Minute

func removeDead(dir string) {
	paths, _ := filepath.Glob(filepath.Join(dir, ownSockets)) // the pattern is good
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < youngSocket {
			continue
		}
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path) // another may do it too
		}
	}
}

// pointTo makes the project's socket lead to a process's own, in one step.
func pointTo(p *project.Project, own string) error {
	link := own + ".link"
	err := os.Symlink(filepath.Base(own), link)
	if err == nil {
		err = os.Rename(link, socketPath(p))
	}
	if err != nil {
		return fmt.Errorf("link the project's socket: %w", err)
	}
	return nil
}

// dialActive reaches the process that the project's socket leads to.
func dialActive(ctx context.Context, p *project.Project) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", socketPath(p))
}

// dialAny reaches the active process, or where there is none any that runs in the project; errNoServer where none does.
func dialAny(ctx context.Context, p *project.Project) (net.Conn, error) {
	conn, err := dialActive(ctx, p)
	if err == nil {
		return conn, nil
	}
	paths, _ := filepath.Glob(filepath.Join(filepath.Dir(socketPath(p)), ownSockets)) // the pattern is good
	for _, path := range paths {
		if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path); err == nil {
			return conn, nil
		}
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, errNoServer
	}
	return nil, fmt.Errorf("ask the server of this project: %w", err)
}

// forwarded is the answer of the active process to one that stands by.
type forwarded struct {
	Pushed  []serve.Pushed
	Problem *serve.Problem
}

// noActive says to a caller that its events are to be sent again.
func (o *online) noActive(err error) error {
	return &serve.Problem{Code: feature.CodeNoStream, Detail: err.Error(), Cure: "come again shortly: a process that stands by takes over", After: time.Second}
}

// toActive is a client of the active process.
func (o *online) toActive() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialActive(ctx, o.project) }}}
}

// forward hands events to the active process. Where it is not known what became of them, the caller is told to come again: copies of rows
// with an id count once.
func (o *online) forward(ctx context.Context, e serve.Events) ([]serve.Pushed, error) {
	ctx, cancel := context.WithTimeout(ctx, o.lease.ttl+5*time.Second) // it may be held up for longer than its lease
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://up"+forwardCalls+url.PathEscape(e.Name), bytes.NewReader(e.Body))
	if err != nil {
		return nil, err
	}
	if e.Key != "" {
		req.Header.Set("Idempotency-Key", e.Key)
	}
	res, err := o.toActive().Do(req)
	if err != nil {
		return nil, o.noActive(fmt.Errorf("%w; it could not be asked: %w", o.errStandby(), err))
	}
	defer res.Body.Close()
	var a forwarded
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return nil, o.noActive(fmt.Errorf("%w; its answer was cut short: %w", o.errStandby(), err))
	}
	if a.Problem != nil {
		return nil, a.Problem
	}
	return a.Pushed, nil
}

// takeForwarded answers a process that stands by. It never forwards.
func (o *online) takeForwarded(w http.ResponseWriter, r *http.Request) {
	var a forwarded
	body, err := io.ReadAll(r.Body)
	if err == nil {
		a.Pushed, err = o.push(r.Context(), serve.Events{Name: r.PathValue("name"), Key: r.Header.Get("Idempotency-Key"), Body: body})
	}
	if err != nil && !errors.As(err, &a.Problem) {
		a.Problem = &serve.Problem{Code: feature.CodeNoStream, Detail: err.Error(), Cure: "come again shortly", After: time.Second}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // a caller that is gone hears nothing
}
