package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// farewell bounds what is said after the caller's context has ended: cancel, close. A gateway on a busy machine may take its time.
const farewell = 30 * time.Second

// The pause between two questions whether there are rows yet: short at first, since most statements of a warm gateway
// answer at once, then longer.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 200 * time.Millisecond
)

// Session is one session on a gateway. Its methods may be called from several goroutines; the gateway runs statements of
// one session one after another.
type Session struct {
	at     *Server
	handle string
}

// Open opens a session on the gateway at a base URL (http://host:8083), with Flink's settings as properties.
func Open(ctx context.Context, base string, properties map[string]string) (*Session, error) {
	return Access{}.Open(ctx, base, properties)
}

// Open opens a session as the function Open does.
func (a Access) Open(ctx context.Context, base string, properties map[string]string) (*Session, error) {
	at, err := a.Gateway(base)
	if err != nil {
		return nil, err
	}
	if properties == nil {
		properties = map[string]string{}
	}
	s := &Session{at: at}
	var answer struct{ SessionHandle string }
	if err := s.call(ctx, http.MethodPost, "/v3/sessions", map[string]any{"properties": properties}, &answer); err != nil {
		at.Close()
		return nil, err
	}
	if answer.SessionHandle == "" {
		at.Close()
		return nil, fmt.Errorf("flink gateway at %s: it gave no session; is this a Flink SQL gateway?", Shown(base))
	}
	s.handle = answer.SessionHandle
	return s, nil
}

// Shown is an address of a gateway for people: without the user and password that may be in it.
func Shown(base string) string {
	scheme, rest, ok := strings.Cut(base, "://")
	if !ok {
		scheme, rest = "", base
	}
	host, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndex(host, "@"); i >= 0 {
		host = host[i+1:]
	}
	if i := strings.LastIndex(path, "@"); i >= 0 { // a password with a slash
		host, path, _ = strings.Cut(path[i+1:], "/")
	}
	if path != "" {
		host += "/" + path
	}
	if ok {
		return scheme + "://" + host
	}
	return host
}

// Close ends the session on the gateway. Jobs that it submitted go on.
func (s *Session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := s.call(ctx, http.MethodDelete, s.path(), nil, nil)
	s.at.Close()
	return err
}

// Exec runs a statement to its end: SET, DDL, INSERT. An INSERT ends when its job is submitted, or with the setting
// table.dml-sync when its job has ended.
func (s *Session) Exec(ctx context.Context, sql string) error {
	return s.Pages(ctx, sql, func(Page) error { return nil })
}

// Query runs a bounded query and returns all of its rows. A row of a changelog that takes another back is an error:
// query in batch mode, or read Pages.
func (s *Session) Query(ctx context.Context, sql string) (Result, error) {
	var res Result
	err := s.Pages(ctx, sql, func(p Page) error { return res.add(p) })
	return res, err
}

// Pages runs a statement and hands each page that holds rows to yield; the first page, which names the columns, comes
// also when it is empty. An error of yield cancels the statement and is returned.
func (s *Session) Pages(ctx context.Context, sql string, yield func(Page) error) error {
	var op struct{ OperationHandle string }
	if err := s.call(ctx, http.MethodPost, s.path("statements"), map[string]any{"statement": sql}, &op); err != nil {
		return err
	}
	operation := s.path("operations", op.OperationHandle)
	err := s.follow(ctx, operation+"/result/0?rowFormat=JSON", yield)
	s.leave(operation, err != nil)
	return err
}

// follow asks for one page after another until the last.
func (s *Session) follow(ctx context.Context, next string, yield func(Page) error) error {
	pause, first := firstPause, true
	for {
		var a answer
		if err := s.call(ctx, http.MethodGet, next, nil, &a); err != nil {
			return err
		}
		ready := a.ResultType != "NOT_READY"
		if ready {
			if len(a.Results.Data) > 0 || first {
				if err := yield(Page{Job: a.JobID, Columns: a.Results.Columns, Rows: a.Results.Data}); err != nil {
					return err
				}
				first = false
			}
			if a.ResultType == "EOS" || a.NextResultURI == "" {
				return nil
			}
			next = a.NextResultURI
		}
		if ready && len(a.Results.Data) > 0 {
			pause = firstPause
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("flink gateway: %w", ctx.Err())
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// leave frees what the gateway holds for an operation, after cancelling it where it has not come to its end. The caller
// has its rows or its error already, and an operation that the gateway lost needs no freeing.
func (s *Session) leave(operation string, cancelIt bool) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if cancelIt {
		_ = s.call(ctx, http.MethodPost, operation+"/cancel", nil, nil)
	}
	_ = s.call(ctx, http.MethodDelete, operation+"/close", nil, nil)
}

func (s *Session) path(parts ...string) string {
	return "/v3/sessions/" + strings.Join(append([]string{s.handle}, parts...), "/")
}

// answer is the gateway's answer to a request for a page.
type answer struct {
	ResultType    string
	JobID         string
	NextResultURI string `json:"nextResultUri"`
	Results       struct {
		Columns []Column
		Data    []Row
	}
}

// call makes one request. body and into may be nil.
func (s *Session) call(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("flink gateway: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(s.at.Base, "/")+path, payload)
	if err != nil {
		return fmt.Errorf("flink gateway: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.at.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("flink gateway at %s: %w", Shown(s.at.Base), errors.Join(err, ctx.Err()))
	}
	if err := s.at.Refusal(resp, text); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return asError(resp.StatusCode, text)
	}
	if into == nil {
		return nil
	}
	decode := json.NewDecoder(bytes.NewReader(text))
	decode.UseNumber() // an int64 does not fit a float64
	if err := decode.Decode(into); err != nil {
		return fmt.Errorf("flink gateway at %s: its answer cannot be read: %w", Shown(s.at.Base), err)
	}
	return nil
}
