package main

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

func (c *cli) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print each setting and where it came from",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			p, err := c.open()
			if err != nil {
				return err
			}
			type setting struct {
				Key    string `json:"key"`
				Value  string `json:"value"`
				Origin string `json:"origin"`
			}
			all := []setting{}
			t := newTable("setting", "value", "from")
			for _, v := range p.Config.List() {
				all = append(all, setting{v.Key, v.Shown(), v.Origin})
				t.add(v.Key, v.Shown(), v.Origin)
			}
			if c.json {
				return json.NewEncoder(c.stdout).Encode(all)
			}
			return t.print(c.stdout)
		},
	}
}
