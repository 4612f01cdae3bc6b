package feature

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/value"
)

// The defaults of an endpoint, of the table of docs/interface.md §2.
const (
	defaultEndpointDeadline = 50 // ms
	defaultDegradedWhen     = "share_defaulted > 0.3"
)

// maxBatch is how many rows can be answered together.
const maxBatch = 4096

// shareDefaulted is what degraded_when reads.
var shareDefaulted = value.Schema{{Name: "share_defaulted", Type: value.Float}}

// endpoint checks one endpoint, and keeps it where it is right.
func (c *checker) endpoint(d *EndpointDef) {
	defer c.within(d.Site)()
	mark := c.mark()
	c.named("endpoint", d.Name)
	e := &Endpoint{Name: d.Name.Value, Pos: d.At.Pos, Owner: textOf(d.Owner), Description: textOf(d.Description), Tags: texts(d.Tags)}
	var of *modelState
	if d.Model != nil {
		of = c.models[d.Model.Index]
		e.Model = of.model
	} else if !d.Flawed.Has("model") {
		c.missing(d.At, fmt.Sprintf("endpoint %q", d.Name.Value), "model=", "name the model that answers")
	}
	c.traffic(d, e)
	if d.Shadow != nil {
		e.Shadow = d.Shadow.Value
		c.version(*d.Shadow, "shadow")
	}
	if of != nil {
		c.endpointFallback(d, e)
		c.sticky(d, e, of)
	}
	labels := true
	if d.Labels != nil {
		labels = c.labelsFrom(d.Labels, e, of)
	}
	c.degradedWhen(d, e)
	c.waits(d, e)
	if c.soundSince(mark) && len(d.Flawed) == 0 && of.sound && labels {
		c.endpoints = append(c.endpoints, e)
	}
}

// version checks the name of a model's version: an alias, or a number from 1 on.
func (c *checker) version(t Text, argument string) {
	digits := t.Value != "" && strings.Trim(t.Value, "0123456789") == ""
	if n, err := strconv.ParseInt(t.Value, 10, 64); digits && (err != nil || n < 1 || t.Value[0] == '0') {
		c.outOfRange(t.At, "versions are numbered 1, 2, …", "%s names version %s", argument, shorten(t.Value))
	}
	if !digits && badNameReason(t.Value) != "" {
		c.badName(t.At, "an alias", t.Value)
	}
}

// traffic checks the versions that are asked, and their parts.
func (c *checker) traffic(d *EndpointDef, e *Endpoint) {
	if d.Traffic != nil && len(d.Traffic) == 0 && !d.Flawed.Has("traffic") {
		c.noTraffic(d.At)
	}
	for i, w := range d.Traffic {
		c.version(w.Version, "traffic")
		if !(w.Weight.Value > 0) {
			c.outOfRange(w.Weight.At, "leave out what gets no requests; a version that is asked without answering is shadow=", "the weight of %q is %v, and must be above 0", w.Version.Value, w.Weight.Value)
		}
		if slices.ContainsFunc(d.Traffic[:i], func(x WeightDef) bool { return x.Version.Value == w.Version.Value }) {
			c.columnTwice(w.Version.At, w.Version.Value, "traffic")
		}
		e.Traffic = append(e.Traffic, Weighted{Version: w.Version.Value, Weight: w.Weight.Value})
	}
}

// The fallbacks that are no constants.
const (
	lastGood = "last"
	popular  = "popular"
)

