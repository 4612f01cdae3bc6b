package gate

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/expr"
)

// Scope is what a token must allow; none is for everybody.
type Scope uint8

// The scopes. Administer has all of them.
const (
	Open Scope = iota
	Read
	Push
	Predict
	Administer
)

var scopeNames = map[string]Scope{"read": Read, "push": Push, "predict": Predict, "admin": Administer}

func (s Scope) String() string {
	for name, x := range scopeNames {
		if x == s {
			return name
		}
	}
	return ""
}

// Tokens are who may do what: the lines of [auth] tokens_file. It never changes but for what limits count, and is safe for concurrent use.
type Tokens struct {
	all  []*token
	text string // that they were read from
}

// token is one line: a name, the SHA-256 of the token in hex, scopes, and how many requests a second it may make.
type token struct {
	name   string
	hash   [sha256.Size]byte
	scopes uint8
	limit  *limit // nil: none
}

// ReadTokens reads a file of tokens.
func ReadTokens(path string) (*Tokens, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the file of tokens: %w", err)
	}
	defer f.Close()
	t, err := ParseTokens(f)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return t, nil
}

// ParseTokens reads lines of a name, a hash, scopes and perhaps limit=N, parted by blanks. Empty lines and those that begin with # are
// left out; one token there must be. An error begins with its line.
func ParseTokens(r io.Reader) (*Tokens, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	t := &Tokens{text: string(text)}
	lines := bufio.NewScanner(strings.NewReader(t.text))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		one, err := parseToken(fields)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
		if slices.ContainsFunc(t.all, func(o *token) bool { return o.name == one.name }) {
			return nil, fmt.Errorf("%d: a second token called %q: each needs a name of its own", n, one.name)
		}
		t.all = append(t.all, one)
	}
	if len(t.all) == 0 && lines.Err() == nil {
		return nil, errors.New("1: there is no token in it, and nobody could ask; a file that is being written looks so too")
	}
	return t, lines.Err()
}

func parseToken(fields []string) (*token, error) {
	if len(fields) < 3 {
		return nil, fmt.Errorf("a line is a name, the SHA-256 of the token in hex, and scopes: read, push, predict, admin")
	}
	t := &token{name: fields[0]}
	hash, err := hex.DecodeString(fields[1])
	if err != nil || len(hash) != sha256.Size {
		return nil, fmt.Errorf("the second word of %q is no SHA-256 in hex: printf %%s \"$TOKEN\" | sha256sum", t.name)
	}
	copy(t.hash[:], hash)
	for _, f := range fields[2:] {
		if n, ok := strings.CutPrefix(f, "limit="); ok {
			perSecond, err := strconv.ParseFloat(n, 64)
			if err != nil || perSecond <= 0 || perSecond > 1e9 {
				return nil, fmt.Errorf("limit=%s of %q is no number of requests a second", n, t.name)
			}
			t.limit = &limit{perSecond: perSecond, left: max(1, perSecond), now: time.Now}
			continue
		}
		s, ok := scopeNames[f]
		if !ok {
			return nil, fmt.Errorf("%q has no scope %q: there are read, push, predict, admin%s", t.name, f, nearest(f))
		}
		t.scopes |= 1 << s
	}
	return t, nil
}

func nearest(word string) string {
	near := expr.Nearest(word, []string{"read", "push", "predict", "admin"})
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + near[0] + "?"
}

// find is the token of a request. Every hash is compared whole, so that time tells nothing.
func (t *Tokens) find(secret string) *token {
	hash := sha256.Sum256([]byte(secret))
	var found *token
	for _, one := range t.all {
		if subtle.ConstantTimeCompare(hash[:], one.hash[:]) == 1 {
			found = one
		}
	}
	return found
}

// may reports whether the token has the scope; admin has all.
func (t *token) may(s Scope) bool { return t.scopes&(1<<s|1<<Administer) != 0 }

// keep takes over what the limits of equal lines have counted, so that reading a file again gives nobody more requests.
func (t *Tokens) keep(old *Tokens) {
	for _, one := range t.all {
		for _, was := range old.all {
			if one.name == was.name && one.limit != nil && was.limit != nil && one.limit.perSecond == was.limit.perSecond {
				one.limit = was.limit
			}
		}
	}
}

// limit lets so many requests a second through, and as many at once after a pause.
type limit struct {
	perSecond float64
	now       func() time.Time

	mu   sync.Mutex
	left float64
	last time.Time
}

// take takes one request; where there is none left, it is how long to wait for the next.
func (l *limit) take() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !l.last.IsZero() {
		l.left = min(max(1, l.perSecond), l.left+now.Sub(l.last).Seconds()*l.perSecond)
	}
	l.last = now
	if l.left < 1 {
		return time.Duration((1 - l.left) / l.perSecond * float64(time.Second))
	}
	l.left--
	return 0
}
