package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/feature"
)

// names are what may stand at one place of a command line; args are what stands before it.
type names func(l *loaded, args []string) []string

// complete offers names of the project's definitions to a shell, by the place of the argument; the last place may repeat, and nil
// stands for a file. Where the project cannot be read nothing is offered: the shell is no place for a report.
func (c *cli) complete(places ...names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		offered := places[min(len(args), len(places)-1)]
		if offered == nil {
			return nil, cobra.ShellCompDirectiveDefault
		}
		quiet := *c
		quiet.stderr = io.Discard
		p, err := quiet.open()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		l, err := quiet.check(cmd.Context(), p)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found := offered(l, args)
		if slices.ContainsFunc(found, func(s string) bool { return strings.HasSuffix(s, "=") }) {
			return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// offer offers the values of a flag.
func offer(cmd *cobra.Command, flag string, values ...string) {
	fixed := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, fixed); err != nil {
		panic(err) // there is no such flag
	}
}

func noNames(*loaded, []string) []string { return nil }

func namesOf[T any](all []T, name func(T) string, but []string) []string {
	var out []string
	for _, x := range all {
		if n := name(x); !slices.Contains(but, n) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func sourceNames(l *loaded, _ []string) []string {
	return namesOf(l.typed.Sources, func(s *feature.Source) string { return s.Name }, nil)
}

// groupNames are the groups that do not stand on the line yet.
func groupNames(l *loaded, args []string) []string {
	return namesOf(l.typed.Groups, func(g *feature.Group) string { return g.Name }, args)
}

func viewNames(l *loaded, _ []string) []string {
	return namesOf(l.typed.Views, func(v *feature.View) string { return v.Name }, nil)
}

func trainingSetNames(l *loaded, _ []string) []string {
	return namesOf(l.typed.TrainingSets, func(t *feature.TrainingSet) string { return t.Name }, nil)
}

func allNames(l *loaded, _ []string) []string { return l.names() }

// columnNames are the columns of the view that stands first.
func columnNames(l *loaded, args []string) []string {
	for _, v := range l.typed.Views {
		if v.Name == args[0] {
			return namesOf(v.Columns, func(c feature.ViewColumn) string { return c.Name }, nil)
		}
	}
	return nil
}

// rowNames are the keys and request fields of the view that stands first and are not given yet, each ready for its value.
func rowNames(l *loaded, args []string) []string {
	for _, v := range l.typed.Views {
		if v.Name == args[0] {
			return notGiven(slices.Concat(v.Keys, v.Request), args[1:])
		}
	}
	return nil
}

func notGiven(keys []feature.Key, pairs []string) []string {
	var out []string
	for _, k := range keys {
		if !slices.ContainsFunc(pairs, func(pair string) bool { return strings.HasPrefix(pair, k.Name+"=") }) {
			out = append(out, k.Name+"=")
		}
	}
	return out
}

// keyNames are what the column that stands second needs and is not given yet, each ready for its value.
func keyNames(l *loaded, args []string) []string {
	for _, v := range l.typed.Views {
		if v.Name != args[0] {
			continue
		}
		needed := neededBy(v, allInputs(v, args[1]))
		return notGiven(slices.DeleteFunc(slices.Concat(v.Keys, v.Request), func(k feature.Key) bool { return !slices.Contains(needed, k.Name) }), args[2:])
	}
	return nil
}
