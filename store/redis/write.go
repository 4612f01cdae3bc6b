package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/bighead-ml/bighead/store"
)

const (
	// maxPuts bounds a write: the server does nothing else while it runs, about 2 µs a put.
	maxPuts = 100_000
	// chunk bounds the fields of one command in a script, whose stack is bounded.
	chunk = 1000
	// longestKeep is what the server takes for an expiry, in ms.
	longestKeep = 1 << 50
)

// fenceScript is the head of scripts that write under an epoch: KEYS[1] is the epoch's name, ARGV[1] the writer's. Epochs have 19
// digits, so that they compare as text; as numbers a script would round them. KEYS[2] counts the writes, and ARGV[2] is how many there were
// when the writer last heard of it: where there are fewer, the server has lost some.
const fenceScript = `
local stands = redis.call('GET', KEYS[1])
if stands and stands > ARGV[1] then return -1 end
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[2]) then return -2 end
if not stands or stands < ARGV[1] then redis.call('SET', KEYS[1], ARGV[1]) end
local a = 3
`

// What scripts answer instead of the count.
const (
	saysFenced = -1
	saysLost   = -2
)

// countScript is the tail of scripts that write under an epoch. It comes last: what frees memory must not be refused where there is none.
const countScript = "return redis.call('INCR', KEYS[2])\n"

// hashScript takes for each further key, from the first on: how long to keep it (0: for good), a number of fields to be set with the
// fields and values, a number of fields to be deleted with the fields.
const hashScript = `
for k = first, #KEYS do
  local keep, n = ARGV[a], tonumber(ARGV[a + 1])
  a = a + 2
  if n > 0 then
    local left = redis.call('PTTL', KEYS[k])
    redis.call('HSET', KEYS[k], unpack(ARGV, a, a + 2 * n - 1))
    a = a + 2 * n
    if keep == '0' then
      if left >= 0 then redis.call('PERSIST', KEYS[k]) end
    elseif left == -2 or left >= 0 and left < tonumber(keep) then
      redis.call('PEXPIRE', KEYS[k], keep)
    end
  end
  n = tonumber(ARGV[a])
  a = a + 1
  if n > 0 then
    redis.call('HDEL', KEYS[k], unpack(ARGV, a, a + n - 1))
    a = a + n
  end
end
`

// keptScript adds the steps that are kept for good: a number of them, and their names; KEYS[3] is the set's name.
const keptScript = `
local n = tonumber(ARGV[a])
if n > 0 then redis.call('SADD', KEYS[3], unpack(ARGV, a + 1, a + n)) end
a = a + 1 + n
`

var (
	// writeAll: the epoch, the kept steps, then hashes, meta among them. In a Cluster it is without values.
	writeAll = rueidis.NewLuaScript(fenceScript + keptScript + "local first = 4\n" + hashScript + countScript)
	// writeValues: hashes of one key.
	writeValues = rueidis.NewLuaScript("local a, first = 1, 1\n" + hashScript + "return 0\n")
	// unlinkUnder: the epoch, then names that go.
	unlinkUnder = rueidis.NewLuaScript(`
local stands = redis.call('GET', KEYS[1])
if stands and stands > ARGV[1] then return -1 end
redis.call('UNLINK', unpack(KEYS, 2))
return 0
`)
)

// A hash is what a write does to one hash.
type hash struct {
	name   string
	tag    string            // of the key, which says where in a Cluster it lies
	fields map[string][]byte // nil: deleted
	keep   int64             // the longest; 0: for good
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, w *store.Write) error {
	if err := s.ended(ctx, "write to"); err != nil {
		return err
	}
	if err := w.Check(); err != nil {
		return err
	}
	if len(w.Puts)+len(w.Meta) > maxPuts {
		return fmt.Errorf("write to the online store at %s: %d puts at once, which would hold up the server; want at most %d", s.at, len(w.Puts)+len(w.Meta), maxPuts)
	}
	hashes, kept := s.hashes(w)
	meta := &hash{name: s.names.meta(), fields: map[string][]byte{}}
	for i := range w.Meta {
		meta.fields[w.Meta[i].Name] = w.Meta[i].Bytes
	}
	if !s.cluster {
		return s.writeUnder(ctx, w.Epoch, kept, append(hashes, s.stamp(w), meta))
	}
	if err := s.writeUnder(ctx, w.Epoch, kept, nil); err != nil || len(hashes) == 0 && len(w.Meta) == 0 {
		return err
	}
	if err := s.again(ctx, func() error { return s.writeByKey(ctx, hashes) }); err != nil {
		return s.fail(ctx, "write to", err)
	}
	if len(w.Meta) == 0 {
		return nil
	}
	return s.writeUnder(ctx, w.Epoch, nil, []*hash{meta})
}

