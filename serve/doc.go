// Package serve answers requests: rows of keys and request fields in, typed feature values with a status each out (docs/semantics.md
// §6, docs/data-path.md §5).
//
// A Server holds the views that are served, each with its plan. One request sees one plan, however often they are switched. It reads
// what all its rows need in one round trip to the store, merges tiles, finishes, and computes the derived columns. Whatever cannot be
// had says so: a value is never guessed and never silently null.
//
// The room knows plans, folds and stores. It does not know how tiles are made (engine), what becomes of the answers (audit), nor which
// store it reads. serve/http is its surface over HTTP.
package serve
