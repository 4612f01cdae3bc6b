package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/bighead-ml/bighead/project"
)

// caller asks a server: the one that runs in the project through its socket, or one elsewhere.
type caller struct {
	base   string // URL
	token  string
	client *http.Client
	where  string // for people
}

// serverFlag is --server.
func serverFlag(set func(name, value string, usage string) *string) *string {
	return set("server", os.Getenv("BIGHEAD_SERVER"), "ask a server elsewhere, such as http://features:8080 (BIGHEAD_SERVER)")
}

// errNoServer says that nothing runs in the project.
var errNoServer = errors.New("no `bighead up` runs in this project")

// newCaller finds the server to ask: url where one is given, else the project's own; errNoServer where none runs.
func newCaller(p *project.Project, url string) (*caller, error) {
	if url != "" {
		return &caller{base: strings.TrimRight(url, "/"), token: os.Getenv("BIGHEAD_TOKEN"), client: &http.Client{}, where: url}, nil
	}
	conn, err := dialAny(context.Background(), p)
	if err != nil {
		return nil, err
	}
	conn.Close()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialAny(ctx, p) }
	return &caller{base: "http://up", client: &http.Client{Transport: &http.Transport{DialContext: dial}}, where: "the server that runs in this project"}, nil
}

// problemDocument is what a server says of a request that it does not answer (RFC 9457).
type problemDocument struct {
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
	Code   string   `json:"code"`
	Near   []string `json:"near"`
	Cure   string   `json:"cure"`
}

func (p *problemDocument) String() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if p.Code != "" && !strings.HasPrefix(text, p.Code) {
		text = p.Code + ": " + text
	}
	if len(p.Near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", p.Near[0])
	}
	if p.Cure != "" {
		text += "\n   " + p.Cure
	}
	return text
}

// call sends a request and reads the answer into out. A refusal is the user's mistake, what is not reached is something outside. Further
// headers are pairs of name and value.
func (k *caller) call(ctx context.Context, method, path, contentType string, body io.Reader, out any, header ...string) error {
	req, err := http.NewRequestWithContext(ctx, method, k.base+path, body)
	if err != nil {
		return usage{err}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if k.token != "" {
		req.Header.Set("Authorization", "Bearer "+k.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := k.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", k.where, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("ask %s: %w", k.where, err)
	}
	if res.StatusCode >= 300 {
		return k.refusal(res.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(out); err != nil {
		return fmt.Errorf("ask %s: its answer is no JSON of ours: %w", k.where, err)
	}
	return nil
}

func (k *caller) refusal(status int, text []byte) error {
	var p problemDocument
	if err := json.Unmarshal(text, &p); err != nil || p.Title == "" && p.Detail == "" {
		p = problemDocument{Detail: fmt.Sprintf("%s answered %d %s", k.where, status, http.StatusText(status))}
	}
	switch {
	case status >= 500:
		return errors.New(p.String())
	case status == http.StatusConflict:
		return &conflict{p.String()}
	}
	return mistakef("%s", p.String())
}

// conflict is a refusal for what has changed meanwhile, and not for a mistake: the same may be done if it is begun anew.
type conflict struct{ text string }

func (c *conflict) Error() string { return c.text }
