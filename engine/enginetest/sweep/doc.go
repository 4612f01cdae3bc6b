// Package sweep evaluates printed expressions over columns of edge values on a real engine.
//
// [Table] holds the columns and rows, raw as a file may hold them: NaN, −0.0, times after the year 9999. An [Engine] loads
// it as a file that it scans (nothing is a constant that a planner could fold), [Source] wraps every column in the
// printing that gives the contract's values, and [Run] evaluates many expressions over that, a few wide statements for all
// of them. An expression that the engine refuses or fails on is found by halving the statement and does not spoil its
// neighbours.
//
// The package does not know the expression language: it takes SQL text with the type that it must have, and gives values
// back. Whether they are right is asked by the tests beside it.
package sweep
