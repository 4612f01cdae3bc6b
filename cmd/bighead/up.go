package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/project"
)

func (c *cli) upCommand() *cobra.Command {
	var dev, insecure bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Take events in, keep the online store, and answer requests, until Ctrl-C",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := c.open()
			if err != nil {
				return err
			}
			u := &server{cli: c, project: p, insecure: insecure, log: logger(c.stderr, p)}
			if dev {
				u.dev = true
				if err := u.applyTree(cmd.Context()); err != nil {
					return err
				}
			}
			return u.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&dev, "dev", false, "apply the definitions on each save that passes check")
	f.BoolVar(&insecure, "insecure", false, "listen beyond loopback without tokens; every start says so")
	c.settingFlag(cmd, "listen", "serve.listen", "the address of HTTP (default 127.0.0.1:8080)")
	c.settingFlag(cmd, "clock", "serve.clock", `what says now: "wall", or "events" for replays`)
	return cmd
}

// settingFlag is a flag that overrides a setting of bighead.toml.
func (c *cli) settingFlag(cmd *cobra.Command, flag, key, help string) {
	cmd.Flags().Func(flag, help, func(text string) error {
		if c.settings == nil {
			c.settings = map[string]string{}
		}
		c.settings[key] = text
		return nil
	})
}

// server is `up` while it runs.
type server struct {
	cli           *cli
	project       *project.Project
	log           *slog.Logger
	dev, insecure bool
	online        *online
	ready         func(address string) // hears when it answers; nil: that is printed
}

// run serves until ctx ends: unready at once, then what was begun is finished, what was accepted is applied.
func (u *server) run(ctx context.Context) (err error) {
	collectSeldom()
	s := newSurface()
	if u.online, err = u.cli.openOnline(ctx, u.project, u.log, s.metrics, s.audits, false); err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute+outside.patience)
		defer cancel()
		if err = errors.Join(err, u.online.close(closing)); err == nil {
			fmt.Fprintln(u.cli.stderr, "bighead: stopped; all that was accepted is kept")
		}
	}()
	if s.traces, err = openTraces(ctx, u.project, u.log); err != nil {
		return err
	}
	defer s.closeTraces(ctx)
	if err := s.start(ctx, u.online); err != nil {
		return err
	}
	listen, err := s.listen(u.project, u.insecure, func(api, _ net.Addr) { u.announce(api.String()) })
	if err != nil {
		return err
	}
	own, err := u.ownSocket(s)
	if err != nil {
		return err
	}
	defer own()
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { u.online.follow(running, u.cli) })
	beside.Go(func() { s.followTokens(running) })
	if u.dev {
		beside.Go(func() { u.watch(running) })
	}
	u.lead(running, stop, &beside)
	err = u.answer(running, s, listen)
	stop(nil)
	if ended := context.Cause(running); errors.Is(ended, errEnded) {
		return ended
	}
	return err
}

// errEnded says that the stream has ended though nobody ended it, or takes nothing any more.
var errEnded = errors.New("the stream has ended")

// lead keeps the project's stream, or stands by for it. Where the store is this process's alone, the stream's end is the server's.
func (u *server) lead(ctx context.Context, stop context.CancelCauseFunc, beside *sync.WaitGroup) {
	o := u.online
	beside.Go(func() {
		select {
		case <-ctx.Done():
		case err := <-o.broken:
			stop(fmt.Errorf("%w: events cannot be kept any more, start it again: %w", errEnded, err))
		}
	})
	if o.lease != nil {
		beside.Go(func() { o.lead(ctx, u.cli) })
		return
	}
	stream := o.active().stream
	beside.Go(func() {
		select {
		case <-ctx.Done():
		case <-stream.Done():
			stop(fmt.Errorf("%w: %w", errEnded, stream.Err()))
		}
	})
}

// ownSocket answers the project's own commands; close ends it.
func (u *server) ownSocket(s *surface) (stop func(), err error) {
	l, err := listenOwn(u.project)
	if err != nil {
		return nil, err
	}
	u.online.onTurn = func() {
		if err := pointTo(u.project, l.Addr().String()); err != nil {
			u.log.Error("commands do not find this process", "error", err)
		}
	}
	if u.online.active() != nil {
		u.online.onTurn()
	}
	h := &http.Server{Handler: s.own(), ReadHeaderTimeout: 5*time.Second + outside.patience}
	go func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			u.log.Error("the project's socket is closed", "error", err)
		}
	}()
	return func() {
		if err := h.Close(); err != nil {
			u.log.Warn("the project's socket could not be closed", "error", err)
		}
	}, nil
}

// announce says, in a few lines, what runs where and how to ask it.
func (u *server) announce(address string) {
	if u.ready != nil {
		u.ready(address)
		return
	}
	w, now := u.cli.stderr, u.online.current()
	names, scheme := u.online.server.Names(), "http"
	if u.project.Config.String("serve.tls.cert") != "" {
		scheme = "https"
	}
	fmt.Fprintf(w, "bighead %s serves version %d on %s://%s: %s\n", version, now.version.ID, scheme, address, strings.Join(names, ", "))
	t := u.online.active()
	if t == nil {
		fmt.Fprintf(w, "  standby: %v\n", u.online.errStandby())
		return
	}
	for _, s := range t.stream.Status().Sources {
		log := "its log is empty"
		if s.Next > s.First {
			log = fmt.Sprintf("%s records in its log, %s of them still to be read", count(s.Next-s.First), count(behind(s.Groups)))
		}
		if kept := u.project.Config.Value("events.keep").Shown(); kept != "" {
			log += ", which keeps what came within " + kept
		}
		fmt.Fprintf(w, "  source %s: %s\n", s.Source, log)
	}
	if len(names) > 0 {
		fmt.Fprintf(w, "  ask from another terminal: bighead get %s %s\n", names[0], u.online.exampleOf(names[0]))
	}
}

// watch applies the working tree whenever a definition file changed and passes check.
func (u *server) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	seen := u.treeStamp()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := u.treeStamp()
		if now == seen {
			continue
		}
		seen = now
		var m *mistake
		if err := u.applyTree(ctx); err != nil && ctx.Err() == nil && !(errors.As(err, &m) && m.silent) {
			fmt.Fprintln(u.cli.stderr, "bighead:", err)
		}
	}
}

// applyTree applies the working tree; mistakes are printed, and leave what is applied.
func (u *server) applyTree(ctx context.Context) error {
	l, err := u.cli.load(ctx)
	if err != nil {
		return err
	}
	p, err := u.cli.propose(ctx, l)
	if err != nil || len(p.Changes) == 0 {
		return err
	}
	p.print(u.cli.stderr)
	return u.cli.apply(ctx, l, p)
}

// treeStamp changes when a definition file or the settings do.
func (u *server) treeStamp() string {
	var b strings.Builder
	for _, pattern := range append(u.project.Config.Strings("project.files"), project.FileName) {
		files, _ := filepath.Glob(filepath.Join(u.project.Root, pattern))
		for _, f := range files {
			if info, err := os.Stat(f); err == nil {
				fmt.Fprintln(&b, f, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return b.String()
}

// watchEvery is how often --dev looks whether a file was saved.
const watchEvery = 500 * time.Millisecond
