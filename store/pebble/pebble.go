package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bighead-ml/bighead/store"
)

// Options say how a store is opened.
type Options struct {
	Path string // the folder; made where it is not there
	// CacheBytes is the memory for blocks that were read; 0: DefaultCache.
	CacheBytes int64
	// MemoryBytes is how much of what was written is gathered in memory before it is laid down, with three times as much behind it at most; 0:
	// DefaultMemory. Tiles are written over and over: what is overwritten before is never laid down.
	MemoryBytes uint64
	Logger      *slog.Logger // what pebble does at Debug, what goes wrong at Warn and Error; nil: nowhere
	FS          vfs.FS       // nil: the machine's

	noCompactions bool // for tests
}

// What a store takes of memory where nobody says otherwise.
const (
	DefaultCache  = 64 << 20
	DefaultMemory = 16 << 20
)

// Store is a store.Store in a folder.
type Store struct {
	path  string
	db    *pebble.DB
	lock  *pebble.Lock
	disk  *disk
	cache *pebble.Cache
	state *state

	// writer holds one token; who takes it may commit, and owns what follows.
	writer  chan struct{}
	epoch   int64
	laid    time.Time        // when a deletion had what is in memory laid down
	expired map[stepOf]int64 // the first period that was not expired, while nothing was written below it since
}

type stepOf struct {
	space string
	step  int64
}

// Open opens the store in a folder. It fails with store.ErrLocked where another process, or this one, has it open.
func Open(o Options) (*Store, error) {
	s, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("open the online store in %s: %w", o.Path, err)
	}
	return s, nil
}

func open(o Options) (_ *Store, err error) {
	if o.Path == "" {
		return nil, errors.New("no folder is given")
	}
	s := &Store{path: o.Path, disk: &disk{FS: o.FS}, writer: make(chan struct{}, 1), expired: map[stepOf]int64{}}
	if o.FS == nil {
		s.disk.FS = vfs.Default
	}
	s.disk.logs = s.disk.PathJoin(o.Path, "log")
	s.state = newState(o.Path, s.disk, o.Logger)
	s.disk.fail = s.state.fail
	if err := s.disk.MkdirAll(o.Path, 0o755); err != nil {
		return nil, err
	}
	if s.lock, err = pebble.LockDirectory(o.Path, s.disk); err != nil {
		return nil, locked(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Close())
		}
	}()
	if err := s.openDB(o); err != nil {
		return nil, err
	}
	if s.epoch, err = s.readEpoch(); err != nil {
		return nil, errors.Join(err, s.closeDB())
	}
	return s, nil
}

// locked tells a lock that is held from one that cannot be taken.
func locked(err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EROFS) || strings.Contains(err.Error(), "held by current process") {
		return store.ErrLocked
	}
	return fmt.Errorf("lock it: %w", err)
}

func (s *Store) openDB(o Options) error {
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCache
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = DefaultMemory
	}
	s.cache = pebble.NewCache(o.CacheBytes)
	opts := &pebble.Options{
		FS: s.disk, WALDir: pebble.MakeStoreRelativePath(s.disk, "log"), Lock: s.lock, Cache: s.cache, Comparer: comparer, Logger: s.state, EventListener: s.state.listener(),
		FormatMajorVersion: pebble.FormatColumnarBlocks, // below FormatWALSyncChunks: see disk
		MemTableSize:       o.MemoryBytes, MemTableStopWritesThreshold: 4, DisableAutomaticCompactions: o.noCompactions,
	}
	// Pebble takes starts for versions of which the newest matters, and would move the values of the others out of the way.
	opts.Experimental.SpanPolicyFunc = func([]byte) (pebble.SpanPolicy, []byte, error) {
		return pebble.SpanPolicy{DisableValueSeparationBySuffix: true}, nil, nil
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		opts.Levels[i].BlockSize = 4 << 10 // a read is of many keys' few tiles, and decompresses each block that it meets
		opts.Levels[i].IndexBlockSize = 32 << 10
		if i < len(opts.Levels)-1 {
			opts.Levels[i].Compression = uncompressed // it is written anew soon
		}
	}
	compactions := newCompactions()
	opts.Experimental.CompactionScheduler = compactions
	db, err := guarded(func() (*pebble.DB, error) { return pebble.Open(o.Path, opts) })
	s.db = db
	s.state.opened()
	if failed := s.state.failure(); failed != nil {
		err = failed // what pebble says of it comes after
	}
	if err == nil {
		compactions.begin()
		s.disk.pacer.pace(db)
		return nil
	}
	if db == nil {
		s.cache.Unref()
		return s.state.explain(err)
	}
	if cerr := s.closeDB(); s.state.failure() == nil {
		err = errors.Join(err, cerr)
	}
	return s.state.explain(err)
}

// guarded makes an error of a panic: pebble panics where it finds itself in a state that it takes for impossible.
func guarded[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			if cause, ok := r.(error); ok {
				err = cause
				return
			}
			err = fmt.Errorf("%v", r)
		}
	}()
	return f()
}

func uncompressed() *sstable.CompressionProfile { return sstable.NoCompression }

func (s *Store) readEpoch() (int64, error) {
	b, closer, err := s.db.Get(epochKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, s.state.explain(err)
	}
	defer closer.Close()
	if len(b) != 8 {
		return 0, fmt.Errorf("its epoch has %d bytes; want 8", len(b))
	}
	return readInt(b), nil
}

// Traits are those of an embedded store.
func (s *Store) Traits() store.Traits {
	return store.Traits{Name: "pebble", Atomic: true, Lasting: true}
}

// closeWithin bounds a close after a failure: pebble then may wait for what never comes.
const closeWithin = 10 * time.Second

// Close syncs the log and closes the folder. After the disk has failed it says so again.
func (s *Store) Close() error {
	s.writer <- struct{}{} // an abandoned write ends first
	if s.state.failure() == nil {
		s.disk.synced.Store(true)
	}
	if err := errors.Join(s.closeDB(), s.lock.Close()); err != nil {
		return fmt.Errorf("close the online store in %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) closeDB() error {
	closed := make(chan error, 1)
	go func() {
		s.disk.pacer.pace(nil)
		_, err := guarded(func() (struct{}, error) { return struct{}{}, s.db.Close() })
		s.cache.Unref()
		closed <- err
	}()
	failed := s.state.failure()
	if failed == nil {
		return <-closed
	}
	select {
	case <-closed: //nolint:errcheck // that it failed before says more
		return failed
	case <-time.After(closeWithin):
		return fmt.Errorf("%w; it can be opened again only by another process", failed)
	}
}

// doing says what was done, for errors.
func (s *Store) doing(what string) string { return what + " the online store in " + s.path }

func (s *Store) ended(ctx context.Context, what string) error { return store.Ended(ctx, s.doing(what)) }

// fail wraps what pebble says.
func (s *Store) fail(what string, err error) error {
	return fmt.Errorf("%s: %w", s.doing(what), s.state.explain(err))
}
