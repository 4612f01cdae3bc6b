package feature

import (
	"github.com/bighead-ml/bighead/value"
)

// Options are what check needs to know beside the definitions.
type Options struct {
	// Schema reads the columns of a place, and what its reader does to them (decimals to float); place.Declared says the types of columns
	// in files that carry none, and may be refused by others: then the place is asked for once more without, and compared. Each place is
	// asked for once. Nil: only declared columns are known.
	Schema func(place Place) (columns value.Schema, warnings []string, err error)
	// Resolution is [features] resolution of bighead.toml: "exact", or "" for W2's default.
	Resolution string
	// Batch and Stream are [batch] engine and [stream] engine of bighead.toml: "local", or "" for it, "spark" and "flink". What an engine
	// other than ours would not compute as we do is a mistake (X9).
	Batch, Stream string
	// Schemes are those of addresses that Schema can read beside plain paths, such as "s3".
	Schemes []string
}

// Check types definitions and says everything that is wrong with them at once, in file order. The project holds what is sound; what
// follows from a mistake elsewhere is left out of it and not reported again. Only where Problems.Failed is false is it whole.
func Check(defs *Definitions, o Options) (*Project, Problems) {
	c := &checker{defs: defs, o: o, schemas: map[string]schemaResult{}, warned: map[string]bool{}, inexact: map[*PlaceDef]map[string]bool{}, names: map[string]Span{}}
	for i := range defs.Mistakes {
		c.recorded(&defs.Mistakes[i])
	}
	if o.Resolution != "" && o.Resolution != exactResolution {
		c.setting("features.resolution", o.Resolution, exactResolution)
	}
	c.engines()
	for i := range defs.Sources {
		c.sources = append(c.sources, c.source(&defs.Sources[i]))
	}
	for i := range defs.Groups {
		c.groups = append(c.groups, c.group(&defs.Groups[i]))
	}
	for i := range defs.Views {
		c.views = append(c.views, c.view(&defs.Views[i]))
	}
	for i := range defs.TrainingSets {
		c.sets = append(c.sets, c.trainingSet(&defs.TrainingSets[i]))
	}
	for i := range defs.Models {
		c.models = append(c.models, c.ofModel(&defs.Models[i]))
	}
	for i := range defs.Endpoints {
		c.endpoint(&defs.Endpoints[i])
	}
	return c.project(), Settle(c.problems)
}

// checker holds what has been checked so far, in the order of the definitions.
type checker struct {
	reporter
	defs    *Definitions
	o       Options
	schemas map[string]schemaResult
	warned  map[string]bool // warnings of places that were passed on
	batch   *foreign        // the engines that are not ours; nil: ours
	stream  *foreign
	ahead   bool                          // what is checked is a label
	inexact map[*PlaceDef]map[string]bool // columns of a table's select= that came through a transcendental function
	names   map[string]Span               // `source "flights"` → its first definition

	sources   []*sourceState
	groups    []*groupState
	views     []*viewState
	sets      []*trainingState
	models    []*modelState
	endpoints []*Endpoint
}

// mark and sound tell whether an error was found since.
func (c *checker) mark() int { return c.errors }

func (c *checker) soundSince(mark int) bool { return c.errors == mark }

// named checks a definition's name within its namespace.
func (c *checker) named(what string, name Text) {
	if badNameReason(name.Value) != "" {
		c.badName(name.At, "a "+what, name.Value)
		return
	}
	key := what + " " + name.Value
	if first, ok := c.names[key]; ok {
		c.nameTwice(name.At, what, name.Value, first)
		return
	}
	c.names[key] = name.At
}

func (c *checker) project() *Project {
	p := &Project{Endpoints: c.endpoints}
	for _, s := range c.sources {
		if s.sound {
			p.Sources = append(p.Sources, s.src)
		}
	}
	for _, g := range c.groups {
		if g.sound {
			p.Groups = append(p.Groups, g.group)
		}
	}
	for _, v := range c.views {
		if v.sound {
			p.Views = append(p.Views, v.view)
		}
	}
	for _, t := range c.sets {
		if t.sound {
			p.TrainingSets = append(p.TrainingSets, t.set)
		}
	}
	for _, m := range c.models {
		if m.sound {
			p.Models = append(p.Models, m.model)
		}
	}
	return p
}