// endpointFallback types what is answered where no version can.
func (c *checker) endpointFallback(d *EndpointDef, e *Endpoint) {
	l := d.Fallback
	if l == nil || e.Model.Task == "" { // which has been reported
		return
	}
	if l.Kind == StringLiteral {
		e.FallbackLast, e.FallbackPopular = l.Value == lastGood, l.Value == popular
		switch {
		case !e.FallbackLast && !e.FallbackPopular, e.FallbackPopular && e.Model.Task == model.Ranking:
			c.endpointDefault(l.At, pythonText(l.Value), e.Model.Task)
		case e.FallbackPopular && e.Model.Remote != "" && e.Model.Label == "":
			c.meaningless(l.At, `fallback="popular"`, "where the training set has no label that could be counted", `write a number, or fallback="last", or give the training set labels=`)
		}
		return
	}
	v, why := constant(l.Value, l.Kind, value.Float)
	if l.Kind == TypicalLiteral || why != "" || v.IsNull() || e.Model.Task == model.Multiclass {
		c.endpointDefault(l.At, literalText(l), e.Model.Task)
		return
	}
	if e.Model.Task == model.Binary && (v.Float() < 0 || v.Float() > 1) {
		c.outOfRange(l.At, "write a number from 0 to 1", "fallback=%v is no probability", v.Float())
	}
	e.Fallback = v
}

func literalText(l *Literal) string {
	switch l.Kind {
	case TypicalLiteral:
		return "bh.typical"
	case NullLiteral:
		return "None"
	}
	return pythonText(l.Value)
}

// sticky checks the column that decides which version answers.
func (c *checker) sticky(d *EndpointDef, e *Endpoint, of *modelState) {
	if d.Sticky == nil {
		return
	}
	e.Sticky = d.Sticky.Value
	if of.set == nil || of.set.view == nil || !of.set.view.sound {
		return
	}
	v := of.set.view.view
	var names []string
	for _, k := range slices.Concat(v.Keys, v.Request) {
		names = append(names, k.Name)
	}
	if !slices.Contains(names, e.Sticky) {
		c.notSticky(d.Sticky.At, e.Sticky, v.Name, names)
	}
}

// degradedWhen types when a prediction says that it is degraded.
func (c *checker) degradedWhen(d *EndpointDef, e *Endpoint) {
	t := Text{Value: defaultDegradedWhen, At: d.At}
	if d.DegradedWhen != nil {
		t = *d.DegradedWhen
	}
	x, errs := expr.Check(t.Value, shareDefaulted)
	for _, at := range errs {
		c.badSQL(t, at)
	}
	switch {
	case len(errs) > 0:
	case x.Type().Kind != value.KindBool:
		c.wrongType(t.At, "degraded_when", x.Type(), "a bool", `write a condition, such as "`+defaultDegradedWhen+`"`)
	default:
		e.DegradedWhen = x
	}
}

// waits checks how long a request and a row wait.
func (c *checker) waits(d *EndpointDef, e *Endpoint) {
	var ok bool
	if e.Deadline, ok = c.duration(d.Deadline, "deadline", defaultEndpointDeadline); ok && e.Deadline == 0 {
		c.outOfRange(d.Deadline.At, `write how long a request may take: deadline="50ms"`, "deadline=%q leaves no time to answer", d.Deadline.Value)
	}
	e.MaxDelay, _ = c.duration(d.MaxDelay, "max_delay", 0)
	if d.MaxBatch != nil {
		if n := d.MaxBatch.Value; n < 2 || n > maxBatch {
			c.outOfRange(d.MaxBatch.At, fmt.Sprintf("write a number from 2 to %d, or leave it out: then each request is answered by itself", maxBatch), "max_batch=%d is no number of rows to answer together", n)
		}
		e.MaxBatch = int(d.MaxBatch.Value)
	}
	switch {
	case d.MaxDelay == nil:
	case d.MaxBatch == nil && !d.Flawed.Has("max_batch"):
		c.meaningless(d.MaxDelay.At, "max_delay", "without max_batch=", "add max_batch=64 or so, or leave it out")
	case ok && e.MaxDelay >= e.Deadline && e.Deadline > 0:
		c.outOfRange(d.MaxDelay.At, "let a row wait for a part of the deadline only", "max_delay=%q is not shorter than the deadline of %s", d.MaxDelay.Value, value.FormatDuration(e.Deadline))
	}
}
