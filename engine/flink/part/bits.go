package part

import (
	"fmt"
	"strings"
)

// Flink has no function for a float's bits. They come out of exact operations alone: the logarithm tells the exponent to one, comparing with
// powers of two, which are exact, tells it for sure, and dividing by one leaves the mantissa.

// exponent is that of a normal number a > 0 as BIGINT.
func exponent(a string) string {
	near := "FLOOR(LOG2(" + a + "))"
	return fmt.Sprintf("CAST(%[1]s - CASE WHEN POWER(2e0, %[1]s) > %[2]s THEN 1e0 WHEN POWER(2e0, %[1]s + 1e0) <= %[2]s THEN -1e0 ELSE 0e0 END AS BIGINT)", near, a)
}

// top is the biased exponent and the uppermost m bits of the mantissa of |x| as one number; 0 for zero and subnormal numbers.
func top(x string, m int) string {
	a := "ABS(" + x + ")"
	whole := fmt.Sprintf("%de0", int64(1)<<m)
	fraction := fmt.Sprintf("CAST(FLOOR(((%[1]s / POWER(2e0, CAST($e AS DOUBLE))) - 1e0) * %[2]s) AS BIGINT)", a, whole)
	text := fmt.Sprintf("CASE WHEN %s >= 2.2250738585072014e-308 THEN ($e + 1023) * %d + %s ELSE CAST(0 AS BIGINT) END", a, int64(1)<<m, fraction)
	return strings.ReplaceAll(text, "$e", exponent(a))
}

// bits are those of |x| as BIGINT.
func bits(x string) string {
	a := "ABS(" + x + ")"
	// 2¹⁰⁷⁴ is no float, and its root is.
	subnormal := "CAST(" + a + " * POWER(2e0, 537e0) * POWER(2e0, 537e0) AS BIGINT)"
	return "CASE WHEN " + a + " < 2.2250738585072014e-308 THEN " + subnormal + " ELSE " + top(x, 52) + " END"
}

// bucket is the number of x's bucket with m bits of the mantissa (A2).
func bucket(x string, m int) string {
	t := top(x, m)
	return "CASE WHEN " + x + " < 0e0 THEN -(" + t + ") ELSE " + t + " END"
}
