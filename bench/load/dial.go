package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
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
		return overHTTP(u), made, nil
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
	send, err := overGRPC(u.Host)
	return send, made, err
}

// overHTTP sends each request and reads its answer in the goroutine that asks, on a connection of its own: what a client with goroutines of its
// own for both would take of the machine, the server that is measured would lack.
func overHTTP(u *url.URL) func([]byte) ([]byte, error) {
	idle := make(chan *conn, *conns)
	return func(request []byte) ([]byte, error) {
		var c *conn
		select {
		case c = <-idle:
		default:
			var err error
			if c, err = connect(u); err != nil {
				return nil, err
			}
		}
		answer, err := c.post(request)
		if c.spent {
			c.Close()
		} else {
			idle <- c
		}
		return answer, err
	}
}

// conn is a connection that is kept alive.
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

func (c *conn) post(request []byte) ([]byte, error) {
	c.out = append(strconv.AppendInt(append(c.out[:0], c.head...), int64(len(request)), 10), "\r\n\r\n"...)
	c.out = append(c.out, request...)
	c.spent = true // until the answer is whole
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
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

// grpcConns is how many connections the calls share: one would be written by one goroutine of the server alone.
const grpcConns = 4

func overGRPC(address string) (func([]byte) ([]byte, error), error) {
	var pool []*grpc.ClientConn
	for range grpcConns {
		c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})))
		if err != nil {
			return nil, err
		}
		pool = append(pool, c)
	}
	return func(request []byte) (answer []byte, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = pool[rand.IntN(len(pool))].Invoke(ctx, pb.FeatureService_GetFeatures_FullMethodName, request, &answer)
		return answer, err
	}, nil
}

// raw passes messages as bytes, so that the generator's own work stays small.
type raw struct{}

var _ encoding.CodecV2 = raw{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(x any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(x.([]byte))}, nil
}

func (raw) Unmarshal(b mem.BufferSlice, x any) error {
	*x.(*[]byte) = b.Materialize()
	return nil
}
