// Package faults proves that the corpus and the random cases notice defects: each that is planted in the code (package value/fault), one
// at a time.
//
// Names finds them in the source, so that a plant is its own registration: `fault.Planted("room: what is wrong")` at the place where the
// wrong thing would be done. A plant in what the oracle shares with the engines (values, expressions, windows' defaults) is noticed by
// scripts, whose answers were derived by hand, any other by either. An aggregation's plain definition and the oracle have none.
//
// The test of all of them runs under the build tag faults: go test -tags faults ./engine/enginetest/faults
package faults
