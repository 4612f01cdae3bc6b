package store

// PeriodSteps is how many steps a period has. Stores that let go by period lay what is of one period together, so that they can drop
// it whole. 32: a read of up to 60 tiles touches at most 3 periods, one of the 26 that a window's coarsest level mostly has at most 2;
// and what stays too long is at most 31 tiles of a key and step, 16 on average.
const PeriodSteps = 32

// MaxPeriods bounds the periods that a range of a Read touches: a store that lays what is of one period together asks for each by its name,
// and never looks for what there is. It is more than the periods of all days of the years 1 to 9999.
const MaxPeriods = 1 << 17

// Period is the period of a start that is a multiple of the step. Periods are aligned to the epoch, so they need no state. A step of
// zero or below has no grid, and one period.
func Period(step, start int64) int64 {
	if step <= 0 {
		return 0
	}
	return divFloor(start, step) >> 5
}

// Periods are the periods that a range touches, first to last; last < first where it can hold nothing.
func (r *Range) Periods() (first, last int64) {
	switch {
	case r.From >= r.To:
		return 0, -1
	case r.Step <= 0:
		return 0, 0
	}
	from, to := divCeil(r.From, r.Step), divCeil(r.To, r.Step) // of tiles, [from, to)
	if from >= to {
		return 0, -1
	}
	return from >> 5, (to - 1) >> 5
}

// Tiles are the tiles of a range that can lie in one of its periods, with a step above zero: they start at first·Step to last·Step.
func (r *Range) Tiles(period int64) (first, last int64) {
	from, to := divCeil(r.From, r.Step), divCeil(r.To, r.Step) // [from, to)
	return max(from, period<<5), min(to-1, period<<5|(PeriodSteps-1))
}

// Expired is the first period that still holds a start at or after before, of a step above zero: those below may go.
func Expired(step, before int64) int64 { return divCeil(before, step) >> 5 }

// divFloor and divCeil divide by a divisor above zero and cannot overflow.
func divFloor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func divCeil(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}
