package expr

import (
	"flag"
	"os"
	"testing"
)

// TestMain raises the number of random expressions, unless the caller says one.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "300"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
