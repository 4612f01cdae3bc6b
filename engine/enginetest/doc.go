// Package enginetest runs the corpus: `.feat` scripts (docs/interface.md §5) on every road, compared with the oracle by the promise of
// docs/semantics.md and by no other rule.
//
// Run records the scripts' definitions in one Python process, checks and plans them, and asks the oracle and each road. It is what
// `bighead test` runs for users, so nothing here imports testing. The project's own scripts are in testdata; folder random holds the
// random cases, faults.go the defects that both must notice. script knows the text of a script alone.
//
// To add a script, write a .feat file under testdata; to add a road, name it where Run is called.
package enginetest