// hashes sorts puts by the hashes that they change, the last put of a place last, and gives the steps that are kept for good.
func (s *Store) hashes(w *store.Write) (hashes []*hash, kept []string) {
	byName := map[string]*hash{}
	keep := map[string]map[string]int64{} // of each field that is put
	keeps := map[string]struct{}{}
	for i := range w.Puts {
		p := &w.Puts[i]
		name := s.names.hash(p.Space, p.Key, p.Step, store.Period(p.Step, p.Start))
		h := byName[name]
		if h == nil {
			h = &hash{name: name, tag: s.names.space(p.Space) + p.Key, fields: map[string][]byte{}}
			byName[name], keep[name] = h, map[string]int64{}
			hashes = append(hashes, h)
		}
		field := strconv.FormatInt(p.Start, 10)
		h.fields[field], keep[name][field] = p.Bytes, p.Keep
		if p.Bytes != nil && p.Keep == 0 && p.Step > 0 {
			keeps[keptName(p.Space, p.Step)] = struct{}{}
		}
	}
	for _, h := range hashes {
		h.keep = -1
		for field, k := range keep[h.name] {
			if h.fields[field] == nil {
				continue
			}
			if k == 0 || h.keep == 0 {
				h.keep = 0
			} else {
				h.keep = min(max(h.keep, k), longestKeep)
			}
		}
	}
	return hashes, slices.Sorted(maps.Keys(keeps))
}

// args appends what hashScript wants of hashes.
func args(keys, argv []string, hashes []*hash) (k, a []string) {
	for _, h := range hashes {
		var sets, dels []string
		flush := func() {
			if len(sets)+len(dels) == 0 {
				return
			}
			keys = append(keys, h.name)
			argv = append(argv, strconv.FormatInt(h.keep, 10), strconv.Itoa(len(sets)/2))
			argv = append(argv, sets...)
			argv = append(append(argv, strconv.Itoa(len(dels))), dels...)
			sets, dels = nil, nil
		}
		for field, bytes := range h.fields {
			if bytes == nil {
				dels = append(dels, field)
			} else {
				sets = append(sets, field, string(bytes))
			}
			if len(sets)/2+len(dels) == chunk {
				flush()
			}
		}
		flush()
	}
	return keys, argv
}

func epochText(epoch int64) string { return fmt.Sprintf("%019d", epoch) }

// writeUnder writes hashes in one step, if the epoch stands.
func (s *Store) writeUnder(ctx context.Context, epoch int64, kept []string, hashes []*hash) error {
	heard := int64(0)
	if s.fences.Load() {
		heard = s.writes.Load()
	}
	n, err := s.count(ctx, epoch, heard, kept, hashes)
	if err != nil {
		return err
	}
	raise(&s.writes, n)
	raise(&s.epoch, epoch)
	return nil
}

// count is writeUnder's exchange: it gives how many writes there were, this one with them.
func (s *Store) count(ctx context.Context, epoch, heard int64, kept []string, hashes []*hash) (n int64, err error) {
	argv := append([]string{epochText(epoch), strconv.FormatInt(heard, 10), strconv.Itoa(len(kept))}, kept...)
	keys, argv := args([]string{s.names.epoch(), s.names.writes(), s.names.kept()}, argv, hashes)
	err = s.again(ctx, func() (err error) {
		n, err = s.script(ctx, writeAll, keys, argv)
		return err
	})
	switch {
	case err != nil:
		return 0, s.fail(ctx, "write to", err)
	case n == saysFenced:
		return 0, store.ErrFenced
	case n == saysLost:
		return 0, fmt.Errorf("write to the online store at %s: %w", s.at, store.ErrLost)
	}
	return n, nil
}

// raise makes a number at least n.
func raise(x *atomic.Int64, n int64) {
	for {
		old := x.Load()
		if old >= n || x.CompareAndSwap(old, n) {
			return
		}
	}
}

func (s *Store) script(ctx context.Context, lua *rueidis.Lua, keys, argv []string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return lua.Exec(ctx, s.client, keys, argv).AsInt64()
}

