// Command wire starts a Redis and stands between it and whoever asks it, so that the store can be made to fail and to be slow while a benchmark runs.
//
// It prints a line of JSON with the address, then obeys a line of standard input each, and says when it is done: "fail" closes every
// connection and refuses new ones; "slow 1s" holds each answer back for so long; "pass" ends both. It ends, and Redis with it, when its
// input does.
package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal("wire: ", err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "wire")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	redis, to, err := startRedis(dir)
	if err != nil {
		return err
	}
	defer redis.Stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w := &wire{to: to, open: map[net.Conn]bool{}}
	go w.serve(l)
	fmt.Printf("{\"address\": %q, \"pid\": %d}\n", l.Addr(), redis.PID())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := w.obey(in.Text()); err != nil {
			return err
		}
		fmt.Println("{}")
	}
	return nil
}

// startRedis starts one that keeps nothing on disk, and waits until it listens.
func startRedis(dir string) (*proc.Process, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	home, err := fetch.Redis(ctx)
	if err != nil {
		return nil, "", err
	}
	ports, err := proc.FreePorts(1)
	if err != nil {
		return nil, "", err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	p, err := proc.Start(proc.Spec{
		Name: "redis-server", Path: home.Server, Dir: dir, Env: append(os.Environ(), home.Env...), Log: filepath.Join(dir, "log"),
		Args: []string{"--port", strconv.Itoa(ports[0]), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"},
	})
	if err != nil {
		return nil, "", err
	}
	return p, address, p.Ready(ctx, func(ctx context.Context) error {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// wire forwards connections.
type wire struct {
	to    string
	delay atomic.Int64 // of what comes back, ns
	mu    sync.Mutex
	cut   bool
	open  map[net.Conn]bool
}

func (w *wire) obey(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	w.mu.Lock()
	defer w.mu.Unlock()
	switch word {
	case "fail":
		w.cut = true
		for c := range w.open {
			c.Close()
		}
	case "slow":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		w.delay.Store(int64(d))
	case "pass":
		w.cut = false
		w.delay.Store(0)
	default:
		return fmt.Errorf("unknown order %q", line)
	}
	return nil
}

func (w *wire) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go w.pair(in)
	}
}

// pair leads one connection on, unless the wire is cut.
func (w *wire) pair(in net.Conn) {
	out, err := net.Dial("tcp", w.to)
	if err != nil {
		in.Close()
		return
	}
	w.mu.Lock()
	if w.cut {
		in.Close()
		out.Close()
	}
	w.open[in], w.open[out] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { forward(in, out, func() time.Duration { return 0 }) })
	both.Go(func() { forward(out, in, func() time.Duration { return time.Duration(w.delay.Load()) }) })
	both.Wait()
	w.mu.Lock()
	delete(w.open, in)
	delete(w.open, out)
	w.mu.Unlock()
}

// chunk is bytes, and when they go on.
type chunk struct {
	b  *[]byte
	n  int
	at time.Time
}

// buffers are used again: the garbage of one for each read took more of the machine than the Redis behind the wire.
var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// forward copies until one side ends. What waits does not hold up the reading behind it: a delay adds up to nothing more. Where nothing waits it
// hands on at once.
func forward(from, to net.Conn, delay func() time.Duration) {
	defer from.Close()
	defer to.Close()
	waiting := make(chan chunk, 1<<10)
	var behind atomic.Int64 // chunks that wait
	var done sync.WaitGroup
	done.Go(func() {
		broken := false
		for c := range waiting {
			if wait := time.Until(c.at); wait > 0 {
				time.Sleep(wait)
			}
			if !broken {
				if _, err := to.Write((*c.b)[:c.n]); err != nil {
					broken = true
					from.Close()
				}
			}
			buffers.Put(c.b)
			behind.Add(-1)
		}
	})
	for {
		b := buffers.Get().(*[]byte)
		n, err := from.Read(*b)
		if d := delay(); n > 0 && (d > 0 || behind.Load() > 0) {
			behind.Add(1)
			waiting <- chunk{b, n, time.Now().Add(d)}
		} else {
			if n > 0 {
				_, lost := to.Write((*b)[:n])
				err = cmp.Or(err, lost)
			}
			buffers.Put(b)
		}
		if err != nil {
			break
		}
	}
	close(waiting)
	done.Wait()
}
