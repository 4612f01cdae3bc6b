package main

import (
	"context"
	"errors"
	"fmt"
	"github.com/bighead-ml/bighead/store"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/sdk"
)

// version is the binary's and that of the SDK which it carries: they are released as one.
var version = sdk.Version()

// The exit codes of docs/interface.md §3.
const (
	exitGood        = 0
	exitMistake     = 1 // the user's, or a check that failed
	exitUsage       = 2
	exitOutside     = 3   // a file, a disk, another program, or a defect of ours
	exitInterrupted = 130 // Ctrl-C, as shells say it
)

// cli is one invocation: its streams and the flags that every command has.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	dir       string
	profile   string
	json      bool
	traceback bool
	timings   bool
	cells     string            // a recording of a notebook's cell, instead of the project's files
	settings  map[string]string // flags that override bighead.toml
	extra     []*cobra.Command  // beside those of commands; for tests

	// What the demo, which is a server among other work, has otherwise than `up`.
	wrapStore func(store.Store) store.Store // nil: the online store is used as it is
	patient   bool                          // requests wait for the store as long as it takes
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

// run carries out one command line and gives its exit code. It is the last resort for defects of ours: nobody sees Go's own report of a
// panic, but one line, and the stack with --traceback.
func (c *cli) run(ctx context.Context, args []string) (code int) {
	out := &watched{Writer: c.stdout, name: "stdout"}
	c.stdout = out
	defer func() {
		if p := recover(); p != nil {
			code = c.fail(ctx, &defect{fmt.Sprint(p), string(debug.Stack())})
		}
	}()
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	err := root.ExecuteContext(ctx)
	if lost := out.failed(); lost != nil {
		err = lost
	}
	return c.fail(ctx, err)
}

// fail prints an error and gives the exit code that belongs to it.
func (c *cli) fail(ctx context.Context, err error) int {
	if err == nil {
		return exitGood
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		fmt.Fprintln(c.stderr, "bighead: interrupted; nothing half-written is left")
		return exitInterrupted
	}
	if d, ok := asDefect(err); ok {
		fmt.Fprintln(c.stderr, "bighead:", d)
		if c.traceback {
			fmt.Fprintln(c.stderr, d.stack)
		}
		return exitOutside
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
	root.SetFlagErrorFunc(unknownFlag)
	f := root.PersistentFlags()
	f.StringVarP(&c.dir, "project", "C", "", "the project's folder (default: the nearest one above here with a bighead.toml)")
	f.StringVar(&c.profile, "profile", os.Getenv("BIGHEAD_PROFILE"), "lay bighead.PROFILE.toml over bighead.toml")
	f.BoolVar(&c.json, "json", false, "print JSON")
	f.StringVar(&c.cells, "definitions", "", "a recording (JSON) to use instead of the project's files")
	f.BoolVar(&c.timings, "timings", false, "say how long recording, checking and planning took")
	f.BoolVar(&c.traceback, "traceback", false, "show Python's traceback of a definition file that raised")
	root.AddCommand(c.commands()...)
	root.AddCommand(c.extra...)
	root.SetHelpCommand(c.helpCommand())
	return root
}

func (c *cli) commands() []*cobra.Command {
	return []*cobra.Command{
		c.checkCommand(), c.initCommand(), c.explainCommand(), c.trainingSetCommand(), c.whyCommand(),
		c.demoCommand(), c.testCommand(), c.planCommand(), c.applyCommand(), c.backfillCommand(), c.featuresCommand(), c.previewCommand(), c.sourceCommand(), c.configCommand(), c.doctorCommand(),
		c.upCommand(), c.getCommand(), c.pushCommand(), c.statusCommand(), c.auditCommand(), c.verifyCommand(), c.upgradeCommand(),
		c.trainCommand(), c.modelsCommand(),
		c.deployCommand(), c.rollbackCommand(), c.predictCommand(), c.evaluateCommand(),
		c.versionCommand(),
	}
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return usagef("there is no command %q; did you mean %q?", name, near[0])
	}
	return usagef("there is no command %q; bighead --help lists them", name)
}

// unknownFlag names the flag that is nearest to one that is not there.
func unknownFlag(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return usage{err}
	}
	var names []string
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	}
	if near := expr.Nearest(missing.GetSpecifiedName(), names); len(near) > 0 {
		return usagef("%w; did you mean --%s?", err, near[0])
	}
	return usagef("%w; %s --help lists them", err, cmd.CommandPath())
}

// exactly is cobra's check of the number of arguments, as a usage error that says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			takes := strings.Join(names, " ")
			if takes == "" {
				takes = "no arguments"
			}
			return usagef("%s takes %s; it was given %s", cmd.CommandPath(), takes, plural(len(args), "argument"))
		}
		return nil
	}
}
