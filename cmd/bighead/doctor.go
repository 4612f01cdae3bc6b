package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/project"
)

// finding is one thing that doctor looked at.
type finding struct {
	What string `json:"what"`
	Good bool   `json:"good"`
	Says string `json:"says"`
	Cure string `json:"cure,omitempty"`
}

func (c *cli) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "What is installed and reachable, with the cure for what is not",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := c.examine(cmd.Context())
			if c.json {
				if err := json.NewEncoder(c.stdout).Encode(found); err != nil {
					return err
				}
			}
			bad := false
			for _, f := range found {
				bad = bad || !f.Good
				if c.json {
					continue
				}
				mark := "ok "
				if !f.Good {
					mark = "BAD"
				}
				fmt.Fprintf(c.stdout, "%s  %s: %s\n", mark, f.What, f.Says)
				if f.Cure != "" {
					fmt.Fprintf(c.stdout, "     %s\n", f.Cure)
				}
			}
			if bad {
				return errReported
			}
			return nil
		},
	}
}

func (c *cli) examine(ctx context.Context) []finding {
	p, err := c.open()
	if err != nil {
		f := finding{What: "project", Says: err.Error(), Cure: "run doctor inside a project, or name one with --project"}
		return []finding{f, pythonFinding(ctx, "")}
	}
	found := []finding{{What: "project", Good: true, Says: p.Root}}
	var topics []string
	python, err := p.Python()
	if err != nil {
		found = append(found, finding{What: "python", Says: err.Error(), Cure: "install Python 3.10 or newer, or set [python] path"})
	} else {
		found = append(found, pythonFinding(ctx, python.Path))
		if l, err := c.check(ctx, p); err != nil {
			found = append(found, finding{What: "definitions", Says: err.Error(), Cure: "run bighead check"})
		} else if l.problems.Failed() {
			found = append(found, tablesFindings(ctx, p, l)...)
			found = append(found, finding{What: "definitions", Says: "they have mistakes", Cure: "run bighead check"})
		} else {
			found = append(found, finding{What: "definitions", Good: true, Says: summary(l)})
			found = append(found, tablesFindings(ctx, p, l)...)
			found = append(found, namesFindings(ctx, p, l)...)
			for _, s := range l.typed.Sources {
				if t := s.Place.Topic; t != "" && !slices.Contains(topics, t) {
					topics = append(topics, t)
				}
			}
		}
	}
	found = append(found, writable(filepath.Join(p.Root, ".bighead")), onnxFinding(p))
	if p.Config.String("store.kind") == "redis" { // an embedded one may be open in a server, and needs nothing but its folder
		found = append(found, reachable(ctx, p))
	}
	if f := brokersFinding(ctx, p, topics); f != nil {
		found = append(found, *f)
	}
	return append(found, clusterFindings(ctx, p)...)
}

// reachable opens the shared store, which looks at what it must be like.
func reachable(ctx context.Context, p *project.Project) finding {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	st, err := openStore(ctx, p, slog.New(slog.DiscardHandler))
	if err == nil {
		err = st.Close()
	}
	if err != nil {
		return finding{What: "online store", Says: err.Error(), Cure: "start the server, or set [store] url and prefix; until then servers of this project answer nothing new"}
	}
	return finding{What: "online store", Good: true, Says: "redis, under the prefix " + storePrefix(p)}
}

// brokersFinding asks the brokers that [stream] names for the topics; nil where it names none and nothing asks for any.
func brokersFinding(ctx context.Context, p *project.Project, topics []string) *finding {
	f := &finding{What: "brokers"}
	broker, err := openBroker(p, nil)
	switch {
	case err != nil:
		f.Says, f.Cure = err.Error(), "correct [stream] in bighead.toml"
		return f
	case broker == nil && len(topics) == 0:
		return nil
	case broker == nil:
		f.Good, f.Says, f.Cure = true, "none are named, so topics are not read: "+strings.Join(topics, ", "), `set brokers = ["host:9092"] under [stream] to read them; rows can be pushed without`
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if dead := p.Config.String("stream.dead_letters"); dead != "" {
		topics = append(topics, dead)
	}
	err = broker.Ping(ctx, topics...)
	f.Good, f.Says = err == nil, strings.Join(p.Config.Strings("stream.brokers"), ", ")+" answer"
	if versioned, ok := broker.(interface {
		Version(ctx context.Context) (string, error)
	}); ok && err == nil {
		if v, err := versioned.Version(ctx); err == nil { // that they answer is known already
			f.Says += ", Kafka " + v
		}
	}
	err = errors.Join(err, broker.Close())
	if len(topics) > 0 {
		f.Says += ", and have " + strings.Join(topics, ", ")
	}
	if err != nil {
		f.Says, f.Cure = err.Error(), "start them, or correct [stream] brokers, sasl and tls; requests are answered meanwhile, and topics are read on when they are there"
	}
	return f
}

func pythonFinding(ctx context.Context, path string) finding {
	if path == "" {
		var err error
		if path, err = project.FindPython("", os.Getenv); err != nil {
			return finding{What: "python", Says: err.Error(), Cure: "install Python 3.10 or newer"}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second+outside.patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return finding{What: "python", Says: fmt.Sprintf("%s: %v", path, err), Cure: "install Python 3.10 or newer, or set [python] path"}
	}
	return finding{What: "python", Good: true, Says: path + ", " + strings.TrimSpace(string(out))}
}

func writable(dir string) finding {
	f := finding{What: "local state", Good: true, Says: dir}
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		probe := filepath.Join(dir, ".doctor")
		err = errors.Join(os.WriteFile(probe, []byte("x"), 0o600), os.Remove(probe))
	}
	if err != nil {
		f.Good, f.Says, f.Cure = false, err.Error(), "make the folder writable: the catalog and tiles live there"
	}
	return f
}

// onnxFinding says what ONNX models would be answered with. Without it all else works.
func onnxFinding(p *project.Project) finding {
	path, version, err := onnxLibrary(p)
	switch {
	case err != nil:
		return finding{What: "onnx runtime", Says: err.Error(), Cure: "correct [models] onnxruntime, or take it out; until then ONNX models that are no trees are not answered"}
	case path == "":
		return finding{What: "onnx runtime", Good: true, Says: "not installed, so ONNX models that are no trees are not answered", Cure: "bighead models install onnxruntime"}
	}
	return finding{What: "onnx runtime", Good: true, Says: version + ", " + path}
}
