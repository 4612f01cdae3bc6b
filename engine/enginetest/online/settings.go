package online

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Settings are which of the ways a run goes. The zero value has no store and no wire; Plain is the least.
type Settings struct {
	Seed  uint64 // of what the run draws
	Store string
	Wire  string
	// Wall lets the clock stand at the time that is asked for, and events that come before it wait; else the clock is that of the events.
	Wall bool
	// Shuffled has events arrive in any order, in pieces, that the rows asked for allow.
	Shuffled bool
	// Again has some events come twice: those with an id, under the same batch's name, or of entities.
	Again bool
	// Batch has batch load what lies before a midnight, now and then a later one.
	Batch bool
	// Kills ends the process at any time, and begins another.
	Kills bool
	// Tight makes the sources' lateness just as long as events are late, so that all is let go as early as it may be; else it is endless.
	Tight bool
}

// Plain is the road in the order of time.
func Plain(store, wire string) Settings { return Settings{Store: store, Wire: wire} }

// Draw draws settings out of stores and wires.
func Draw(r *rand.Rand, stores, wires []string) Settings {
	coin := func() bool { return r.IntN(2) == 0 }
	return Settings{Seed: r.Uint64(), Store: stores[r.IntN(len(stores))], Wire: wires[r.IntN(len(wires))],
		Wall: coin(), Shuffled: coin(), Again: coin(), Batch: coin(), Kills: coin(), Tight: coin()}
}

// String is the settings in words.
func (s Settings) String() string {
	words := []string{"online with " + s.Store, s.Wire, "seed " + fmt.Sprint(s.Seed)}
	for _, w := range []struct {
		on   bool
		word string
	}{{s.Wall, "wall clock"}, {s.Shuffled, "shuffled"}, {s.Again, "again"}, {s.Batch, "batch"}, {s.Kills, "kills"}, {s.Tight, "tight"}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", ")
}
