package exchange

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// Pool is the stores of one run and the memory that they share. Its methods may be called from many goroutines.
type Pool struct {
	limit int64 // of bytes in memory; 0: none
	dir   string

	mu      sync.Mutex
	used    int64
	peak    int64
	spilled int64
	stores  []*Store
}

// NewPool makes a pool whose stores keep about limit bytes in memory (0: all of them), and the rest in files of dir ("": the system's
// folder for temporary files).
func NewPool(limit int64, dir string) *Pool {
	if dir == "" {
		dir = os.TempDir()
	}
	return &Pool{limit: limit, dir: dir}
}

// Hold counts bytes that are held beside the stores, and Release takes them back; Peak is the most that was held at once.
func (p *Pool) Hold(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used += bytes
	p.peak = max(p.peak, p.used)
}

// Release takes back what Hold counted.
func (p *Pool) Release(bytes int64) { p.Hold(-bytes) }

// Peak is the most bytes that were held at once.
func (p *Pool) Peak() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peak
}

// Spilled is how many bytes went to disk.
func (p *Pool) Spilled() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spilled
}

// Close drops all stores and their files.
func (p *Pool) Close() {
	p.mu.Lock()
	stores := p.stores
	p.stores = nil
	p.mu.Unlock()
	for _, s := range stores {
		s.Drop()
	}
}

// largest is the store that holds the most, where the pool is over its limit.
func (p *Pool) largest() *Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit == 0 || p.used <= p.limit {
		return nil
	}
	var most *Store
	for _, s := range p.stores {
		if s.bytes > 0 && !s.sealed && (most == nil || s.bytes > most.bytes) {
			most = s
		}
	}
	return most
}

// Store is the rows of one kind. Packets are put by many goroutines; once all are in, runs are asked for by many.
type Store struct {
	pool    *Pool
	types   []value.Type
	buckets int

	flushing sync.Mutex
	file     *file
	flushed  int // packets in the file: those with a number below

	mu      sync.Mutex
	packets map[int]*Packet
	rows    []int64 // of each bucket
	bytes   int64   // in memory; guarded by the pool's lock, as is sealed
	sealed  bool
}

// NewStore makes a store of rows whose columns have those types.
func (p *Pool) NewStore(types []value.Type, buckets int) *Store {
	s := &Store{pool: p, types: types, buckets: buckets, packets: map[int]*Packet{}, rows: make([]int64, buckets)}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stores = append(p.stores, s)
	return s
}

// Put adds the packet of that number; numbers are distinct, count up from 0 and may come in any order. It may write to disk.
func (s *Store) Put(ctx context.Context, number int, p *Packet) error {
	s.mu.Lock()
	s.packets[number] = p
	for b := range s.buckets {
		s.rows[b] += int64(p.From[b+1] - p.From[b])
	}
	s.mu.Unlock()
	s.count(p.Bytes())
	if most := s.pool.largest(); most != nil {
		return most.flush(ctx)
	}
	return nil
}

func (s *Store) count(bytes int64) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.bytes += bytes
	s.pool.used += bytes
	s.pool.peak = max(s.pool.peak, s.pool.used)
}

// Seal ends the puts. Only then may Rows and Runs be called: nothing moves any more.
func (s *Store) Seal() {
	s.flushing.Lock() // wait for a flush that another store's put has begun
	defer s.flushing.Unlock()
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.sealed = true
}

// Rows is how many rows a bucket has.
func (s *Store) Rows(bucket int) int64 { return s.rows[bucket] }

// Buckets is how many buckets there are.
func (s *Store) Buckets() int { return s.buckets }

// flush writes the packets whose numbers follow those already written. Later ones stay, so that files hold packets in their order
// whichever goroutine was first.
func (s *Store) flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if s.isSealed() {
		return nil
	}
	s.mu.Lock()
	var packets []*Packet
	for n := s.flushed; s.packets[n] != nil; n++ {
		packets = append(packets, s.packets[n])
	}
	s.mu.Unlock()
	if len(packets) == 0 {
		return nil
	}
	before := int64(0)
	if s.file != nil {
		before = s.file.end
	}
	if err := s.write(ctx, packets); err != nil {
		return fmt.Errorf("spill to %s: %w; free some space there, set another folder for temporary files, or raise the memory limit", s.pool.dir, err)
	}
	bytes := int64(0)
	s.mu.Lock()
	for _, p := range packets {
		bytes += p.Bytes()
		delete(s.packets, s.flushed)
		s.flushed++
	}
	s.mu.Unlock()
	s.count(-bytes)
	s.pool.mu.Lock()
	s.pool.spilled += s.file.end - before
	s.pool.mu.Unlock()
	return nil
}

func (s *Store) isSealed() bool {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.sealed
}

func (s *Store) write(ctx context.Context, packets []*Packet) (err error) {
	if s.file == nil {
		if s.file, err = createFile(s.pool.dir); err != nil {
			return err
		}
	}
	return s.file.write(ctx, s.types, s.buckets, packets)
}

// Runs is the rows of a bucket, in the order of the packets. What comes from disk is the caller's, and bytes is its size.
func (s *Store) Runs(bucket int) (runs []Run, bytes int64, err error) {
	for flush := range s.flushes() {
		if flush > 0 && fault.Planted("local: only the first spill is read back") {
			continue
		}
		p, err := s.file.read(flush, bucket, s.types)
		if err != nil {
			return nil, 0, fmt.Errorf("read back what was spilled to %s: %w", s.pool.dir, err)
		}
		if n := len(p.Codes); n > 0 {
			runs = append(runs, Run{p, 0, n})
			bytes += p.Bytes()
		}
	}
	for n := s.flushed; n < s.flushed+len(s.packets); n++ {
		p := s.packets[n]
		if lo, hi := int(p.From[bucket]), int(p.From[bucket+1]); lo < hi {
			runs = append(runs, Run{p, lo, hi})
		}
	}
	return runs, bytes, nil
}

func (s *Store) flushes() int {
	if s.file == nil {
		return 0
	}
	return len(s.file.flushes)
}

// Drop forgets the rows and their files.
func (s *Store) Drop() {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	if s.file != nil {
		s.file.close()
	}
	s.mu.Lock()
	s.file, s.packets = nil, map[int]*Packet{}
	s.mu.Unlock()
	s.pool.mu.Lock()
	held := s.bytes
	s.pool.mu.Unlock()
	s.count(-held)
}
