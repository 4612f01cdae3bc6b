package redis

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/bighead-ml/bighead/store"
)

// buckets is how many versions a store keeps. Owners share them by lot: a write under one makes what is known of the others out of date, which
// costs a reading and no truth, and the store has a few megabytes of them, however many keys.
const buckets = 1 << 17

// bucketOf is the field of an owner's version. All processes must agree on it (FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv).
func bucketOf(space, key string) [3]byte {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, text := range [...]string{space, "\x00", key} {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * prime
		}
	}
	h ^= h >> 32
	b := h % buckets
	return [3]byte{byte(b >> 16), byte(b >> 8), byte(b)}
}

// ofAll is the field of the version that all owners share: of what is dropped.
const ofAll = "all"

// stamps are the versions that a process gives: each is new, also to a server that has lost what it had, and never zero, which stands for what
// nobody has written.
type stamps struct {
	first uint64
	given *atomic.Uint64
}

func newStamps() stamps { return stamps{rand.Uint64(), new(atomic.Uint64)} }

// next makes a version: splitmix64 (Steele, Lea and Flood, 2014), which gives each count another number.
func (s *stamps) next() []byte {
	x := s.first + s.given.Add(1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return binary.BigEndian.AppendUint64(nil, max(x^x>>31, 1))
}

// stamp is the hash that moves the versions of all that a write puts.
func (s *Store) stamp(w *store.Write) *hash {
	h := &hash{name: s.names.versions(), fields: map[string][]byte{}}
	stamp := s.stamps.next()
	for i := range w.Puts {
		b := bucketOf(w.Puts[i].Space, w.Puts[i].Key)
		h.fields[string(b[:])] = stamp
	}
	return h
}

// Versions implements store.Versions.
func (s *Store) Versions(ctx context.Context, owners []store.Owner, versions []uint64) error {
	if err := s.ended(ctx, "read versions from"); err != nil {
		return err
	}
	if s.cluster {
		return fmt.Errorf("the online store at %s is a Cluster, and has no versions", s.at)
	}
	text := make([]byte, 0, 3*len(owners))
	for i := range owners {
		b := bucketOf(owners[i].Space, owners[i].Key)
		text = append(text, b[:]...)
	}
	fields, all := make([]string, 1, 1+len(owners)), string(text)
	fields[0] = ofAll
	for i := range owners {
		fields = append(fields, all[3*i:3*i+3])
	}
	var answers []rueidis.RedisMessage
	err := s.again(ctx, func() (err error) {
		answers, err = s.do(ctx, s.client, s.client.B().Hmget().Key(s.names.versions()).Field(fields...).Build()).ToArray()
		return err
	})
	if err == nil && len(answers) != len(fields) {
		err = fmt.Errorf("%d values of %d fields", len(answers), len(fields))
	}
	of := func(i int) (version uint64) {
		if err != nil || answers[i].IsNil() {
			return 0
		}
		b, bad := answers[i].AsBytes()
		if bad == nil && len(b) != 8 {
			bad = mistake{fmt.Sprintf("hash %q has a version of %d bytes: something else uses names with this prefix", s.names.versions(), len(b))}
		}
		if bad != nil {
			err = bad
			return 0
		}
		return binary.BigEndian.Uint64(b)
	}
	shared := of(0)
	for i := range owners {
		versions[i] = shared + of(i+1)
	}
	if err != nil {
		return s.fail(ctx, "read versions from", err)
	}
	return nil
}

// moveAll moves the version of every owner.
func (s *Store) moveAll(ctx context.Context) error {
	return s.do(ctx, s.client, s.client.B().Hset().Key(s.names.versions()).FieldValue().FieldValue(ofAll, rueidis.BinaryString(s.stamps.next())).Build()).Error()
}
