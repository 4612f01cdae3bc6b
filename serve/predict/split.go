package predict

import (
	"math"

	"github.com/bighead-ml/bighead/value"
)

// Which version a key goes to is decided by weighted rendezvous hashing: of each version a number is drawn by the hash of endpoint, key and
// version, so that the greatest is a version's with the chance of its weight. The same key goes to the same version while the weights stand, in
// every process; a key moves from one version to another only where that one's weight has grown against the first's, so that where one version's part
// changes as few keys move as must.

// hashText is FNV-1a.
func hashText[T string | []byte](h uint64, text T) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

const hashStart = 14695981039346656037

// mixed spreads a hash over all of its bits.
func mixed(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// hashKey is the hash of a row's sticky values for an endpoint; buf is working memory.
func hashKey(seed uint64, row []value.Value, sticky []int, buf []byte) (uint64, []byte) {
	buf = buf[:0]
	for _, i := range sticky {
		buf = value.Append(buf, row[i])
	}
	return mixed(hashText(seed, buf)), buf
}

// choose is the place of the route that a key goes to.
func choose(routes []route, key uint64) int {
	if len(routes) == 1 {
		return 0
	}
	best, most := 0, math.Inf(-1)
	for i := range routes {
		// u is uniform in (0, 1); log(u)/weight is greatest with the chance of the weight.
		u := (float64(mixed(key^routes[i].salt)>>11) + 0.5) / (1 << 53)
		if draw := math.Log(u) / routes[i].weight; draw > most {
			best, most = i, draw
		}
	}
	return best
}
