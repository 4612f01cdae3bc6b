package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (c *cli) checkCommand() *cobra.Command {
	format, formats := "text", []string{"text", "json", "github", "sarif"}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say every mistake of the definitions at once",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.json {
				format = "json"
			}
			if !slices.Contains(formats, format) {
				return usagef("--format %q: choose one of %s", format, strings.Join(formats, ", "))
			}
			p, err := c.open()
			if err != nil {
				return err
			}
			l, err := c.check(cmd.Context(), p)
			if err != nil {
				return err
			}
			if err := c.printProblems(l, format); err != nil {
				return err
			}
			if format == "text" {
				fmt.Fprintln(c.stdout, summary(l))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text, json, github or sarif")
	offer(cmd, "format", formats...)
	return cmd
}

// summary counts what a project defines.
func summary(l *loaded) string {
	features := 0
	for _, g := range l.typed.Groups {
		features += len(g.Features)
	}
	parts := []string{
		plural(len(l.typed.Sources), "source"), plural(len(l.typed.Groups), "feature group") + " with " + plural(features, "feature"),
		plural(len(l.typed.Views), "view"), plural(len(l.typed.TrainingSets), "training set"),
	}
	if n := len(l.typed.Models); n > 0 {
		parts = append(parts, plural(n, "model"))
	}
	if n := len(l.typed.Endpoints); n > 0 {
		parts = append(parts, plural(n, "endpoint"))
	}
	return "sound: " + strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
