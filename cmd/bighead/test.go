package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	road "github.com/bighead-ml/bighead/engine/enginetest/online"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

func (c *cli) testCommand() *cobra.Command {
	var rewrite bool
	var only string
	var seed uint64
	var cases int
	cmd := &cobra.Command{
		Use:   "test [FILES]",
		Short: "Run .feat scripts on every road that is installed",
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("seed") {
				return c.runRandom(cmd.Context(), seed, cases)
			}
			p, err := c.open()
			if err != nil {
				return err
			}
			roads, err := roadsNamed(only, optionsOf(p))
			if err != nil {
				return err
			}
			return c.runScripts(cmd.Context(), p, args, roads, rewrite)
		},
	}
	cmd.Flags().BoolVar(&rewrite, "rewrite", false, "write what the features give now under each ----")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "draw random cases from this seed on, in place of scripts")
	cmd.Flags().IntVar(&cases, "cases", 1000, "how many random cases")
	cmd.Flags().StringVar(&only, "engine", "", "run on this road alone, beside the oracle: an engine of batch, or online")
	return cmd
}

func roadsNamed(only string, o engineOptions) ([]engine.Engine, error) {
	var roads []engine.Engine
	var names []string
	for _, e := range engines(o) {
		names = append(names, e.Name())
		if e.Name() != "oracle" && (only == "" || only == e.Name()) {
			roads = append(roads, e)
		}
	}
	names = append(names, "online")
	if only == "" || only == "online" {
		roads = append(roads, road.Road{Parts: onlineParts(""), Settings: road.Plain("memory", "direct")})
	}
	if only != "" && !slices.Contains(names, only) {
		if slices.Contains(engineNames(), only) || only == "spark" {
			_, err := engineNamed(only, o)
			return nil, mistakef("--engine %v", err)
		}
		return nil, usagef("--engine %q: this binary has %s", only, strings.Join(names, " and "))
	}
	return roads, nil
}

func (c *cli) runScripts(ctx context.Context, p *project.Project, files []string, roads []engine.Engine, rewrite bool) error {
	sources, err := readScripts(p.Root, files)
	if err != nil {
		return err
	}
	python, err := p.Python()
	if err != nil {
		return err
	}
	l := &loaded{Project: p}
	check := feature.Options{
		Schema:     func(place feature.Place) (value.Schema, []string, error) { return l.schema(ctx, place) },
		Resolution: p.Config.String("features.resolution"),
	}
	foreign, missing := foreignRoads(p, roads, check)
	suite := enginetest.Suite{
		Roads: roads, Foreign: foreign, Missing: missing, Root: p.Root, Check: check,
		Record: func(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
			return project.RecordUnits(ctx, python, units)
		},
	}
	results, err := suite.Run(ctx, sources)
	if err != nil {
		return err
	}
	if rewrite {
		if err := c.rewriteScripts(results); err != nil {
			return err
		}
	}
	if c.json {
		if err := json.NewEncoder(c.stdout).Encode(results); err != nil {
			return err
		}
	} else if err := results.Write(c.stdout); err != nil {
		return err
	}
	if results.Failed() > 0 && !rewrite {
		return errReported
	}
	return nil
}

// foreignRoads are those of engines that are not ours, with how check speaks for them: those that are asked, and those that bighead.toml names.
// What it names and nobody can ask is missing.
func foreignRoads(p *project.Project, roads []engine.Engine, check feature.Options) (foreign []enginetest.Foreign, missing []enginetest.Skipped) {
	asked := func(name string) bool {
		return slices.ContainsFunc(roads, func(e engine.Engine) bool { return e.Name() == name })
	}
	batch, stream := check, check
	batch.Batch, stream.Stream = "spark", "flink"
	if named := p.Config.String("batch.engine") == "spark"; named || asked("spark") {
		foreign = append(foreign, enginetest.Foreign{Road: "spark", Check: batch})
		if !asked("spark") && p.Config.String("batch.remote") == "" {
			missing = append(missing, enginetest.Skipped{Road: "spark", Reason: "[batch] remote names no Connect server"})
		}
	}
	if named := p.Config.String("stream.engine") == "flink"; named {
		foreign = append(foreign, enginetest.Foreign{Road: "flink", Check: stream})
		if !asked("flink") {
			missing = append(missing, enginetest.Skipped{Road: "flink", Reason: "this binary has no road to it for scripts; what check refuses there is told"})
		}
	}
	return foreign, missing
}

func (c *cli) rewriteScripts(results *enginetest.Results) error {
	for _, s := range results.Scripts {
		text, changed := s.Rewritten()
		if !changed {
			continue
		}
		if err := writeWhole(s.Path, []byte(text)); err != nil {
			return err
		}
		fmt.Fprintln(c.stderr, "rewrote", s.Path)
	}
	return nil
}

// readScripts reads the scripts named, or all below the project's tests.
func readScripts(root string, files []string) ([]enginetest.Source, error) {
	if len(files) == 0 {
		err := filepath.WalkDir(filepath.Join(root, "tests"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".feat") {
				files = append(files, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if len(files) == 0 {
			return nil, mistakef("there are no scripts: write tests/first.feat, or name files")
		}
	}
	var out []enginetest.Source
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, mistakef("%v", err)
		}
		out = append(out, enginetest.Source{Path: f, Text: string(text)})
	}
	return out, nil
}
