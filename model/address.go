package model

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/model/tensor"
)

// Address is where a model that runs elsewhere is asked by the Open Inference Protocol, over HTTP or gRPC:
//
//	http://host:8000/v2/models/late              https:// likewise; in front of /v2 a path may stand
//	http://host:8000/v2/models/late/versions/3   that version alone
//	grpc://host:8001/late/3                      grpcs:// with TLS
//
// What its server does not say itself may stand behind it: ?input=x:FP64:-1,12 and ?output=y:FP64:-1 the tensors (the first dimension is the
// rows), ?output=y which of its outputs are meant, ?rows=8 how many rows it takes at once.
type Address struct {
	Text    string
	GRPC    bool
	TLS     bool
	Host    string // with its port
	Base    string // of HTTP, escaped: what stands before /v2
	Name    string
	Version string            // "": the one that the server answers with
	Inputs  []tensor.Metadata // none: the server says them
	Outputs []tensor.Metadata // none: all that the server says; without a datatype: as the server says of that one
	Rows    int               // at most, in one request
}

// The rows that are asked at once where an address does not say how many.
const (
	defaultRows = 256
	maxRows     = 1 << 16
)

// IsAddress tells an address from a path.
func IsAddress(location string) bool { return strings.Contains(location, "://") }

// ParseAddress reads an address. What is wrong with it is said with what to write instead.
func ParseAddress(text string) (*Address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	a := &Address{Text: text, Host: u.Host, Rows: defaultRows}
	switch u.Scheme {
	case "http", "https":
	case "grpc", "grpcs":
		a.GRPC = true
	default:
		return nil, errors.New("a model elsewhere is asked at http://, https://, grpc:// or grpcs://")
	}
	a.TLS = u.Scheme == "https" || u.Scheme == "grpcs"
	switch {
	case u.User != nil:
		return nil, errors.New("it names a user or a password, which would stand in every artifact: leave them out")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.Fragment != "":
		return nil, errors.New("a # has no meaning in it")
	}
	if a.GRPC && u.Port() == "" {
		return nil, errors.New("it names no port: grpc://host:8001/MODEL")
	}
	if u.Port() == "" {
		if a.Host = net.JoinHostPort(u.Hostname(), "80"); a.TLS {
			a.Host = net.JoinHostPort(u.Hostname(), "443")
		}
	}
	if err := a.path(u.EscapedPath()); err != nil {
		return nil, err
	}
	return a, a.query(u.RawQuery)
}

// path finds the model and its version.
func (a *Address) path(path string) error {
	form := errors.New("it names no model: http://host:port/v2/models/MODEL, with /versions/V where one version is meant")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if a.GRPC {
		form = errors.New("it names no model: grpc://host:port/MODEL, or grpc://host:port/MODEL/VERSION")
	} else {
		i := strings.LastIndex(path, "/v2/models/")
		if i < 0 {
			return form
		}
		a.Base = path[:i]
		parts = strings.Split(path[i+len("/v2/models/"):], "/")
		if len(parts) == 3 && parts[1] == "versions" {
			parts = []string{parts[0], parts[2]}
		} else if len(parts) > 1 {
			return form
		}
	}
	if len(parts) > 2 || slices.Contains(parts, "") {
		return form
	}
	for i, to := range []*string{&a.Name, &a.Version}[:len(parts)] {
		var err error
		if *to, err = url.PathUnescape(parts[i]); err != nil {
			return form
		}
	}
	return nil
}

// query reads what the server does not say.
func (a *Address) query(text string) error {
	q, err := url.ParseQuery(text)
	if err != nil {
		return errors.New("what stands behind its ? cannot be read")
	}
	for name, values := range q {
		for _, v := range values {
			switch name {
			case "input":
				t, err := parseMetadata(v)
				if err != nil {
					return fmt.Errorf("input=%s: %w", v, err)
				}
				a.Inputs = append(a.Inputs, t)
			case "output":
				t := tensor.Metadata{Name: v}
				if strings.Contains(v, ":") {
					if t, err = parseMetadata(v); err != nil {
						return fmt.Errorf("output=%s: %w", v, err)
					}
				}
				a.Outputs = append(a.Outputs, t)
			case "rows":
				if a.Rows, err = strconv.Atoi(v); err != nil || a.Rows < 1 || a.Rows > maxRows || len(values) > 1 {
					return fmt.Errorf("rows=%s: write a whole number from 1 to %d", v, maxRows)
				}
			default:
				return fmt.Errorf("%q has no meaning behind its ?: input=, output= and rows= have", name)
			}
		}
	}
	return nil
}

// parseMetadata reads NAME:DATATYPE:-1,N. A name may have colons itself.
func parseMetadata(text string) (tensor.Metadata, error) {
	parts := strings.Split(text, ":")
	n := len(parts)
	if n < 3 || parts[0] == "" {
		return tensor.Metadata{}, errors.New("write NAME:DATATYPE:SHAPE, such as x:FP64:-1,12, where -1 is the rows")
	}
	t := tensor.Metadata{Name: strings.Join(parts[:n-2], ":"), Datatype: parts[n-2]}
	if _, err := tensor.DatatypeOf(t.Datatype); err != nil {
		return t, err
	}
	for _, d := range strings.Split(parts[n-1], ",") {
		size, err := strconv.ParseInt(d, 10, 64)
		if err != nil {
			return t, fmt.Errorf("shape %q: write its dimensions with commas between them, -1 for the rows", parts[n-1])
		}
		t.Shape = append(t.Shape, size)
	}
	return t, nil
}
