package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// pushAnswer is the answer of POST /v1/events/{source or topic} (docs/interface.md §6).
type pushAnswer struct {
	Sources map[string]*pushedSource `json:"sources"`
}

type pushedSource struct {
	Accepted   int64            `json:"accepted"`
	Duplicated int64            `json:"duplicated"`
	NotYet     int64            `json:"not_yet"`
	Rejected   []pushedRejected `json:"rejected"`
}

type pushedRejected struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

func (c *cli) pushCommand() *cobra.Command {
	var server *string
	var key string
	cmd := &cobra.Command{
		Use:   "push SOURCE FILE",
		Short: "Push the rows of a file to a source or topic, as live events; - is standard input, NDJSON",
		Long: "Push the rows of a file to a source or topic, as live events. What is pushed again under the same --key within a day is taken once, " +
			"also by sources without an id; a push that fails half-way says the key to go on with.",
		Args: exactly("SOURCE", "FILE"),

		ValidArgsFunction: c.complete(sourceNames, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.open()
			if err != nil {
				return err
			}
			k, done, err := c.reach(cmd.Context(), p, *server)
			if err != nil {
				return err
			}
			defer done()
			if key == "" {
				key = rand.Text()
			}
			return c.push(cmd.Context(), k, key, args[0], args[1])
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the name of this push, so that it may be repeated with the same file (default: one of its own)")
	server = serverFlag(cmd.Flags().String)
	return cmd
}

// pushBytes is about how much is sent at a time: each part is durable before the next is sent.
const pushBytes = 1 << 20

// pusher sends lines some at a time and adds the answers up.
type pusher struct {
	caller *caller
	path   string
	key    string // of the push; each part has one of its own, by its number
	parts  int    // sent
	buf    bytes.Buffer
	lines  int // in buf
	before int // lines sent
	total  map[string]*pushedSource
}

func (c *cli) push(ctx context.Context, k *caller, key, name, file string) error {
	u := &pusher{caller: k, path: "/v1/events/" + url.PathEscape(name), key: key, total: map[string]*pushedSource{}}
	var err error
	switch ext := filepath.Ext(strings.TrimSuffix(file, ".gz")); {
	case file == "-":
		err = u.text(ctx, c.stdin)
	case ext == ".ndjson" || ext == ".jsonl" || ext == ".json":
		err = u.file(ctx, file)
	default:
		err = u.rows(ctx, file)
	}
	if err == nil {
		err = u.send(ctx)
	}
	return errors.Join(u.print(c), err)
}

func (u *pusher) file(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return mistakef("%v", err)
	}
	defer f.Close()
	return u.text(ctx, f)
}

// text sends lines of JSON as they are.
func (u *pusher) text(ctx context.Context, r io.Reader) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := b.ReadBytes('\n')
		if len(line) > 0 {
			if err := u.line(ctx, bytes.TrimRight(line, "\n")); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// rows sends the rows of a table.
func (u *pusher) rows(ctx context.Context, path string) error {
	t, err := dataset.Open(ctx, formats, path, dataset.Options{})
	if err != nil {
		return mistakef("%v", err)
	}
	r, err := t.Scan(ctx, dataset.Scan{})
	if err != nil {
		return err
	}
	defer r.Close()
	var line []byte
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for i := range b.N {
			line = append(line[:0], '{')
			for k, f := range b.Schema {
				if k > 0 {
					line = append(line, ',')
				}
				line = value.AppendJSON(line, value.OfString(f.Name))
				line = append(line, ':')
				line = value.AppendJSON(line, b.Columns[k].At(i))
			}
			if err := u.line(ctx, append(line, '}')); err != nil {
				return err
			}
		}
	}
}

func (u *pusher) line(ctx context.Context, line []byte) error {
	u.buf.Write(line)
	u.buf.WriteByte('\n')
	u.lines++
	if u.buf.Len() < pushBytes {
		return nil
	}
	return u.send(ctx)
}

func (u *pusher) send(ctx context.Context) error {
	if u.lines == 0 {
		return nil
	}
	var a pushAnswer
	if err := u.caller.call(ctx, "POST", u.path, "application/x-ndjson", bytes.NewReader(u.buf.Bytes()), &a, "Idempotency-Key", fmt.Sprint(u.key, "/", u.parts+1)); err != nil {
		var refused *mistake
		if u.before == 0 && errors.As(err, &refused) {
			return err
		}
		return fmt.Errorf("%w\n   the first %d lines were taken in, and perhaps those after them; to go on, push the same file with --key %s: what was taken in counts once", err, u.before, u.key)
	}
	u.parts++
	for name, s := range a.Sources {
		t := u.total[name]
		if t == nil {
			t = &pushedSource{Rejected: []pushedRejected{}}
			u.total[name] = t
		}
		t.Accepted, t.Duplicated, t.NotYet = t.Accepted+s.Accepted, t.Duplicated+s.Duplicated, t.NotYet+s.NotYet
		for _, r := range s.Rejected {
			t.Rejected = append(t.Rejected, pushedRejected{r.Line + u.before, r.Reason})
		}
	}
	u.before, u.lines = u.before+u.lines, 0
	u.buf.Reset()
	return nil
}

// shownRejects is how many refused rows are printed; --json has them all.
const shownRejects = 10

func (u *pusher) print(c *cli) error {
	if c.json {
		if err := json.NewEncoder(c.stdout).Encode(pushAnswer{u.total}); err != nil {
			return err
		}
	}
	refused := false
	for _, name := range slices.Sorted(maps.Keys(u.total)) {
		s := u.total[name]
		refused = refused || len(s.Rejected) > 0
		if c.json {
			continue
		}
		fmt.Fprintf(c.stdout, "%s: %s accepted, %s came before, %s without a time yet, %s refused\n", name, count(s.Accepted), count(s.Duplicated), count(s.NotYet), count(int64(len(s.Rejected))))
		for i, r := range s.Rejected {
			if i == shownRejects {
				fmt.Fprintf(c.stderr, "  … and %d more\n", len(s.Rejected)-i)
				break
			}
			fmt.Fprintf(c.stderr, "  line %d: %s\n", r.Line, r.Reason)
		}
	}
	if refused {
		return errReported
	}
	return nil
}
