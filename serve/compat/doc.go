// Package compat speaks the shapes of other feature servers, so that their clients work unchanged: Feast's feature server and Chronon's
// feature service. It turns their requests into ours and our answers into theirs, and adds no meaning of its own: values, times and
// problems are the core's.
//
// What the other side cannot say is said as near as it can: docs/interface.md §6 has the table. The package knows no protocol; serve/http
// has the routes, the tokens and the limits.
package compat
