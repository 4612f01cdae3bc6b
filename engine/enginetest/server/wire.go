package server

import (
	"net"
	"sync"
	"testing"
)

// Wire is a proxy that can stop to forward without closing anything, as a broken network does.
type Wire struct {
	Addr string       // 127.0.0.1:port
	mu   sync.RWMutex // held while the wire is cut
}

// NewWire leads to an address until the test ends.
func NewWire(t testing.TB, to string) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{Addr: l.Addr().String()}
	var conns sync.Map
	t.Cleanup(func() {
		l.Close()
		conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			conns.Store(in, nil)
			conns.Store(out, nil)
			go w.forward(in, out)
			go w.forward(out, in)
		}
	}()
	return w
}

func (w *Wire) forward(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		w.mu.RLock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				n = 0
			}
		}
		w.mu.RUnlock()
		if err != nil || n == 0 {
			from.Close()
			to.Close()
			return
		}
	}
}

// Cut stops the wire, Mend lets it go on with what was sent meanwhile.
func (w *Wire) Cut() { w.mu.Lock() }

// Mend lets the wire go on.
func (w *Wire) Mend() { w.mu.Unlock() }
