// Package drift says how far what is served has moved away from what a model learned from.
//
// A Distribution is what is kept of a column, or of a model's scores, in an artifact: bins with fixed edges and the counts of rows in them, and
// some values at evenly spaced ranks. Values are those of a column as they are met, in training or in what was served; Compare sets them against
// a Distribution. All is of bounded size, whatever is measured.
//
// The package knows columns and numbers. Who reads logs of what was served (package audit), and who trains (package train), hand it those.
package drift
