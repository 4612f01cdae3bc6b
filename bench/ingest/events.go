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
	number int
	hour   map[string]*counted // of what came in time
	day    map[string]*counted // of all
}

func newMaker(seed uint64) *maker {
	r := rand.New(rand.NewPCG(seed, 6))
	return &maker{r: r, zipf: rand.NewZipf(r, 1.1, 50, keys-1), hour: map[string]*counted{}, day: map[string]*counted{}}
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
		user = fmt.Sprintf("user-%06d", k)
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
	dst = fmt.Appendf(dst, `{"event":"%08x%08x","user":"%s","ts":%d,"merchant":"merchant-%05d","category":"%s","country":"%s","device":"%s","amount":`,
		m.r.Uint32(), m.number, user, ts, m.r.IntN(20_000), categories[m.r.IntN(8)], countries[m.r.IntN(8)], devices[m.r.IntN(4)])
	dst = strconv.AppendFloat(dst, float64(cents)/100, 'f', 2, 64)
	return fmt.Appendf(dst, `,"quantity":%d,"session":"%012x"}`, quantity, m.r.Uint64()>>16)
}

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
