package tree

import (
	"encoding/binary"
	"math/bits"
)

// categoryOf is the number that CatBoost has for a category: the lower half of the hash of its text, signed.
func categoryOf(text string) float64 { return float64(int32(cityHash64([]byte(text)))) }

const (
	city0 = 0xc3a5c85c97cb3127
	city1 = 0xb492b66fbe98f273
	city2 = 0x9ae16a3b2f90404f
	city3 = 0xc949d7c7509e6557
)

func city64(s []byte, at int) uint64 { return binary.LittleEndian.Uint64(s[at:]) }

func city32(s []byte, at int) uint64 { return uint64(binary.LittleEndian.Uint32(s[at:])) }

func cityMix(x uint64) uint64 { return x ^ x>>47 }

// cityRight turns to the right.
func cityRight(x uint64, by int) uint64 { return bits.RotateLeft64(x, -by) }

func city16(u, v uint64) uint64 {
	const mul = 0x9ddfea08eb382d69
	a := cityMix((u ^ v) * mul)
	return cityMix((v^a)*mul) * mul
}

// cityHash64 is CityHash64 of the first published version (Pike and Alakuijala, 1.0), with which CatBoost was made; later ones hash otherwise.
func cityHash64(s []byte) uint64 {
	n := len(s)
	switch length := uint64(n); {
	case n == 0:
		return city2
	case n < 4:
		y := uint32(s[0]) + uint32(s[n>>1])<<8
		z := uint32(n) + uint32(s[n-1])<<2
		return cityMix(uint64(y)*city2^uint64(z)*city3) * city2
	case n <= 8:
		return city16(length+city32(s, 0)<<3, city32(s, n-4))
	case n <= 16:
		b := city64(s, n-8)
		return city16(city64(s, 0), cityRight(b+length, n)) ^ b
	case n <= 32:
		a, b := city64(s, 0)*city1, city64(s, 8)
		c, d := city64(s, n-8)*city2, city64(s, n-16)*city0
		return city16(cityRight(a-b, 43)+cityRight(c, 30)+d, a+cityRight(b^city3, 20)-c+length)
	case n <= 64:
		return city33to64(s)
	}
	return cityLong(s)
}

func city33to64(s []byte) uint64 {
	n := len(s)
	half := func(a, z uint64, at int) (uint64, uint64) {
		b, c := cityRight(a+z, 52), cityRight(a, 37)
		a += city64(s, at+8)
		c += cityRight(a, 7)
		a += city64(s, at+16)
		return a + z, b + cityRight(a, 31) + c
	}
	v, vs := half(city64(s, 0)+(uint64(n)+city64(s, n-16))*city0, city64(s, 24), 0)
	w, ws := half(city64(s, 16)+city64(s, n-32), city64(s, n-8), n-32)
	r := cityMix((v+ws)*city2 + (w+vs)*city0)
	return cityMix(r*city0+vs) * city2
}

// cityWeak hashes 32 bytes with two seeds.
func cityWeak(s []byte, at int, a, b uint64) (uint64, uint64) {
	w, x, y, z := city64(s, at), city64(s, at+8), city64(s, at+16), city64(s, at+24)
	a += w
	b = cityRight(b+a+z, 21)
	c := a
	a += x + y
	return a + z, b + cityRight(a, 44) + c
}

func cityLong(s []byte) uint64 {
	n := len(s)
	x, y, z := city64(s, 0), city64(s, n-16)^city1, city64(s, n-56)^city0
	v1, v2 := cityWeak(s, n-64, uint64(n), y)
	w1, w2 := cityWeak(s, n-32, uint64(n)*city1, city0)
	z += cityMix(v2) * city1
	x = cityRight(z+x, 39) * city1
	y = cityRight(y, 33) * city1
	for at := 0; at < (n-1)&^63; at += 64 {
		x = cityRight(x+y+v1+city64(s, at+16), 37) * city1
		y = cityRight(y+v2+city64(s, at+48), 42) * city1
		x ^= w2
		y ^= v1
		z = cityRight(z^w1, 33)
		v1, v2 = cityWeak(s, at, v2*city1, x+w1)
		w1, w2 = cityWeak(s, at+32, z+w2, y)
		z, x = x, z
	}
	return city16(city16(v1, w1)+cityMix(y)*city1+z, city16(v2, w2)+x)
}
