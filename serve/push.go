package serve

import "context"

// Pusher takes events in. The stream has it; surfaces hand it what callers send.
type Pusher interface {
	// Push offers the events of a body to a source, or to every source of a topic. It returns once what it says is durable. The body is the
	// caller's again when it returns; contentType says what it is: application/x-ndjson or application/json. A *Problem says what the caller
	// did wrong: no source or topic of that name (CodeUnknownSource), a body that is no JSON from its beginning (CodeBadBody), or that the
	// stream cannot take anything now (CodeNoStream, with After).
	Push(ctx context.Context, name, contentType string, body []byte) ([]Pushed, error)
}

// Pushed is what became of the events at one source.
type Pushed struct {
	Source     string
	Accepted   int64
	Duplicated int64 // copies of what was accepted before (E3)
	NotYet     int64 // without a time: they are not yet events (E1)
	Rejected   []Rejected
}

// Rejected is one event that was refused.
type Rejected struct {
	Line   int // of the body, from one; of a JSON array: the element
	Reason string
}
