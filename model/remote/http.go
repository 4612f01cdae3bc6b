package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tensor"
)

// What is read of an answer at most, in bytes.
const (
	maxAnswer   = 16 << 20
	maxRefusal  = 4 << 10
	maxDescribe = 4 << 20
)

// overHTTP is the protocol over HTTP.
type overHTTP struct {
	client  *http.Client
	server  string // http://host:port and what stands before /v2
	model   string // its path
	version string // that was asked for
	token   string // "": none
	binary  bool   // the server takes tensors in binary
}

// connections is how many are kept, and how many there may be.
const (
	keptConnections = 64
	mostConnections = 512
)

func newHTTP(a *model.Address, by access) *overHTTP {
	scheme := "http"
	if a.TLS {
		scheme = "https"
	}
	w := &overHTTP{server: scheme + "://" + a.Host + a.Base, version: a.Version, token: by.token}
	w.model = w.server + "/v2/models/" + url.PathEscape(a.Name)
	if a.Version != "" {
		w.model += "/versions/" + url.PathEscape(a.Version)
	}
	w.client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, TLSHandshakeTimeout: 5 * time.Second,
			TLSClientConfig:   &tls.Config{RootCAs: by.roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, MaxIdleConns: keptConnections, MaxIdleConnsPerHost: keptConnections, MaxConnsPerHost: mostConnections,
			IdleConnTimeout: 90 * time.Second, DisableCompression: true, // so that a bound is one of memory too
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // rows go where the address says, and nowhere else
	}
	return w
}

func (w *overHTTP) close() error {
	w.client.CloseIdleConnections()
	return nil
}

// call makes a request and gives the whole answer of 200; other statuses are errors.
func (w *overHTTP) call(ctx context.Context, method, url string, body []byte, header http.Header, most int64) (http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if header != nil {
		r.Header = header
	}
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	// A name without a value is not sent: it tells the transport that the request may be sent again where a kept connection turns out to be closed.
	r.Header["X-Idempotency-Key"] = nil
	got, err := w.client.Do(r)
	if err != nil {
		return nil, nil, lost(err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(got.Body, maxRefusal)) // of what it says, what there is
		return nil, nil, refusal(got, text)
	}
	text, err := io.ReadAll(io.LimitReader(got.Body, most+1))
	if err != nil {
		return nil, nil, lost(fmt.Errorf("its answer ends half-way: %w", err))
	}
	if int64(len(text)) > most {
		return nil, nil, fmt.Errorf("its answer is longer than %d MiB", most>>20)
	}
	return got.Header, text, nil
}

// lost is an error of the connection, which another may not have.
func lost(err error) error {
	var u *url.Error
	if errors.As(err, &u) { // which names the address again
		err = u.Err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
}

// passing are the statuses of a server that may answer otherwise a moment later.
var passing = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// refused is a status other than 200.
type refused struct {
	status int
	text   string
}

func (e *refused) Error() string { return e.text }

func (e *refused) Unwrap() error {
	if slices.Contains(passing, e.status) {
		return model.ErrUnavailable
	}
	return nil
}

// refusal says with what a server refuses: its status, and its words where it has any.
func refusal(got *http.Response, text []byte) error {
	var said struct {
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"` // of FastAPI
	}
	words := ""
	if json.Unmarshal(text, &said) == nil {
		words = strings.Trim(cmp.Or(string(said.Error), string(said.Detail)), `"`)
	} else if !strings.Contains(got.Header.Get("Content-Type"), "html") {
		words = strings.TrimSpace(string(text))
	}
	e := &refused{status: got.StatusCode, text: fmt.Sprintf("the server answers %d %s", got.StatusCode, http.StatusText(got.StatusCode))}
	if words != "" {
		e.text += fmt.Sprintf(": %.300s", words)
	}
	if errors.Is(e, model.ErrUnavailable) {
		e.text = model.ErrUnavailable.Error() + ": " + e.text
	}
	return e
}

func (w *overHTTP) ready(ctx context.Context) error {
	_, _, err := w.call(ctx, http.MethodGet, w.model+"/ready", nil, nil, maxDescribe)
	return notReady(err)
}

// notReady is what a model that is not ready may become, whatever its server calls that; but a caller who is not let in stays out.
func notReady(err error) error {
	var r *refused
	if errors.As(err, &r) && r.status != http.StatusUnauthorized && r.status != http.StatusForbidden && !errors.Is(err, model.ErrUnavailable) {
		return fmt.Errorf("%w: the model is not ready there: %w", model.ErrUnavailable, err)
	}
	return err
}

func (w *overHTTP) describe(ctx context.Context) (*description, error) {
	var server struct {
		Name       string   `json:"name"`
		Extensions []string `json:"extensions"`
	}
	_, text, err := w.call(ctx, http.MethodGet, w.server+"/v2", nil, nil, maxDescribe)
	var r *refused
	switch {
	case errors.As(err, &r) && !errors.Is(err, model.ErrUnavailable): // it does not say what it is
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(text, &server); err != nil {
			return nil, fmt.Errorf("what answers at %s/v2 does not speak the Open Inference Protocol: %w", w.server, err)
		}
	}
	var m struct {
		Platform string            `json:"platform"`
		Inputs   []tensor.Metadata `json:"inputs"`
		Outputs  []tensor.Metadata `json:"outputs"`
	}
	if _, text, err = w.call(ctx, http.MethodGet, w.model, nil, nil, maxDescribe); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("the metadata at %s is none of the Open Inference Protocol: %w", w.model, err)
	}
	w.binary = slices.Contains(server.Extensions, tensor.BinaryExtension)
	return &description{server: server.Name, extensions: server.Extensions, platform: m.Platform, inputs: m.Inputs, outputs: m.Outputs}, nil
}

