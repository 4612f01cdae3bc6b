package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bighead-ml/bighead/store"
)

// What docs/interface.md says of metrics is what the server has, and the other way round: names and labels.
func TestMetricsAreThoseOfTheInterface(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "interface.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, said, found := strings.Cut(string(text), "\n- Metrics: ")
	said, _, end := strings.Cut(said, "Never a label by key")
	if !found || !end {
		t.Fatal("interface.md has no list of metrics")
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("`(bighead_[a-z_]+)(?:\\{([^}]*)\\})?`").FindAllStringSubmatch(said, -1) {
		var labels []string
		for l := range strings.SplitSeq(m[2], ",") {
			name, _, _ := strings.Cut(l, "=")
			labels = append(labels, name)
		}
		slices.Sort(labels)
		documented[m[1]] = strings.Join(labels, ",")
	}
	if len(documented) < 25 {
		t.Fatalf("only %d metrics are documented", len(documented))
	}
	w := serveClasses(t, smallFeatures, "k,ts,x\na,2024-01-01T10:00:00Z,1\n")
	described := make(chan *prometheus.Desc)
	go func() {
		defer close(described)
		w.surface.registry.Describe(described)
	}()
	desc := regexp.MustCompile(`fqName: "(bighead_[a-z_]+)".* constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}`)
	has := map[string]bool{}
	for d := range described {
		m := desc.FindStringSubmatch(d.String())
		if m == nil {
			continue // Go's and the process's
		}
		var labels []string
		for l := range strings.SplitSeq(m[2]+","+m[3], ",") {
			name, _, constant := strings.Cut(l, "=")
			if name != "" && (!constant || m[1] != "bighead_build_info") {
				labels = append(labels, name)
			}
		}
		slices.Sort(labels)
		has[m[1]] = true
		if want, ok := documented[m[1]]; !ok || want != strings.Join(labels, ",") {
			t.Errorf("metric %s has the labels %q, documented (%v) are %q", m[1], labels, ok, want)
		}
	}
	for name := range documented {
		if !has[name] {
			t.Errorf("metric %s is documented, and there is none", name)
		}
	}
}

// sized counts how often a store is asked for its sizes, and answers as it is told.
type sized struct {
	store.Store
	asked   atomic.Int64
	reached chan struct{} // closed when it is first asked
	hangs   chan struct{} // the first answer comes when it is closed
}

func (s *sized) Sizes(ctx context.Context) (map[string]int64, error) {
	switch s.asked.Add(1) {
	case 1:
		close(s.reached)
		<-s.hangs
		return map[string]int64{"s": 1, "s/b": 2, "st": 4, "u": 8}, nil
	default:
		return nil, io.ErrUnexpectedEOF
	}
}

// A store is asked for its sizes once in a while, whoever scrapes; one that hangs keeps no scrape for long, and one that fails is said nothing of.
func TestSizesAreAskedForNowAndThen(t *testing.T) {
	st := &sized{reached: make(chan struct{}), hangs: make(chan struct{})}
	s := &storeSizes{store: st}
	if got := s.get(); got != nil {
		t.Errorf("a store that hangs has said %v", got)
	}
	<-st.reached
	if s.get(); st.asked.Load() != 1 {
		t.Errorf("a store that hangs was asked %d times", st.asked.Load())
	}
	close(st.hangs)
	s.calls.Wait()
	s.asked = s.asked.Add(time.Hour) // however long this takes, it was a moment ago
	for range 3 {
		got := s.get()
		if n := spaceBytes(got, "s"); n != 3 || st.asked.Load() != 1 {
			t.Errorf("space s takes %d of %v, asked %d times", n, got, st.asked.Load())
		}
	}
	s.asked = time.Now().Add(-sizesEvery)
	s.get() // waits for the answer, and not for ever
	s.calls.Wait()
	s.asked = s.asked.Add(time.Hour)
	if got := s.get(); got != nil || st.asked.Load() != 2 {
		t.Errorf("a store that fails, asked %d times, has said %v", st.asked.Load(), got)
	}
	s.close()
	s.asked = time.Now().Add(-sizesEvery)
	if s.get(); st.asked.Load() != 2 {
		t.Error("a store that may be closed is asked")
	}
}
