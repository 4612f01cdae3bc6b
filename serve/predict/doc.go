// Package predict answers endpoints: rows of keys and request fields in, predictions out (docs/models.md §2, §5).
//
// A Server asks serve for a view's columns, a version's pipeline for what the model takes, and the model for its answer. Which version a row
// goes to is decided by weights and the hash of its key. Whatever goes on beside, versions that come and go, shadows, canaries, never disturbs a
// request: it sees one state of its endpoint from beginning to end.
//
// The room knows versions by the catalog's numbers and models by their artifacts. It does not know how they are trained, where they lie, nor
// what becomes of the predictions (audit).
package predict
