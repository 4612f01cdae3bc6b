package dataset

import (
	"math"
	"math/big"
	"strconv"
)

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// Decimal is the float nearest to x / 10^scale. Up to 2^53 and 10^22 both are exact floats, so one division rounds right.
func Decimal(x int64, scale int) float64 {
	if x >= -1<<53 && x <= 1<<53 && scale >= 0 && scale < len(powersOfTen) {
		return float64(x) / powersOfTen[scale]
	}
	return parseDecimal(strconv.FormatInt(x, 10), scale)
}

// DecimalBig is the float nearest to x / 10^scale.
func DecimalBig(x *big.Int, scale int) float64 {
	if x.IsInt64() {
		return Decimal(x.Int64(), scale)
	}
	return parseDecimal(x.String(), scale)
}

// DecimalBytes is the float nearest to a decimal that is stored as big-endian two's complement; NaN beyond 128 bytes, which no writer's
// decimal has.
func DecimalBytes(s string, scale int) float64 {
	if len(s) > 128 {
		return math.NaN()
	}
	x := new(big.Int).SetBytes([]byte(s))
	if len(s) > 8 {
		if s[0]&0x80 != 0 {
			x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(s))))
		}
		return DecimalBig(x, scale)
	}
	// What there is stands at the top of 64 bits, and comes down with its sign.
	return Decimal(int64(x.Uint64()<<(64-8*len(s)))>>(64-8*len(s)), scale)
}

func parseDecimal(digits string, scale int) float64 {
	f, err := strconv.ParseFloat(digits+"e"+strconv.Itoa(-scale), 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}
