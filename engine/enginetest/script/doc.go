// Package script reads and writes `.feat` scripts: definitions, events, questions and the answers that the contract gives
// (docs/interface.md §5).
//
// It knows the text alone: no types, no features, no engines. Cells stay text with a place; who runs the script types them by their
// columns. A File keeps every line as it was read, so that Rewrite changes what stands under `----` and nothing else.
//
//	# what it shows, with the rules that it is about (W1, E2)
//	skip flink: reason
//	define
//	    Python, as in features.py                 # or: use features.py
//	load e
//	    k | ts | x                                # a header, then rows; repeated loads add rows
//	load planes ds=2024-01-02                     # rows of one partition, which exists though it be empty
//	    k | seats
//	eval g                                        # or: eval group g, eval view v, eval training set t
//	    k | at
//	----
//	    x_sum_1h                                  # the columns of the answer that matter, in any order
//
// In place of an answer's rows stands what is refused: `error BH012`, `error BH012: part of the message`, `error: part of the
// message`. Under a `----` that follows `define` or `use` stand the mistakes and warnings of the definitions (`error …`, `warning …`).
// After the rows of an answer, `counts` lists what the run must report.
package script
