package serve

import (
	"context"
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// Watch is a store through which every write of this process goes, so that a Server over it knows when what it has cached is out of date,
// and when marks have moved. Give the same to who writes and to Open. Where other processes write too (Traits.Shared) what was read stays good
// only while the store itself says so (store.Versions), and the marks that this process moves are seen at once all the same.
func Watch(st store.Store) store.Store {
	return &watched{Store: st, seed: maphash.MakeSeed()}
}

// watched counts writes by place. Many places share a counter: a write of one voids what is cached of the others, which costs a reading
// and no truth.
//
// The count moves when a write is done, before its writer hears so: a reading that began before it is void, and one that begins after
// it sees it.
type watched struct {
	store.Store
	seed  maphash.Seed
	count [1 << 14]atomic.Uint64
	all   atomic.Uint64
	moved atomic.Pointer[func()] // hears that marks were written
	// told hears of all other meta values, once they are written: how far the stream has come in a space.
	told atomic.Pointer[func(name string, bytes []byte)]
}

func (w *watched) slot(space, key string) *atomic.Uint64 {
	h := maphash.String(w.seed, space)*31 + maphash.String(w.seed, key)
	return &w.count[h%uint64(len(w.count))]
}

// version changes when something is written under the key in one of the spaces.
func (w *watched) version(spaces []string, key string) uint64 {
	v := w.all.Load()
	for _, s := range spaces {
		v += w.slot(s, key).Load()
	}
	return v
}

// Write writes, and voids what is cached of it, also where it fails: it may have been done all the same.
func (w *watched) Write(ctx context.Context, x *store.Write) error {
	err := w.Store.Write(ctx, x)
	for i := range x.Puts {
		w.slot(x.Puts[i].Space, x.Puts[i].Key).Add(1)
	}
	told, moved := w.told.Load(), false
	for i := range x.Meta {
		if strings.HasPrefix(x.Meta[i].Name, plan.MarksPrefix) {
			moved = true
		} else if told != nil && err == nil {
			(*told)(x.Meta[i].Name, x.Meta[i].Bytes)
		}
	}
	if f := w.moved.Load(); f != nil && moved {
		(*f)()
	}
	return err
}

// Drop drops a space, and voids all that is cached.
func (w *watched) Drop(ctx context.Context, space string) error {
	defer w.all.Add(1)
	return w.Store.Drop(ctx, space)
}
