package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

const (
	keys    = 100_000
	watched = 97 // each so manieth key is counted
	// One event in lateOne came late, by three to five hours: beyond an hour's window, within a day's.
	lateOne = 200
)

// definitions are eight features over four windows each, whose tiles have four levels.
const definitions = `import bighead as bh

buys = bh.EventSource("buys", topic="TOPIC", time="ts", time_unit="ms", columns={
    "event": bh.String, "user": bh.String, "ts": bh.Timestamp, "merchant": bh.String, "category": bh.String,
    "country": bh.String, "device": bh.String, "amount": bh.Float, "quantity": bh.Int})
w = dict(windows=["1h", "1d", "7d", "30d"])
g = bh.FeatureGroup("g", source=buys, keys=["user"], deadline="20s", features=[
    bh.count(name="n", **w), bh.sum("amount", name="spent", **w), bh.avg("amount", name="mean", **w), bh.max("amount", name="most", **w),
    bh.min("amount", name="least", **w), bh.sum("quantity", name="items", **w), bh.max("quantity", name="most_items", **w),
    bh.sum("amount * quantity", name="total", **w)])
v = bh.FeatureView("v", groups=[g])
`

// counted is what the events of one key come to in a window.
type counted struct {
	n, items  int64
	spent     float64
	most      float64
	mostItems int64
}

func (c *counted) add(amount float64, quantity int64) {
	c.n++
	c.items += quantity
	c.spent += amount
	c.most = max(c.most, amount)
	c.mostItems = max(c.mostItems, quantity)
}

// maker makes events, and counts those of the watched keys by itself.
type maker struct {
	r      *rand.Rand
	zipf   *rand.Zipf
	users  []string
	number int
	hour   map[string]*counted // of what came in time
	day    map[string]*counted // of all
}

func newMaker(seed uint64) *maker {
	r := rand.New(rand.NewPCG(seed, 6))
	m := &maker{r: r, zipf: rand.NewZipf(r, 1.1, 50, keys-1), hour: map[string]*counted{}, day: map[string]*counted{}}
	for k := range keys {
		m.users = append(m.users, fmt.Sprintf("user-%06d", k))
	}
	return m
}

var (
	categories = []string{"grocery", "electronics", "clothing", "travel", "restaurant", "fuel", "pharmacy", "entertainment"}
	countries  = []string{"DE", "US", "FR", "GB", "IN", "BR", "JP", "PL"}
	devices    = []string{"ios", "android", "web", "terminal"}
)

// event adds one as JSON. A mark gives it a key of its own.
func (m *maker) event(dst []byte, now time.Time, mark string) []byte {
	k, user := m.zipf.Uint64(), mark
	if mark == "" {
		user = m.users[k]
	}
	ts, late := now.UnixMilli()-int64(m.r.IntN(2000)), mark == "" && m.r.IntN(lateOne) == 0
	if late {
		ts -= (3*time.Hour + time.Duration(m.r.IntN(7200))*time.Second).Milliseconds()
	}
	cents, quantity := m.r.Int64N(50_000), m.r.Int64N(9)+1
	m.number++
	if mark == "" && k%watched == 0 {
		m.count(user, float64(cents)/100, quantity, late)
	}
	return m.append(dst, user, ts, cents, quantity)
}

// append writes an event. It is made of pieces, without the fmt package: the generator shares the machine with what it measures.
func (m *maker) append(dst []byte, user string, ts, cents, quantity int64) []byte {
	dst = append(dst, `{"event":"`...)
	dst = appendHex(dst, uint64(m.r.Uint32())<<32|uint64(uint32(m.number)), 16)
	dst = append(append(dst, `","user":"`...), user...)
	dst = strconv.AppendInt(append(dst, `","ts":`...), ts, 10)
	dst = appendDigits(append(dst, `,"merchant":"merchant-`...), m.r.Int64N(20_000), 5)
	dst = append(append(dst, `","category":"`...), categories[m.r.IntN(8)]...)
	dst = append(append(dst, `","country":"`...), countries[m.r.IntN(8)]...)
	dst = append(append(dst, `","device":"`...), devices[m.r.IntN(4)]...)
	dst = strconv.AppendInt(append(dst, `","amount":`...), cents/100, 10)
	dst = appendDigits(append(dst, '.'), cents%100, 2)
	dst = strconv.AppendInt(append(dst, `,"quantity":`...), quantity, 10)
	dst = appendHex(append(dst, `,"session":"`...), m.r.Uint64()>>16, 12)
	return append(dst, `"}`...)
}

func appendHex(dst []byte, x uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[x>>(4*i)&15])
	}
	return dst
}

// appendDigits writes a number with leading zeros.
func appendDigits(dst []byte, x int64, digits int) []byte {
	for i, scale := 0, pow10[digits-1]; i < digits; i, scale = i+1, scale/10 {
		dst = append(dst, byte('0'+x/scale%10))
	}
	return dst
}

var pow10 = [...]int64{1, 10, 100, 1_000, 10_000, 100_000}

func (m *maker) count(user string, amount float64, quantity int64, late bool) {
	of := func(in map[string]*counted) *counted {
		if in[user] == nil {
			in[user] = &counted{}
		}
		return in[user]
	}
	of(m.day).add(amount, quantity)
	if !late {
		of(m.hour).add(amount, quantity)
	}
}
