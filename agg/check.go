package agg

import (
	"fmt"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// Params are the parameters of one feature, filled by Check: those that its aggregation does not take are zero. Params compare with ==.
type Params struct {
	K        int     // first_k, last_k, top_k, bottom_k, distinct_k, histogram
	Max      int     // count_distinct
	Q        float64 // approx_quantile
	Accuracy float64 // approx_quantile
	LgK      int     // approx_count_distinct
	Sample   bool    // variance, stddev
	By       bool    // the value is a map by a column
	ByMax    int     // at most so many entries
}

// Args are what the author wrote: nil and false where nothing was. A zero that was written is not the same as nothing, so that no
// mistake is taken for a default.
type Args struct {
	Input    string // the input's text, for messages; "x" when empty
	K        *int
	Max      *int
	Q        *float64
	Accuracy *float64
	LgK      *int
	Sample   bool
	By       *value.Type // the type of by=, nil without
	ByMax    *int
}

// Param documents one parameter of an aggregation.
type Param struct {
	Name    string
	Doc     string
	Default string // as documentation writes it; empty: required
}

// Problem is one mistake of the author in the call of an aggregation.
type Problem struct {
	Arg  string // "input", or the parameter at fault: k, max, q, accuracy, lg_k, sample, by, by_max
	Text string // a sentence without a full stop
	Cure string // what to write instead
}

// Problems are all mistakes in one call; it is the error of Check.
type Problems []Problem

// Error is the sentences, each with its cure.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Text + "; " + p.Cure
	}
	return strings.Join(texts, "\n")
}

// checker collects the problems of one call.
type checker struct {
	a        *Aggregation
	args     Args
	problems Problems
}

func (c *checker) report(arg, cure, format string, args ...any) {
	c.problems = append(c.problems, Problem{Arg: arg, Text: fmt.Sprintf(format, args...), Cure: cure})
}

// Check types one call: in is the input's type where hasInput. It fills the parameters' defaults and gives the type of the value,
// which is a map under by. The error is Problems: every mistake, each a sentence with its cure.
func (a *Aggregation) Check(in value.Type, hasInput bool, args Args) (output value.Type, filled Params, err error) {
	if args.Input == "" {
		args.Input = "x"
	}
	c := &checker{a: a, args: args}
	c.input(in, hasInput)
	filled = Params{
		K:        c.whole("k", args.K, 1),
		Max:      c.whole("max", args.Max, 1),
		Q:        c.quantile(args.Q),
		Accuracy: c.accuracy(args.Accuracy),
		LgK:      c.registers(args.LgK),
		Sample:   c.sample(args.Sample),
	}
	filled.By, filled.ByMax = c.by()
	if c.problems != nil {
		return value.Type{}, Params{}, c.problems
	}
	if !hasInput {
		in = value.Type{}
	}
	output = a.output(in, filled)
	if filled.By {
		output = value.MapOf(output)
	}
	return output, filled, nil
}

func (c *checker) input(in value.Type, hasInput bool) {
	rule := c.a.Input
	switch {
	case !hasInput && rule.Need == Required:
		c.report("input", fmt.Sprintf("write a column or an expression first: %s(\"x\")", c.a.Name), "%s needs an input", c.a.Name)
	case !hasInput:
	case in.Kind == value.KindNull:
		c.report("input", "write a column, or give the null a type: cast(null as int)", "%s is null on every row and has no type", c.args.Input)
	case !rule.Allows(in):
		c.report("input", c.cure(in), "%s takes %s, and %s is %s %s", c.a.Name, rule, c.args.Input, article(in), in)
	}
}

func article(t value.Type) string {
	if t.Kind == value.KindInt {
		return "an"
	}
	return "a"
}

// cure is what to write for an input of a type that is refused: the aggregation's own, or a cast that leads to a type it takes.
func (c *checker) cure(in value.Type) string {
	if own, ok := c.a.cures[in.Kind]; ok {
		return strings.ReplaceAll(own, "{x}", c.args.Input)
	}
	if cast, ok := castTo(c.a.Input, in, c.args.Input); ok {
		return "write " + cast
	}
	return fmt.Sprintf("aggregate a part of it, or how often it is there: count(%q)", c.args.Input)
}

