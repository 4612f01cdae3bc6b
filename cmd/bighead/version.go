package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/feature"
)

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "The versions of the binary and of the definitions' format",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return json.NewEncoder(c.stdout).Encode(map[string]any{
					"version": version, "format": feature.FormatVersion, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(c.stdout, "bighead %s (definitions format %d, %s, %s/%s)\n", version, feature.FormatVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
