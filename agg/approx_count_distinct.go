package agg

import (
	"fmt"
	"math"
	"strconv"

	"github.com/bighead-ml/bighead/value"
)

var approxCountDistinct = &Aggregation{
	Name: "approx_count_distinct",
	Doc: "About how many distinct inputs there are, by HyperLogLog (Flajolet et al., 2007) over MD5: 2^`lg_k` registers keep one byte each, and the " +
		"standard error is 1.04 / √(2^`lg_k`). Small numbers are counted by the registers left empty. Every engine gives the same number.",
	Input:   InputRule{Kinds: []value.Kind{value.KindBool, value.KindInt, value.KindString, value.KindTimestamp, value.KindDate}},
	Params:  []Param{{Name: "lg_k", Default: "12", Doc: "8, 12 or 16: an error of 6.5 %, 1.6 % or 0.4 %"}},
	Version: 1,
	Chooses: true,
	Examples: []Example{
		{Input: value.String, Cells: []string{"LGA", "EWR", "null", "LGA"}, Want: "2"},
		{Input: value.Int, Cells: []string{"null"}, Want: "0"},
	},
	cures: map[value.Kind]string{
		value.KindFloat: "count what the numbers stand for, cast({x} as int), or use count_distinct, which takes floats",
		value.KindBytes: "use count_distinct, which takes bytes",
	},
	output: func(value.Type, Params) value.Type { return value.Int },
	plain: func(_ value.Type, p Params, events []Event, _ int64) value.Value {
		registers := make([]uint8, 1<<p.LgK)
		for _, e := range present(events) {
			register, rank := Register(e.Value, p.LgK)
			registers[register] = max(registers[register], rank)
		}
		empty, sum := 0, 0.0
		for _, rank := range registers {
			sum += math.Ldexp(1, -int(rank))
			if rank == 0 {
				empty++
			}
		}
		return estimate(p.LgK, empty, sum)
	},
	folds: func(in value.Type, p Params) []Fold { return []Fold{{Kind: KindRegisters, In: in, Bits: p.LgK}} },
	finish: func(_ value.Type, p Params, s []State, _ int64) value.Value {
		ranks := s[0].(*RegistersState).Ranks()
		sum := 0.0
		for rank := len(ranks) - 1; rank >= 0; rank-- { // the small ones first
			sum += math.Ldexp(float64(ranks[rank]), -rank)
		}
		return estimate(p.LgK, ranks[0], sum)
	},
	spark: sparkEstimate,
}

// estimate is the count of A1 from how many of 2^lgK registers are empty and the sum of 2^−rank over all.
func estimate(lgK, empty int, sum float64) value.Value {
	m := float64(int(1) << lgK)
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && empty > 0 {
		e = m * math.Log(m/float64(empty))
	}
	return value.OfInt(int64(math.Round(e))) // half away from zero
}

// sparkEstimate is estimate over the last element of each register, which has its greatest rank.
func sparkEstimate(_ value.Type, p Params) string {
	m := float64(int(1) << p.LgK)
	ranks := "filter($list, (v, i) -> coalesce(get($list, i + 1) div 256 <> v div 256, true))"
	seen := fmt.Sprintf("transform(array(%s), r -> struct(%dL - size(r) as empty, aggregate(r, cast(%dL - size(r) as double), (s, v) -> s + pow(2d, -(v %% 256L))) as sum))", ranks, int(m), int(m))
	e := strconv.FormatFloat(0.7213/(1+1.079/m)*m*m, 'e', -1, 64) + "d / s.sum"
	return fmt.Sprintf("get(transform(%s, s -> cast(round(if(%s <= %sd and s.empty > 0, %sd * ln(%sd / s.empty), %s)) as bigint)), 0)",
		seen, e, strconv.FormatFloat(2.5*m, 'e', -1, 64), strconv.FormatFloat(m, 'e', -1, 64), strconv.FormatFloat(m, 'e', -1, 64), e)
}
