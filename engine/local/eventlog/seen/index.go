package seen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Index is the entries that were met: the newest in a table, those before in tables that are being written, the others in runs. Look, Add
// and Freeze are for one goroutine, its owner's; the others may be called by anybody meanwhile.
//
// A run covers a range of records, which its name says, and so does the run that several are merged to: giving it its name is the moment
// in which it is, and runs whose records another covers are leftovers. A record's entries are in the index again once it was shown again,
// so that nothing has to be synced as events come.
type Index struct {
	dir    string
	limit  int // entries of a table
	memory *Table
	next   int64

	changing sync.Mutex // held while runs are written, merged and removed
	mu       sync.RWMutex
	idle     *sync.Cond // of mu: something was done
	frozen   []frozen   // oldest first
	runs     []*run     // by records
	horizon  int64
	durable  int64
	working  bool
	err      error // why the oldest frozen table could not be written
}

// frozen is a table that is being written to a run of the records [from, to).
type frozen struct {
	table    *Table
	from, to int64
}

const (
	tableEntries = 1 << 19
	mostFrozen   = 4
	mergeAt      = 4 // runs of a tier
	runSuffix    = ".ids"
)

// Open opens the index in a folder, which it makes where there is none. limit is how many entries are gathered in memory, 32 bytes each,
// before they go to disk; 0: half a million.
func Open(dir string, limit int) (*Index, error) {
	if limit <= 0 {
		limit = tableEntries
	}
	x := &Index{dir: dir, limit: limit, memory: &Table{}, next: 1, horizon: math.MinInt64}
	x.idle = sync.NewCond(&x.mu)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []*run
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), ".tmp") {
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		} else if from, to, ok := parseName(e.Name()); ok {
			names = append(names, &run{path: path, from: from, to: to})
		}
	}
	slices.SortFunc(names, func(a, b *run) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	for _, n := range names {
		if n.to <= x.next && len(x.runs) > 0 { // of the runs that were merged to the one before
			if err := os.Remove(n.path); err != nil {
				return nil, err
			}
			continue
		}
		r, err := openRun(n.path, n.from, n.to)
		if err != nil {
			return nil, errors.Join(err, x.Close())
		}
		x.runs, x.next = append(x.runs, r), n.to
	}
	x.durable = x.next
	return x, nil
}

func name(from, to int64) string { return fmt.Sprintf("%020d-%020d%s", from, to, runSuffix) }

func parseName(s string) (from, to int64, ok bool) {
	s, ok = strings.CutSuffix(s, runSuffix)
	a, b, cut := strings.Cut(s, "-")
	from, err := strconv.ParseInt(a, 10, 64)
	to, err2 := strconv.ParseInt(b, 10, 64)
	return from, to, ok && cut && err == nil && err2 == nil && from < to
}

// Next is the record from which on all have to be shown to the index again after it was opened.
func (x *Index) Next() int64 { return x.next }

// Look says what an event is beside those that were met, from the horizon on.
func (x *Index) Look(e Entry, horizon int64) (Verdict, error) {
	v := x.memory.Look(e, horizon)
	x.mu.RLock()
	defer x.mu.RUnlock()
	for i := len(x.frozen) - 1; i >= 0 && !v.firm(); i-- {
		v = max(v, x.frozen[i].table.Look(e, horizon))
	}
	for i := len(x.runs) - 1; i >= 0 && !v.firm(); i-- {
		u, err := x.runs[i].look(&e, horizon)
		if err != nil {
			return v, err
		}
		v = max(v, u)
	}
	return v, nil
}

// Add puts in the entries of the records up to upTo, which is behind the last.
func (x *Index) Add(entries []Entry, upTo int64) {
	for _, e := range entries {
		x.memory.Add(e)
	}
	x.next = upTo
}

// Room makes room in memory where there is none left, which waits or fails as Freeze does. It is asked before events are taken on.
func (x *Index) Room() error {
	if x.memory.Len() < x.limit {
		return nil
	}
	return x.Freeze()
}

// Freeze has what is in memory written to disk by another goroutine. It waits where that one is far behind, and fails where it cannot
// write any more; nothing is lost then, and it is tried again at the next call.
func (x *Index) Freeze() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.frozen) >= mostFrozen && x.working {
		x.idle.Wait()
	}
	if len(x.frozen) >= mostFrozen {
		err := x.err
		x.start()
		return err
	}
	from := x.durable
	if n := len(x.frozen); n > 0 {
		from = x.frozen[n-1].to
	}
	if from < x.next {
		x.frozen = append(x.frozen, frozen{x.memory, from, x.next})
		x.memory = &Table{}
	}
	x.start()
	return nil
}

// start has the other goroutine work; mu is held.
func (x *Index) start() {
	if !x.working {
		x.working, x.err = true, nil
		go x.work()
	}
}

// work writes frozen tables, oldest first, and merges runs.
func (x *Index) work() {
	for {
		x.mu.Lock()
		if len(x.frozen) == 0 || x.err != nil {
			x.working = false
			x.idle.Broadcast()
			x.mu.Unlock()
			return
		}
		f := x.frozen[0]
		x.mu.Unlock()
		err := x.write(f)
		x.mu.Lock()
		x.err = err
		x.idle.Broadcast()
		x.mu.Unlock()
		if err == nil {
			err = x.merge()
			x.mu.Lock()
			x.err = err
			x.mu.Unlock()
		}
	}
}

// write makes a run of a frozen table.
func (x *Index) write(f frozen) error {
	x.changing.Lock()
	defer x.changing.Unlock()
	entries := slices.Clone(f.table.Entries())
	slices.SortFunc(entries, func(a, b Entry) int {
		if p, q := prefix(&a.Key), prefix(&b.Key); p != q {
			return cmp.Compare(p, q)
		}
		return bytes.Compare(a.Key[8:], b.Key[8:])
	})
	w, err := newRun(filepath.Join(x.dir, name(f.from, f.to)), int64(len(entries)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.add(e); err != nil {
			w.staged.Abort()
			return err
		}
	}
	if err := w.commit(f.from, f.to); err != nil {
		return err
	}
	r, err := openRun(w.path, f.from, f.to)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.runs = append(slices.Clone(x.runs), r)
	x.frozen = slices.Clone(x.frozen[1:])
	x.durable = f.to
	return nil
}

// Wait waits until all records before a place are on disk, for which somebody must have frozen them.
func (x *Index) Wait(place int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.durable < place {
		if x.err != nil {
			return x.err
		}
		if !x.working {
			return fmt.Errorf("records up to %d are not on disk, and nobody writes them", place)
		}
		x.idle.Wait()
	}
	return nil
}

// Close waits for the goroutine that writes, and closes the files. What is in memory alone has to be shown again.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.working {
		x.idle.Wait()
	}
	var errs []error
	for _, r := range x.runs {
		errs = append(errs, r.file.Close())
	}
	x.runs = nil
	return errors.Join(errs...)
}

// remove removes files that are not needed any more.
func remove(runs []*run) error {
	var errs []error
	for _, r := range runs {
		errs = append(errs, r.file.Close())
		if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
