package memory_test

import (
	"context"
	"testing"

	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Open {
		return func() (store.Store, error) { return memory.New(), nil }
	})
}

// TestSizesCountBytes sees that what is written shows in the sizes, and what is replaced or expired no longer.
func TestSizesCountBytes(t *testing.T) {
	ctx := context.Background()
	s := memory.New()
	size := func() int64 {
		sizes, err := s.Sizes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return sizes["s"]
	}
	put := func(n int) {
		if err := s.Write(ctx, &store.Write{Puts: []store.Put{{Space: "s", Key: "k", Step: 1, Bytes: make([]byte, n)}}}); err != nil {
			t.Fatal(err)
		}
	}
	put(1 << 20)
	if n := size(); n < 1<<20 || n > 1<<20+1000 {
		t.Errorf("1 MiB is sized as %d", n)
	}
	put(10)
	if n := size(); n < 10 || n > 1000 {
		t.Errorf("10 bytes are sized as %d", n)
	}
	if err := s.Expire(ctx, "s", 1, 1); err != nil || size() != 0 {
		t.Errorf("%d bytes after all expired, %v", size(), err)
	}
}
