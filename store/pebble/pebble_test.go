package pebble

import (
	"testing"

	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Open {
		path := t.TempDir()
		return func() (store.Store, error) { return Open(Options{Path: path}) }
	})
}
