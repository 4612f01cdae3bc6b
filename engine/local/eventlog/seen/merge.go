package seen

import (
	"bytes"
	"path/filepath"
	"slices"
)

// Runs of about one length are merged, so that there are few filters to look at: a run of tier t has up to limit · 4^t entries, and of a
// tier there are at most three. An entry is so written again about once for each fourfold of how many there are.

func (x *Index) tier(r *run) int {
	t := 0
	for n := int64(x.limit); n < r.entries; n *= mergeAt {
		t++
	}
	return t
}

// due are the newest runs, where as many as a merge takes are of a tier or lower.
func (x *Index) due() []*run {
	for t := range 32 {
		n := 0
		for n < len(x.runs) && x.tier(x.runs[len(x.runs)-1-n]) <= t {
			n++
		}
		if n >= mergeAt {
			return x.runs[len(x.runs)-n:]
		}
	}
	return nil
}

// merge merges what is due.
func (x *Index) merge() error {
	for {
		x.changing.Lock()
		x.mu.RLock()
		due := slices.Clone(x.due())
		x.mu.RUnlock()
		var err error
		if len(due) > 0 {
			err = x.replace(due)
		}
		x.changing.Unlock()
		if len(due) == 0 || err != nil {
			return err
		}
	}
}

// replace puts one run, without what is before the horizon, in the place of some that are neighbours; changing is held.
func (x *Index) replace(old []*run) error {
	x.mu.RLock()
	horizon := x.horizon
	x.mu.RUnlock()
	from, to := old[0].from, old[len(old)-1].to
	path := filepath.Join(x.dir, name(from, to))
	made, err := mergeRuns(path, old, from, to, horizon)
	if err != nil {
		return err
	}
	x.mu.Lock()
	at := slices.Index(x.runs, old[0])
	x.runs = slices.Replace(slices.Clone(x.runs), at, at+len(old), made)
	x.mu.Unlock()
	if len(old) == 1 {
		return old[0].file.Close() // the file has its name no more
	}
	return remove(old)
}

// mergeRuns writes the entries of runs as one.
func mergeRuns(path string, old []*run, from, to, horizon int64) (*run, error) {
	most := int64(0)
	cursors := make([]*runCursor, 0, len(old))
	for _, r := range old {
		most += r.entries
		c := r.cursor()
		ok, err := c.next()
		if err != nil {
			return nil, err
		}
		if ok {
			cursors = append(cursors, c)
		}
	}
	w, err := newRun(path, most)
	if err != nil {
		return nil, err
	}
	defer w.staged.Abort()
	for len(cursors) > 0 {
		least := 0
		for i := 1; i < len(cursors); i++ {
			if before(&cursors[i].Entry.Key, &cursors[least].Entry.Key) {
				least = i
			}
		}
		c := cursors[least]
		if c.Entry.Time >= horizon {
			if err := w.add(c.Entry); err != nil {
				return nil, err
			}
		}
		ok, err := c.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			cursors = slices.Delete(cursors, least, least+1)
		}
	}
	if err := w.commit(from, to); err != nil {
		return nil, err
	}
	return openRun(path, from, to)
}

func before(a, b *Key) bool {
	if p, q := prefix(a), prefix(b); p != q {
		return p < q
	}
	return bytes.Compare(a[8:], b[8:]) < 0
}

// Forget drops entries of times before the horizon: runs that have no others are removed, and those are written again of which most
// are, so that what is kept too long is never more than what is kept.
func (x *Index) Forget(horizon int64) error {
	x.changing.Lock()
	defer x.changing.Unlock()
	x.mu.Lock()
	x.horizon = horizon
	runs := x.runs
	x.mu.Unlock()
	for i, r := range runs {
		newest := i == len(runs)-1
		switch {
		case r.last < horizon && !newest: // the newest says how far the index is
			x.mu.Lock()
			x.runs = slices.DeleteFunc(slices.Clone(x.runs), func(o *run) bool { return o == r })
			x.mu.Unlock()
			if err := remove([]*run{r}); err != nil {
				return err
			}
		case r.entries > 0 && r.middle < horizon:
			if err := x.replace([]*run{r}); err != nil {
				return err
			}
		}
	}
	return nil
}
