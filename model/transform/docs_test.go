package transform

import (
	"flag"
	"os"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what is generated instead of comparing it")

func TestDocumentationIsCurrent(t *testing.T) {
	const path = "../../docs/transforms.md"
	got := Documentation()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is not what the table says; run: go generate ./model/transform", path)
	}
}