// castTo is an expression of a type that the rule allows, from text of type in; false where there is none.
func castTo(rule InputRule, in value.Type, text string) (string, bool) {
	for _, to := range rule.Kinds {
		switch {
		case to == value.KindInt && in.Kind == value.KindBool, to == value.KindInt && in.Kind == value.KindFloat,
			to == value.KindFloat && in.Kind == value.KindString,
			to == value.KindString && (in.Kind == value.KindBool || in.Kind == value.KindInt || in.Kind == value.KindTimestamp || in.Kind == value.KindDate):
			return fmt.Sprintf("cast(%s as %s)", text, to), true
		case to == value.KindString && in.Kind == value.KindFloat: // X6 offers no cast of a float to a string
			return fmt.Sprintf("cast(cast(%s as int) as string), or make classes with case", text), true
		case to == value.KindInt && (in.Kind == value.KindTimestamp || in.Kind == value.KindDate):
			return fmt.Sprintf("extract(epoch_ms from %s)", text), true
		}
	}
	return "", false
}

// takes finds a parameter of the aggregation, and refuses one that it does not have.
func (c *checker) takes(name string, given bool) (Param, bool) {
	for _, p := range c.a.Params {
		if p.Name == name {
			return p, true
		}
	}
	if given {
		c.report(name, "leave "+name+" out", "%s has no parameter %s", c.a.Name, name)
	}
	return Param{}, false
}

// whole is a whole-number parameter that is at least least.
func (c *checker) whole(name string, given *int, least int) int {
	p, ok := c.takes(name, given != nil)
	if !ok {
		return 0
	}
	if given == nil {
		if p.Default == "" {
			c.report(name, fmt.Sprintf("write %s(%q, %s=10)", c.a.Name, c.args.Input, name), "%s needs %s, %s", c.a.Name, name, p.Doc)
			return 0
		}
		return defaultMax
	}
	if *given < least {
		c.report(name, fmt.Sprintf("write a whole number from %d on", least), "%s=%d is too small", name, *given)
	}
	return *given
}

func (c *checker) quantile(given *float64) float64 {
	if _, ok := c.takes("q", given != nil); !ok {
		return 0
	}
	if given == nil {
		c.report("q", fmt.Sprintf("write %s(%q, q=0.5) for the median", c.a.Name, c.args.Input), "%s needs q, the quantile", c.a.Name)
		return 0
	}
	if !(*given >= 0 && *given <= 1) { // written so that NaN fails
		cure := "write a number from 0 (the least) to 1 (the greatest)"
		if *given > 1 && *given <= 100 {
			cure = fmt.Sprintf("write q=%g for the %gth percentile", *given/100, *given)
		}
		c.report("q", cure, "q=%g is not a quantile", *given)
	}
	return *given + 0 // −0.0 is 0.0 (V2)
}

func (c *checker) accuracy(given *float64) float64 {
	if _, ok := c.takes("accuracy", given != nil); !ok {
		return 0
	}
	if given == nil {
		return defaultAccuracy
	}
	if !(*given > 0 && *given < 1) {
		c.report("accuracy", "write a number between 0 and 1: 0.01 is one per cent", "accuracy=%g is not a relative error", *given)
	}
	return *given
}

func (c *checker) registers(given *int) int {
	if _, ok := c.takes("lg_k", given != nil); !ok {
		return 0
	}
	if given == nil {
		return defaultLgK
	}
	if *given != 8 && *given != 12 && *given != 16 {
		c.report("lg_k", "write 8 (an error of about 6.5 %), 12 (1.6 %) or 16 (0.4 %)", "lg_k=%d is not offered", *given)
	}
	return *given
}

func (c *checker) sample(given bool) bool {
	_, ok := c.takes("sample", given)
	return ok && given
}

// by is a wrapper over every aggregation (A3), so its parameters are checked here and not declared by any.
func (c *checker) by() (bool, int) {
	given, most := c.args.By, c.args.ByMax
	switch {
	case given == nil && most != nil:
		c.report("by_max", "name the column with by=, or leave by_max out", "by_max has no meaning without by")
		return false, 0
	case given == nil:
		return false, 0
	case c.a.Entity:
		c.report("by", "leave by out", "%s reads one row of an entity, which by cannot divide", c.a.Name)
	case given.Kind != value.KindString:
		cure := "write a string expression, such as a case with a name for each class"
		if cast, ok := castTo(InputRule{Kinds: []value.Kind{value.KindString}}, *given, "…"); ok {
			cure = "write " + cast
		}
		c.report("by", cure, "by must be a string, and this is %s %s", article(*given), given)
	}
	if most == nil {
		return true, defaultByMax
	}
	if *most < 1 {
		c.report("by_max", "write a whole number from 1 on", "by_max=%d is too small", *most)
	}
	return true, *most
}

// The defaults of §5 and A3.
const (
	defaultMax      = 1000
	defaultByMax    = 1000
	defaultAccuracy = 0.01
	defaultLgK      = 12
)
