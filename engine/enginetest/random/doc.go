// Package random draws definitions, events and spines at random, asks the oracle and other roads, and makes of a difference the smallest
// script that shows it.
//
// A Case is made of a seed alone (draw.go, define.go, data.go): times fall on edges of windows, on each other and a millisecond beside
// on purpose, and Stats (stats.go) counts how often that came out. Run runs many cases (run.go); shrink.go takes away from a case what it
// can as long as it still fails; python.go and script.go write it down as a `.feat` script.
//
// Where planning is what costs, on a cluster, a definition is asked about many lots of rows at once, each held to the oracle's answer to it
// alone (lots.go, many.go).
//
// No Python runs here: a case holds the definitions as the SDK would record them.
package random
