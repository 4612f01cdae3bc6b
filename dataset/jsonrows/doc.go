// Package jsonrows reads JSON objects into columns: the lines of an NDJSON file, the messages of a topic, the body of a push.
//
// A [Decoder] is handed one object after the other and makes a batch of them, without reflection and without a map per row: keys are
// found by the order in which they came last time. An object that cannot be read leaves no trace in the batch, so the caller may put it
// aside and go on; its error is a [*BadCell] (a value is not of its column's type) or a [*Malformed] (no such JSON), each with the byte
// at which it stands. A key that is missing is null. What to do with keys that are no columns is the caller's: they are let be, or refused.
//
// The text is RFC 8259, and NaN, Infinity and -Infinity, which Python writes, as numbers that are not finite. Integers may be strings.
// [Elements] walks an array, [Inference] makes types of what the values are.
package jsonrows
