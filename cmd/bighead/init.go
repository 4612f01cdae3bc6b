package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/examples/flights"
	"github.com/bighead-ml/bighead/project"
)

func (c *cli) initCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a small working project, from a file of yours or from the flights example",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if from == "" {
				return c.initExample(dir)
			}
			return c.initFrom(cmd, dir, from)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "a Parquet, CSV or NDJSON file; its time, keys and id are guessed, with the evidence as comments")
	return cmd
}

func (c *cli) initExample(dir string) error {
	if err := refuseExisting(dir, "bighead.toml", "features.py"); err != nil {
		return err
	}
	if err := flights.CopyTo(dir); err != nil {
		return fmt.Errorf("write the flights example: %w", err)
	}
	return c.wroteProject(dir, "bighead check", "bighead test", "bighead training-set late -o late.parquet")
}

func (c *cli) initFrom(cmd *cobra.Command, dir, from string) error {
	if err := refuseExisting(dir, "bighead.toml", "features.py"); err != nil {
		return err
	}
	table, err := dataset.Open(cmd.Context(), formats, from, dataset.Options{})
	if err != nil {
		return mistakef("%v", err)
	}
	guess, err := project.GuessFrom(cmd.Context(), table)
	if err != nil {
		return mistakef("%v", err)
	}
	path, err := relativeTo(dir, from)
	if err != nil {
		return err
	}
	base := filepath.Base(from)
	name := strings.TrimSuffix(base, filepath.Ext(base))
	starter, err := project.StarterFrom(guess, project.Identifier(name), path)
	if err != nil {
		return mistakef("%v", err)
	}
	for file, text := range starter {
		to := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return c.wroteProject(dir, "bighead check", "bighead test", "bighead training-set "+project.Identifier(name)+" -o rows.parquet")
}

func (c *cli) wroteProject(dir string, next ...string) error {
	fmt.Fprintf(c.stderr, "Wrote a project into %s. Next:\n", dir)
	if dir != "." {
		fmt.Fprintf(c.stderr, "  cd %s\n", dir)
	}
	for _, n := range next {
		fmt.Fprintf(c.stderr, "  %s\n", n)
	}
	return nil
}

// refuseExisting keeps init from writing over a project that is there.
func refuseExisting(dir string, names ...string) error {
	for _, n := range names {
		if _, err := os.Stat(filepath.Join(dir, n)); err == nil {
			return mistakef("%s is there already; init writes over nothing: choose another folder", filepath.Join(dir, n))
		}
	}
	return nil
}

// relativeTo is the path from dir to file where there is a sensible one: definitions travel with their data.
func relativeTo(dir, file string) (string, error) {
	d, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	f, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(d, f)
	if err != nil || strings.Count(rel, "..") > 3 {
		return f, nil
	}
	return rel, nil
}