// httpRequest is the JSON of a request.
type httpRequest struct {
	Parameters map[string]any `json:"parameters,omitempty"`
	Inputs     []tensor.Part  `json:"inputs"`
	Outputs    []wantedPart   `json:"outputs"`
}

type wantedPart struct {
	Name       string          `json:"name"`
	Parameters map[string]bool `json:"parameters,omitempty"`
}

func (w *overHTTP) infer(ctx context.Context, inputs []*tensor.Tensor, outputs []string) ([]answered, error) {
	q := httpRequest{Parameters: map[string]any{}}
	if end, ok := ctx.Deadline(); ok {
		q.Parameters["timeout"] = max(1, time.Until(end).Microseconds())
	}
	var raw []byte
	for _, t := range inputs {
		var p tensor.Part
		p, raw = t.Part(w.binary, raw)
		q.Inputs = append(q.Inputs, p)
	}
	for _, name := range outputs {
		p := wantedPart{Name: name}
		if w.binary {
			p.Parameters = map[string]bool{"binary_data": true}
		}
		q.Outputs = append(q.Outputs, p)
	}
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if w.binary {
		header = http.Header{"Content-Type": {"application/octet-stream"}, tensor.LengthHeader: {strconv.Itoa(len(text))}}
	}
	answered, body, err := w.call(ctx, http.MethodPost, w.model+"/infer", append(text, raw...), header, maxAnswer)
	if err != nil {
		return nil, err
	}
	return w.answer(answered, body)
}

// answer reads the JSON of an answer and finds what of the bytes behind it is whose; the elements are not looked at.
func (w *overHTTP) answer(header http.Header, body []byte) ([]answered, error) {
	var raw []byte
	if text := header.Get(tensor.LengthHeader); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > len(body) {
			return nil, fmt.Errorf("its %s is %.40q, of an answer of %d bytes", tensor.LengthHeader, text, len(body))
		}
		body, raw = body[:n], body[n:]
	}
	var a struct {
		Version json.RawMessage `json:"model_version"`
		Outputs []tensor.Part   `json:"outputs"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("its answer is none of the Open Inference Protocol: %w", err)
	}
	if v := strings.Trim(string(a.Version), `"`); w.version != "" && v != "" && v != "null" && v != w.version {
		return nil, otherVersion(v, w.version)
	}
	out := make([]answered, len(a.Outputs))
	for i := range a.Outputs {
		p := &a.Outputs[i]
		own, rest, err := p.Cut(raw)
		if err != nil {
			return nil, fmt.Errorf("output %.60q: %w", p.Name, err)
		}
		raw = rest
		out[i] = answered{p.Metadata, func() (*tensor.Tensor, error) { return p.Tensor(own) }}
	}
	if len(raw) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last tensor of its answer", len(raw))
	}
	return out, nil
}

func otherVersion(got, asked string) error {
	return fmt.Errorf("version %.40q answers, where version %q was asked", got, asked)
}
