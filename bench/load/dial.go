package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	oip "github.com/bighead-ml/bighead/model/tensor/pb"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// maxBodies is how many different requests are made, and maxNumbers how many numbers all of them have at most.
const (
	maxBodies  = 20_000
	maxNumbers = 400_000
)

// bodies are requests with fresh numbers, or those of the file.
func bodies(template []byte) [][]byte {
	if *lines {
		return bytes.Split(bytes.TrimSpace(template), []byte("\n"))
	}
	parts := bytes.Split(template, []byte("{{n}}"))
	var out [][]byte
	many, number := min(maxBodies, maxNumbers/max(1, len(parts)-1)), func() int { return rand.IntN(*keys) }
	if next := -1; *once {
		many, number = *keys/max(1, len(parts)-1), func() int { next++; return next }
	}
	for range many {
		var b []byte
		for j, p := range parts {
			if j > 0 {
				b = strconv.AppendInt(b, int64(number()), 10)
			}
			b = append(b, p...)
		}
		out = append(out, b)
	}
	return out
}

// texts makes JSON of a request and its answer.
type texts func(request, answer []byte) (q, a []byte, err error)

// calling is a call over gRPC, and the messages of it.
type calling struct {
	path            string
	request, answer func() proto.Message
}

var callings = map[string]calling{
	"features": {pb.FeatureService_GetFeatures_FullMethodName, func() proto.Message { return new(pb.GetFeaturesRequest) }, func() proto.Message { return new(pb.GetFeaturesResponse) }},
	"predict":  {pb.PredictionService_Predict_FullMethodName, func() proto.Message { return new(pb.PredictRequest) }, func() proto.Message { return new(pb.PredictResponse) }},
	"infer":    {oip.GRPCInferenceService_ModelInfer_FullMethodName, func() proto.Message { return new(oip.ModelInferRequest) }, func() proto.Message { return new(oip.ModelInferResponse) }},
}

// texts is JSON of the call's messages.
func (c calling) texts(request, answer []byte) (q, a []byte, err error) {
	in, out := c.request(), c.answer()
	if err = errors.Join(proto.Unmarshal(request, in), proto.Unmarshal(answer, out)); err != nil {
		return nil, nil, err
	}
	q, wrong := protojson.Marshal(in)
	a, err = protojson.Marshal(out)
	return q, a, errors.Join(wrong, err)
}

// dial makes the requests, how to send one, and how to read it and its answer.
func dial(u *url.URL, template []byte) (sender, [][]byte, texts, error) {
	made := bodies(template)
	if u.Scheme != "grpc" {
		return pooled(func() (caller, error) { return connect(u) }), made, func(q, a []byte) ([]byte, []byte, error) { return q, a, nil }, nil
	}
	c, ok := callings[*rpc]
	if !ok {
		return nil, nil, nil, fmt.Errorf("-call %s: there are features, predict and infer", *rpc)
	}
	for i, b := range made {
		q := c.request()
		err := protojson.Unmarshal(b, q)
		if err == nil {
			made[i], err = proto.Marshal(q)
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", *file, err)
		}
	}
	return pooled(func() (caller, error) { return connectGRPC(u.Host, c.path) }), made, c.texts, nil
}

// sender sends a request and gives the answer, in into's memory if there is room. It is good for many goroutines.
type sender func(request, into []byte) ([]byte, error)

// caller is a connection that is kept alive and takes one request at a time.
type caller interface {
	// call gives the answer in into's memory, if there is room.
	call(request, into []byte) (answer []byte, err error)
	// done reports whether the connection is of no more use.
	done() bool
	Close() error
}

// pooled sends each request and reads its answer in the goroutine that asks, on a connection of its own: what a client with goroutines of its
// own for both would take of the machine, the server that is measured would lack.
func pooled(connect func() (caller, error)) sender {
	idle := make(chan caller, *conns)
	return func(request, into []byte) ([]byte, error) {
		var c caller
		select {
		case c = <-idle:
		default:
			var err error
			if c, err = connect(); err != nil {
				return nil, err
			}
		}
		answer, err := c.call(request, into)
		if c.done() {
			c.Close()
		} else {
			idle <- c
		}
		return answer, err
	}
}

// patience is how long a request may take.
const patience = 10 * time.Second

// conn is a caller of HTTP/1.1.
type conn struct {
	net.Conn
	head  []byte // of a request, up to its length
	out   []byte
	in    *bufio.Reader
	spent bool
}

func connect(u *url.URL) (*conn, error) {
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: ", u.RequestURI(), u.Host)
	return &conn{Conn: c, head: []byte(head), in: bufio.NewReaderSize(c, 64<<10)}, nil
}

func (c *conn) done() bool { return c.spent }

func (c *conn) call(request, into []byte) ([]byte, error) {
	c.out = append(strconv.AppendInt(append(c.out[:0], c.head...), int64(len(request)), 10), "\r\n\r\n"...)
	c.out = append(c.out, request...)
	c.spent = true // until the answer is whole
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.Write(c.out); err != nil {
		return nil, err
	}
	return c.answer(into)
}

// answer reads one, by hand: net/http's reader makes maps of headers that nobody looks at.
func (c *conn) answer(into []byte) ([]byte, error) {
	line, err := c.line()
	if err != nil {
		return nil, err
	}
	version, status, ok := strings.Cut(string(line), " ")
	if !ok || !strings.HasPrefix(version, "HTTP/1.") {
		return nil, fmt.Errorf("%q is no answer of HTTP/1", line)
	}
	length, chunked, last := -1, false, version == "HTTP/1.0"
	for {
		if line, err = c.line(); err != nil {
			return nil, err
		}
		if len(line) == 0 {
			break
		}
		name, text, _ := bytes.Cut(line, []byte(":"))
		switch text = bytes.TrimSpace(text); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(text)); err != nil || length < 0 {
				return nil, fmt.Errorf("an answer of length %q", text)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Connection")):
			last = last || bytes.EqualFold(text, []byte("close"))
		}
	}
	into = into[:0]
	switch {
	case chunked:
		b := bytes.NewBuffer(into)
		if _, err = b.ReadFrom(httputil.NewChunkedReader(c.in)); err == nil {
			_, err = c.line() // that ends it
		}
		into = b.Bytes()
	case length >= 0:
		into = slices.Grow(into, length)[:length]
		_, err = io.ReadFull(c.in, into)
	default:
		err = errors.New("an answer without a length")
	}
	if err != nil {
		return nil, err
	}
	c.spent = last
	if !strings.HasPrefix(status, "200 ") {
		err = errors.New(status)
	}
	return into, err
}

// line is the next line without its end, good until the next read.
func (c *conn) line() ([]byte, error) {
	b, err := c.in.ReadSlice('\n')
	return bytes.TrimRight(b, "\r\n"), err
}
