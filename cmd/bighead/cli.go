package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bighead-ml/bighead/sdk"
)

// version is the binary's and that of the SDK which it carries: they are released as one.
var version = sdk.Version()

// The exit codes of docs/interface.md §3.
const (
	exitGood    = 0
	exitMistake = 1 // the user's, or a check that failed
	exitUsage   = 2
	exitOutside = 3 // a file, a disk, another program
)

// cli is one invocation: its streams and the flags that every command has.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	dir       string
	profile   string
	json      bool
	format    string
	traceback bool
	timings   bool
	cells     string            // a recording of a notebook's cell, instead of the project's files
	settings  map[string]string // flags that override bighead.toml
}

// mistake is an error of the user's, exit 1. A mistake that was printed already is silent.
type mistake struct {
	message string
	silent  bool
}

func (m *mistake) Error() string { return m.message }

func mistakef(format string, args ...any) error {
	return &mistake{message: fmt.Sprintf(format, args...)}
}

// errReported ends a command whose report says everything.
var errReported = &mistake{silent: true}

// usage is a wrong invocation, exit 2.
type usage struct{ error }

func usagef(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitGood
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(c.stderr, "bighead: interrupted; nothing half-written is left")
		return 130
	}
	var m *mistake
	if errors.As(err, &m) {
		if !m.silent {
			fmt.Fprintln(c.stderr, "bighead:", m.message)
		}
		return exitMistake
	}
	fmt.Fprintln(c.stderr, "bighead:", err)
	var u usage
	if errors.As(err, &u) {
		return exitUsage
	}
	return exitOutside
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "bighead",
		Short:         "Features written once, and the same in training and in serving",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	f := root.PersistentFlags()
	f.StringVarP(&c.dir, "project", "C", "", "the project's folder (default: the nearest one above here with a bighead.toml)")
	f.StringVar(&c.profile, "profile", os.Getenv("BIGHEAD_PROFILE"), "lay bighead.PROFILE.toml over bighead.toml")
	f.BoolVar(&c.json, "json", false, "print JSON")
	f.StringVar(&c.cells, "definitions", "", "a recording (JSON) to use instead of the project's files")
	f.BoolVar(&c.timings, "timings", false, "say how long recording, checking and planning took")
	f.BoolVar(&c.traceback, "traceback", false, "show Python's traceback of a definition file that raised")
	root.AddCommand(c.commands()...)
	root.SetHelpCommand(c.helpCommand())
	return root
}

func (c *cli) commands() []*cobra.Command {
	return []*cobra.Command{
		c.checkCommand(), c.initCommand(), c.explainCommand(), c.trainingSetCommand(), c.whyCommand(),
		c.demoCommand(), c.testCommand(), c.planCommand(), c.applyCommand(), c.backfillCommand(), c.featuresCommand(), c.previewCommand(), c.sourceCommand(), c.configCommand(), c.doctorCommand(),
		c.versionCommand(),
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usagef("there is no command %q; did you mean %q?", name, near[0])
	}
	return usagef("there is no command %q; bighead --help lists them", name)
}

// exactly is cobra's check of the number of arguments, as a usage error that says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usagef("%s takes %s; it was given %d arguments", cmd.CommandPath(), strings.Join(names, " "), len(args))
		}
		return nil
	}
}

// terminal reports whether w is one, so that bars and colours stay out of pipes and files.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
