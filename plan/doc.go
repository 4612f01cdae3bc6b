// Package plan turns typed definitions into what engines run: batch plans here, stream and serve plans beside them as they come.
//
// window.go is the only place where a time boundary is computed (docs/semantics.md §4). A plan is plain data: it names no engine,
// prints as text (String), and is the same for the same definitions. One pass stands in one file and is tested text → text.
package plan
