package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

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
	files := map[string]string{}
	err := fs.WalkDir(flights.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := flights.Files.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		return err
	}
	return c.writeProject(dir, files, "bighead check", "bighead test", "bighead training-set late -o late.parquet")
}

func (c *cli) initFrom(cmd *cobra.Command, dir, from string) error {
	table, err := dataset.Open(cmd.Context(), formats, from, dataset.Options{})
	if err != nil {
		return mistakef("%v", err)
	}
	guess, err := project.GuessFrom(cmd.Context(), table)
	if err != nil {
		return err
	}
	path, err := relativeTo(dir, from)
	if err != nil {
		return err
	}
	base := filepath.Base(path)
	name := project.Identifier(strings.TrimSuffix(base, filepath.Ext(base)))
	files, err := project.StarterFrom(guess, name, path)
	if err != nil {
		return mistakef("%v", err)
	}
	return c.writeProject(dir, files, "bighead check", "bighead test", "bighead training-set "+name+" -o rows.parquet")
}

// writeProject writes all files or none. It writes over nothing, but for an own .gitignore, which stays as it is.
func (c *cli) writeProject(dir string, files map[string]string, next ...string) error {
	names := slices.Sorted(maps.Keys(files))
	for _, n := range names {
		if _, err := os.Lstat(filepath.Join(dir, n)); err == nil && n != ".gitignore" {
			return mistakef("%s is there already; init writes over nothing: choose another folder", filepath.Join(dir, n))
		}
	}
	var made []string // in the order in which they were made
	for _, n := range names {
		err := makeFile(filepath.Join(dir, filepath.FromSlash(n)), files[n], &made)
		if n == ".gitignore" && errors.Is(err, fs.ErrExist) {
			err = nil
		}
		if err != nil {
			for _, m := range slices.Backward(made) {
				err = errors.Join(err, os.Remove(m))
			}
			return fmt.Errorf("write the project: %w", err)
		}
	}
	if filepath.Clean(dir) == "." {
		fmt.Fprintln(c.stderr, "Wrote a project here. Next:")
	} else {
		fmt.Fprintf(c.stderr, "Wrote a project into %s. Next:\n", dir)
		next = append([]string{"cd " + shellWord(dir)}, next...)
	}
	for _, n := range next {
		fmt.Fprintf(c.stderr, "  %s\n", n)
	}
	return nil
}

// makeFile writes a new file and the folders that it needs, and adds to made what it made.
func makeFile(path, text string, made *[]string) error {
	var missing []string
	for d := filepath.Dir(path); d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, d)
	}
	for _, d := range slices.Backward(missing) {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
		*made = append(*made, d)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	*made = append(*made, path)
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// shellWord is a path as a shell takes it.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/+:@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
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
