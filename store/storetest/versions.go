package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/bighead-ml/bighead/store"
)

// testVersions: a version moves with each write of its owner and each drop, also by another process, and stays otherwise.
func testVersions(t *testing.T, fresh func(t testing.TB) Open) {
	c := newClient(t, fresh)
	if !c.Traits().Versioned {
		t.Skip("the store has no versions")
	}
	ctx := context.Background()
	var owners []store.Owner
	for _, space := range oddSpaces {
		for i := range 20 {
			owners = append(owners, store.Owner{Space: space, Key: fmt.Sprint("k\x00", i)})
		}
	}
	other, err := c.open()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	versions := func() []uint64 {
		t.Helper()
		var of [2][]uint64
		for i, s := range []store.Store{c.Store, other} {
			of[i] = make([]uint64, len(owners))
			if err := s.(store.Versions).Versions(ctx, owners, of[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range owners {
			if of[0][i] != of[1][i] {
				t.Fatalf("%v has versions %d and %d", owners[i], of[0][i], of[1][i])
			}
		}
		return of[0]
	}
	moved := func(what string, before []uint64, must func(o store.Owner) bool, atMost int) []uint64 {
		t.Helper()
		after, n := versions(), 0
		for i, o := range owners {
			if after[i] != before[i] {
				n++
			} else if must(o) {
				t.Errorf("%s: the version of %q in %q stays", what, o.Key, o.Space)
			}
		}
		if n > atMost {
			t.Errorf("%s: %d versions move, want at most %d", what, n, atMost)
		}
		return after
	}
	now := versions()
	for round := range 3 {
		for i, o := range owners[:30] {
			w := store.Write{Puts: []store.Put{val(o.Space, o.Key, minute, int64(round)*minute, "x")}}
			if i%3 == 1 {
				w.Puts[0].Bytes = nil // what is deleted is written too
			}
			by := c.Store
			if i%2 == 1 {
				by = other
			}
			if err := by.Write(ctx, &w); err != nil {
				t.Fatal(err)
			}
			// Few may share a version by lot.
			now = moved("a write", now, func(x store.Owner) bool { return x == o }, 3)
		}
	}
	c.read(all(owners[0].Space, owners[0].Key, minute))
	c.write(&store.Write{Meta: []store.MetaPut{{Name: "m", Bytes: []byte("x")}}})
	now = moved("a reading and meta", now, func(store.Owner) bool { return false }, 0)
	if err := c.Drop(ctx, owners[0].Space); err != nil {
		t.Fatal(err)
	}
	moved("a drop", now, func(x store.Owner) bool { return x.Space == owners[0].Space }, len(owners))
}
