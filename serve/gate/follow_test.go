package gate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func line(name, secret, rest string) string {
	h := sha256.Sum256([]byte(secret))
	return name + " " + hex.EncodeToString(h[:]) + " " + rest + "\n"
}

// buffer is a log that two goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// followed is a gate that follows a file of tokens.
type followed struct {
	*Gate
	path string
	now  chan os.Signal
	log  buffer
}

func follow(t *testing.T, text string) *followed {
	f := &followed{path: filepath.Join(t.TempDir(), "tokens"), now: make(chan os.Signal)}
	f.write(t, text)
	tokens, err := ReadTokens(f.path)
	if err != nil {
		t.Fatal(err)
	}
	f.Gate = New(tokens, 0)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Follow(ctx, f.path, f.now, slog.New(slog.NewTextHandler(&f.log, nil)))
	}()
	t.Cleanup(func() { stop(); <-ended })
	return f
}

func (f *followed) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reread asks for a reading and returns when one is done.
func (f *followed) reread() {
	f.now <- os.Interrupt
	f.now <- os.Interrupt // is taken only after the first is done
}

func (f *followed) lets(scope Scope, secret string) bool {
	return f.Admit(scope, "Bearer "+secret) == nil
}

func TestTokensThatChange(t *testing.T) {
	f := follow(t, line("a", "one", "read")+line("b", "two", "read"))
	if !f.lets(Read, "one") || !f.lets(Read, "two") || f.lets(Push, "one") {
		t.Fatal("the tokens at the start")
	}
	f.write(t, line("a", "one", "read push")+line("c", "three", "read"))
	f.reread()
	if !f.lets(Push, "one") || f.lets(Read, "two") || !f.lets(Read, "three") {
		t.Error("the tokens that changed are not in force")
	}
	for name, text := range map[string]string{"half a line": line("a", "one", "read")[:20], "nothing": "", "a scope that is none": line("a", "one", "reed"), "two of a name": line("a", "1", "read") + line("a", "2", "read")} {
		f.write(t, text)
		f.reread()
		if !f.lets(Push, "one") || !f.lets(Read, "three") {
			t.Errorf("%s: the tokens that were are not in force any more", name)
		}
		if d := f.Degraded(); len(d) != 1 || !strings.Contains(d[0], f.path+":") {
			t.Errorf("%s: degraded %q", name, d)
		}
	}
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	f.reread()
	if !f.lets(Push, "one") || len(f.Degraded()) != 1 || !strings.Contains(f.log.String(), "the tokens that were stay in force") {
		t.Errorf("without a file: %v %s", f.Degraded(), f.log.String())
	}
	f.write(t, line("d", "four", "admin"))
	f.reread()
	if f.lets(Push, "one") || !f.lets(Push, "four") || len(f.Degraded()) != 0 {
		t.Error("the file is mended, and not in force")
	}
}

// Nobody has to ask: a change is seen in time.
func TestTokensThatChangeByThemselves(t *testing.T) {
	f := follow(t, line("a", "one", "read"))
	f.write(t, line("b", "two", "read"))
	for tick := time.NewTicker(10 * time.Millisecond); !f.lets(Read, "two") || f.lets(Read, "one"); <-tick.C {
		if t.Context().Err() != nil {
			t.Fatal("not seen")
		}
	}
}

// Reading the file again gives nobody more requests than the line says.
func TestALimitOutlivesAReading(t *testing.T) {
	f := follow(t, line("a", "one", "read limit=0.001"))
	if !f.lets(Read, "one") || f.lets(Read, "one") {
		t.Fatal("one request is allowed")
	}
	f.write(t, line("a", "one", "read limit=0.001")+line("b", "two", "read"))
	f.reread()
	if f.lets(Read, "one") || !f.lets(Read, "two") {
		t.Error("the count of a limit is forgotten")
	}
	f.write(t, line("a", "one", "read"))
	f.reread()
	if !f.lets(Read, "one") {
		t.Error("a limit that is taken away stays")
	}
}

func TestPlaces(t *testing.T) {
	g := New(nil, 2)
	if g.Guarded() || g.Admit(Administer, "") != nil {
		t.Error("without tokens everybody may do everything")
	}
	if g.Enter() != nil || g.Full() != nil || g.Enter() != nil {
		t.Fatal("two places")
	}
	if p := g.Enter(); p == nil || p.After == 0 || g.Full() == nil {
		t.Error("a third")
	}
	g.Leave()
	if g.Full() != nil || g.Enter() != nil {
		t.Error("a place is not given back")
	}
}
