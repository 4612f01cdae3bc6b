package project

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/feature"
)

// pipe is one from Python to us.
type pipe struct{ r, w *os.File }

func (p pipe) close() {
	p.r.Close()
	p.w.Close()
}

func pipes() (results, stacks pipe, err error) {
	if results.r, results.w, err = os.Pipe(); err != nil {
		return
	}
	if stacks.r, stacks.w, err = os.Pipe(); err != nil {
		results.close()
	}
	return
}

// readAll reads in the background, so that a full pipe never holds Python up; the function waits for the end.
func (p pipe) readAll() func() string {
	var b bytes.Buffer
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		_, _ = io.Copy(&b, io.LimitReader(p.r, 1<<20)) // a stack that is cut is still a stack
		_, _ = io.Copy(io.Discard, p.r)
	}()
	return func() string {
		wg.Wait()
		return b.String()
	}
}

// frame is a line of faulthandler's stack, innermost first.
var frameLine = regexp.MustCompile(`(?m)^  File "(.*)", line (\d+) in (.*)$`)

// stackFrames are the places of a unit's own files in a stack: where Python was, then what called it.
func stackFrames(stack string, unit Unit) []feature.Pos {
	root := unit.Root
	if resolved, err := filepath.EvalSymlinks(root); err == nil {
		root = resolved
	}
	var found []feature.Pos
	for _, m := range frameLine.FindAllStringSubmatch(stack, -1) {
		line, err := strconv.Atoi(m[2])
		if err != nil || line < 1 {
			continue
		}
		name := unescape(m[1])
		if unit.Text != nil && name == "<"+unit.Name+">" {
			found = append(found, feature.Pos{File: unit.Name, Line: line + max(unit.Line, 1) - 1, Col: max(unit.Col, 1)})
		} else if rel, err := filepath.Rel(root, name); root != "" && err == nil && filepath.IsAbs(name) && !strings.HasPrefix(rel, "..") {
			found = append(found, feature.Pos{File: filepath.ToSlash(rel), Line: line, Col: 1})
		}
		if m[3] == "<module>" && len(found) > 0 {
			break // what imported the file is no caller
		}
	}
	return found
}

// lineOf is what stands on the line of a position: a stack knows no columns.
func (u Unit) lineOf(at feature.Pos) feature.Span {
	span := feature.Span{Pos: at, EndLine: at.Line, EndCol: at.Col}
	source, first, shift := "", 1, 1
	if u.Text != nil && at.File == u.Name {
		source, first, shift = *u.Text, max(u.Line, 1), max(u.Col, 1)
	} else if b, err := os.ReadFile(filepath.Join(u.Root, filepath.FromSlash(at.File))); err == nil {
		source = string(b)
	}
	lines := strings.Split(source, "\n")
	if n := at.Line - first; n >= 0 && n < len(lines) {
		text := strings.TrimRight(lines[n], " \t\r")
		indent := utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t"))
		span.Col, span.EndCol = shift+indent, shift+max(utf8.RuneCountInString(text), indent)
	}
	return span
}

var escaped = regexp.MustCompile(`\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}`)

// unescape undoes faulthandler's ASCII form of a file's name.
func unescape(s string) string {
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[2:], 16, 32)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

// printed passes on what definitions print, up to a limit: a loop that prints would fill the terminal.
type printed struct {
	mu   sync.Mutex
	to   io.Writer
	n    int
	last []byte
}

const printLimit = 1 << 20

// Write never fails: a closed terminal is no reason to stop a recording.
func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = append(p.last, b...)
	p.last = p.last[max(0, len(p.last)-2000):]
	if p.to == nil || p.n > printLimit {
		return len(b), nil
	}
	out := b[:min(len(b), printLimit-p.n)]
	p.n += len(b)
	_, _ = p.to.Write(out)
	if p.n > printLimit {
		_, _ = io.WriteString(p.to, "\n… the definition files print more than 1 MiB: the rest is left out\n")
	}
	return len(b), nil
}

// tail is the end of what was printed, for an error.
func (p *printed) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text := strings.TrimSpace(string(p.last)); text != "" {
		return ": " + text
	}
	return ""
}
