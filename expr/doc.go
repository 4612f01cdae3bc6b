// Package expr is the expression language of definitions: SQL scalar expressions, parsed and typed once, and then evaluated here or
// printed for an engine (docs/semantics.md §2).
//
// The road of an expression:
//
//	text → lex.go → parse.go (Node, syntax only) → check.go (types, overloads, folded constants) → Expr
//	Expr → Compile (expr.go, closures)  |  Vectorise (vector.go, a column at a time)  |  Print (print.go, Spark SQL, Flink SQL)  |  String
//
// Every operator and function is one entry of the table (Functions), which says its signatures, kernels, printings, documentation and
// examples. Kernels are made in kernel.go, ordered.go and arithmetic.go, printings in sqltext.go. To add one, write an entry in the
// file of its family (ops.go, math.go, text.go, cast.go, time.go, nested.go, conditional.go): a scalar kernel over Go types gives the
// row evaluator and the vectorised one; only what is hot also has a loop of its own. Tests walk the table: its examples run, row and
// column agree on random rows, docs/functions.md is current.
//
// The package knows values and nothing else: no sources, no features, no engines beyond their dialect of SQL.
//
// # Syntax
//
// Loosest first: or; and; not; is [not] null, is [not] true, is [not] false, is [not] distinct from; = <> != < <= > >=;
// [not] between, [not] in, [not] like … escape; + - ||; * / % div; unary -; postfix [index] and .field. Comparisons do not
// chain. Keywords and functions ignore case, columns do not. A column is written bare, "quoted" or `quoted`; text is 'single quoted'
// where a quote is doubled. Comments are refused: an expression is one line of a definition, which has comments of its own.
//
// # Which nulls are counted
//
// A null is counted (X1) where a kernel makes one of arguments that were not null; null in, null out is not. All arguments of a
// function are evaluated, even when an earlier one is null. Only and, or, case, if, coalesce stop early: and at the first false, or at
// the first true, case and if at the first condition that is true, coalesce at the first value that is not null; what they do not
// reach is not counted. Both evaluators keep this rule exactly.
package expr