// writeByKey writes the hashes of each key in one step.
func (s *Store) writeByKey(ctx context.Context, hashes []*hash) error {
	byKey := map[string][]*hash{}
	for _, h := range hashes {
		byKey[h.tag] = append(byKey[h.tag], h)
	}
	execs := make([]rueidis.LuaExec, 0, len(byKey))
	for _, of := range byKey {
		keys, argv := args(nil, nil, of)
		execs = append(execs, rueidis.LuaExec{Keys: keys, Args: argv})
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for _, r := range writeValues.ExecMulti(ctx, s.client, execs...) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

// Fence implements store.Store.
func (s *Store) Fence(ctx context.Context, epoch int64) error {
	if err := s.ended(ctx, "fence"); err != nil {
		return err
	}
	if epoch < 0 {
		return fmt.Errorf("fence the online store at %s: epoch %d is below zero", s.at, epoch)
	}
	n, err := s.count(ctx, epoch, 0, nil, nil)
	if err != nil {
		return err
	}
	s.writes.Store(n)
	s.fences.Store(true)
	raise(&s.epoch, epoch)
	return nil
}

// Expire implements store.Store.
func (s *Store) Expire(ctx context.Context, space string, step, before int64) error {
	if err := s.ended(ctx, "expire in"); err != nil {
		return err
	}
	if step > 0 {
		kept, err := s.do(ctx, s.client, s.client.B().Sismember().Key(s.names.kept()).Member(keptName(space, step)).Build()).AsBool()
		if err != nil {
			return s.fail(ctx, "expire in", err)
		}
		if !kept {
			return nil // the server lets them go by itself
		}
	}
	err := s.eachHash(ctx, space, func(h hashed) bool {
		return h.step == step && (step <= 0 || h.period < store.Expired(step, before))
	}, func(names []string) error {
		if step > 0 {
			return s.unlink(ctx, names)
		}
		return s.expireFields(ctx, names, before)
	})
	if err != nil {
		return s.fail(ctx, "expire in", err)
	}
	return nil
}

// expireFields deletes what starts before a time from hashes: it asks for the starts of all of them at once, and deletes at once.
func (s *Store) expireFields(ctx context.Context, names []string, before int64) error {
	asked := make(rueidis.Commands, len(names))
	for i, name := range names {
		asked[i] = s.client.B().Hkeys().Key(name).Build()
	}
	fields, err := s.together(ctx, asked)
	if err != nil {
		return err
	}
	var deletes rueidis.Commands
	for i, name := range names {
		starts, err := fields[i].AsStrSlice()
		if err != nil {
			return err
		}
		var gone []string
		for _, field := range starts {
			start, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return mistake{fmt.Sprintf("hash %q has a field %q, which is no start: something else uses names with this prefix", name, field)}
			}
			if start < before {
				gone = append(gone, field)
			}
		}
		for some := range slices.Chunk(gone, chunk) {
			deletes = append(deletes, s.client.B().Hdel().Key(name).Field(some...).Build())
		}
	}
	if len(deletes) == 0 {
		return nil
	}
	done, err := s.together(ctx, deletes)
	if err != nil {
		return err
	}
	for _, r := range done {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

// together sends commands in one go, within the time of one call.
func (s *Store) together(ctx context.Context, cmds rueidis.Commands) ([]rueidis.RedisResult, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	results := s.client.DoMulti(ctx, cmds...)
	if len(results) != len(cmds) {
		return nil, fmt.Errorf("%d answers to %d commands", len(results), len(cmds))
	}
	return results, nil
}

// unlink removes hashes, without making the server wait for the freeing, unless another has taken over. In a Cluster that is looked at
// just before.
func (s *Store) unlink(ctx context.Context, names []string) error {
	epoch := epochText(s.epoch.Load())
	if s.epoch.Load() == 0 {
		epoch = epochText(math.MaxInt64) // it has no lease to lose
	}
	if !s.cluster {
		for some := range slices.Chunk(names, chunk) {
			if fenced, err := s.script(ctx, unlinkUnder, append([]string{s.names.epoch()}, some...), []string{epoch}); err != nil {
				return err
			} else if fenced != 0 {
				return store.ErrFenced
			}
		}
		return nil
	}
	if stands, err := s.do(ctx, s.client, s.client.B().Get().Key(s.names.epoch()).Build()).ToString(); err != nil && !rueidis.IsRedisNil(err) {
		return err
	} else if stands > epoch {
		return store.ErrFenced
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cmds := make(rueidis.Commands, len(names))
	for i, name := range names {
		cmds[i] = s.client.B().Unlink().Key(name).Build()
	}
	for _, r := range s.client.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

// Drop implements store.Store.
func (s *Store) Drop(ctx context.Context, space string) error {
	if err := s.ended(ctx, "drop from"); err != nil {
		return err
	}
	err := s.eachHash(ctx, space, func(hashed) bool { return true }, func(names []string) error { return s.unlink(ctx, names) })
	if !s.cluster {
		// Also of what is dropped by half; where the fence has refused it, nothing is lost by it.
		err = errors.Join(err, s.moveAll(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return s.fail(ctx, "drop from", err)
	}
	kept, err := s.do(ctx, s.client, s.client.B().Smembers().Key(s.names.kept()).Build()).AsStrSlice()
	if err != nil {
		return s.fail(ctx, "drop from", err)
	}
	kept = slices.DeleteFunc(kept, func(name string) bool { return !strings.HasPrefix(name, escape(space)+":") })
	if len(kept) == 0 {
		return nil
	}
	if err := s.do(ctx, s.client, s.client.B().Srem().Key(s.names.kept()).Member(kept...).Build()).Error(); err != nil {
		return s.fail(ctx, "drop from", err)
	}
	return nil
}
