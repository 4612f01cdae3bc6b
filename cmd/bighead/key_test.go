package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPushAgain pushes the same file under the same key, each time in a process that begins anew, to a source without an id: its parts count
// once. Under another key, or none, they count twice (E3).
func TestPushAgain(t *testing.T) {
	dir := smallProject(t, smallFeatures)
	if err := os.WriteFile(filepath.Join(dir, "bighead.toml"), []byte("[serve]\nclock = \"events\"\n[log]\nlevel = \"warn\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := bighead(t, dir, "apply", "--yes"); code != exitGood {
		t.Fatal(out, stderr)
	}
	pad := strings.Repeat(" ", 1000) // two parts
	var lines []string
	for i := range 1100 {
		lines = append(lines, fmt.Sprintf(`{"k":"z",%s"ts":"2024-01-01T12:00:00Z","x":1}`, pad[:1000-i%3]))
	}
	file := lineFile(t, lines...)
	n := 0
	for _, c := range []struct {
		args []string
		new  bool
	}{{[]string{"--key", "monday"}, true}, {[]string{"--key", "monday"}, false}, {[]string{"--key", "tuesday"}, true}, {nil, true}, {nil, true}, {[]string{"--key", "tuesday"}, false}} {
		want := "e: 0 accepted, 1,100 came before"
		if c.new {
			n += len(lines)
			want = "e: 1,100 accepted, 0 came before"
		}
		if code, out, stderr := bighead(t, dir, append([]string{"push", "e", file}, c.args...)...); code != exitGood || !strings.Contains(out, want) {
			t.Fatalf("push %v: %d %s%s, want %s", c.args, code, out, stderr, want)
		}
	}
	code, out, stderr := bighead(t, dir, "get", "v", "k=z", "--json")
	if want := fmt.Sprintf(`"values":[%d,1,2]`, n); code != exitGood || !strings.Contains(out, want) {
		t.Errorf("%d %s%s, want %s", code, out, stderr, want)
	}
}
