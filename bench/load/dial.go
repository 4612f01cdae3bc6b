package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// maxBodies is how many different requests are made, and maxNumbers how many numbers all of them have at most.
const (
	maxBodies  = 20_000
	maxNumbers = 400_000
)

// bodies are requests with fresh numbers.
func bodies(template []byte) [][]byte {
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

// dial makes the requests, and how to send one.
func dial(u *url.URL, template []byte) (func([]byte) ([]byte, error), [][]byte, error) {
	made := bodies(template)
	if u.Scheme != "grpc" {
		return pooled(func() (caller, error) { return connect(u) }), made, nil
	}
	for i, b := range made {
		var q pb.GetFeaturesRequest
		err := protojson.Unmarshal(b, &q)
		if err == nil {
			made[i], err = proto.Marshal(&q)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", *file, err)
		}
	}
	return pooled(func() (caller, error) { return connectGRPC(u.Host) }), made, nil
}

// caller is a connection that is kept alive and takes one request at a time.
type caller interface {
	call(request []byte) (answer []byte, err error)
	// done reports whether the connection is of no more use.
	done() bool
	Close() error
}

// pooled sends each request and reads its answer in the goroutine that asks, on a connection of its own: what a client with goroutines of its
// own for both would take of the machine, the server that is measured would lack.
func pooled(connect func() (caller, error)) func([]byte) ([]byte, error) {
	idle := make(chan caller, *conns)
	return func(request []byte) ([]byte, error) {
		var c caller
		select {
		case c = <-idle:
		default:
			var err error
			if c, err = connect(); err != nil {
				return nil, err
			}
		}
		answer, err := c.call(request)
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

func (c *conn) call(request []byte) ([]byte, error) {
	c.out = append(strconv.AppendInt(append(c.out[:0], c.head...), int64(len(request)), 10), "\r\n\r\n"...)
	c.out = append(c.out, request...)
	c.spent = true // until the answer is whole
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.Write(c.out); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b := bytes.NewBuffer(make([]byte, 0, max(512, res.ContentLength+512)))
	if _, err := io.Copy(b, res.Body); err != nil {
		return nil, err
	}
	c.spent = res.Close
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", res.Status)
	}
	return b.Bytes(), err
}
