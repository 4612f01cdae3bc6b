//go:build faults

package faults

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/enginetest"
	"github.com/bighead-ml/bighead/engine/enginetest/random"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

// recordedEnv names the file with the corpus' definitions, which the parent has recorded for all its children.
const recordedEnv = "BIGHEAD_RECORDED"

// cases is how many random cases are run where the corpus has noticed nothing.
const cases = 1500

// TestEveryFaultIsNoticed plants each defect in a process of its own, and none in one. Those of the road online are cmd/bighead's.
func TestEveryFaultIsNoticed(t *testing.T) {
	if os.Getenv(recordedEnv) != "" {
		t.Skip("this is a child")
	}
	names, err := Names(root)
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, Online)
	recorded := recordCorpus(t)
	if got := child(t, recorded, ""); got != "" {
		t.Fatalf("without a defect: %s", got)
	}
	var group sync.WaitGroup
	work := make(chan string)
	var mu sync.Mutex
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for name := range work {
				got := child(t, recorded, name)
				mu.Lock()
				if got == "" {
					t.Errorf("nobody notices %q", name)
				} else {
					t.Logf("%s: noticed by %s", name, got)
				}
				mu.Unlock()
			}
		})
	}
	for _, n := range names {
		work <- n
	}
	close(work)
	group.Wait()
}

// child runs TestNotice with a defect planted and gives what noticed it.
func child(t *testing.T, recorded, name string) string {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNotice$", "-test.v")
	cmd.Env = append(os.Environ(), recordedEnv+"="+recorded, "BIGHEAD_FAULT="+name, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	for _, line := range strings.Split(string(out), "\n") {
		if _, by, ok := strings.Cut(line, "noticed by "); ok {
			return by
		}
		if strings.HasPrefix(line, "panic: ") {
			return line
		}
	}
	if err != nil {
		t.Errorf("%q: %v\n%s", name, err, out)
	}
	return ""
}

// TestNotice is the child: it says what noticed the planted defect, and nothing where nothing did.
func TestNotice(t *testing.T) {
	recorded := os.Getenv(recordedEnv)
	if recorded == "" {
		t.Skip("run by TestEveryFaultIsNoticed")
	}
	if by := corpusNotices(t, recorded); by != "" {
		fmt.Println("noticed by " + by)
		return
	}
	r, err := random.Run(t.Context(), random.Options{Seed: 1, Cases: cases, Roads: []random.Road{random.Local(t.TempDir()), random.Tiles()}, Tries: 2, Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) > 0 {
		fmt.Printf("noticed by seed %d, %s: %s\n", r.Failures[0].Seed, r.Failures[0].Settings, r.Failures[0].Differences[0])
	}
}

func corpus(t *testing.T) []enginetest.Source {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", "*", "*.feat"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var out []enginetest.Source
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, enginetest.Source{Path: p, Text: string(text)})
	}
	return out
}

// recordCorpus records the definitions of all scripts into a file, one recording a line.
func recordCorpus(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	suite := enginetest.Suite{Record: func(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
		defs, err := project.RecordUnits(ctx, project.Python{Timeout: 10 * time.Minute}, units)
		for _, d := range defs {
			if e := feature.Encode(&b, d); e != nil {
				t.Fatal(e)
			}
		}
		return defs, err
	}}
	if _, err := suite.Run(t.Context(), corpus(t)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "recorded")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// corpusNotices runs the corpus and names the first script that fails.
func corpusNotices(t *testing.T, recorded string) string {
	t.Helper()
	suite := enginetest.Suite{
		Roads: []engine.Engine{local.New(local.Options{}), enginetest.Tiles{}},
		Record: func(context.Context, []project.Unit) ([]*feature.Definitions, error) {
			return readRecorded(recorded)
		},
	}
	res, err := suite.Run(t.Context(), corpus(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range res.Scripts {
		if s.Failed() {
			return filepath.ToSlash(s.Path)
		}
	}
	return ""
}

func readRecorded(path string) ([]*feature.Definitions, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*feature.Definitions
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, feature.MaxDefinitionsBytes)
	for lines.Scan() {
		d, err := feature.Decode(bytes.NewReader(lines.Bytes()))
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, lines.Err()
}
