package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/feature"
)

// helpCommand explains a command, or the number of a mistake.
func (c *cli) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | BH012]",
		Short: "Explain a command, or the number of a mistake",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 1 && strings.HasPrefix(strings.ToUpper(args[0]), "BH") {
				return c.explainCode(args[0])
			}
			target, rest, err := root.Find(args)
			if err != nil || target == nil || len(rest) > 0 {
				return unknownCommand(root, strings.Join(args, " "))
			}
			return target.Help()
		},
	}
}

func (c *cli) explainCode(text string) error {
	code, ok := feature.ParseCode(text)
	if !ok {
		var known []string
		for _, k := range feature.Codes() {
			known = append(known, k.String())
		}
		return mistakef("there is no mistake %s; they go from %s to %s", strings.ToUpper(text), known[0], known[len(known)-1])
	}
	h, ok := feature.HelpOf(code)
	if !ok {
		return mistakef("%s has no explanation", code)
	}
	_, err := fmt.Fprintln(c.stdout, h.String())
	return err
}
