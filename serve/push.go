package serve

import (
	"context"
	"fmt"

	"github.com/bighead-ml/bighead/feature"
)

// Pusher takes events in. The stream has it; surfaces hand it what callers send.
type Pusher interface {
	// Push offers the events of a body to a source, or to every source of a topic. It returns once what it says is durable. The body is the
	// caller's again when it returns. A *Problem says what the caller did wrong: no source or topic of that name (CodeUnknownSource), a body
	// that is no JSON from its beginning (CodeBadBody), or that the stream cannot take anything now (CodeNoStream, with After).
	Push(ctx context.Context, e Events) ([]Pushed, error)
}

// Events are what a caller sends at once.
type Events struct {
	Name        string // of a source or a topic
	ContentType string // of the body: application/x-ndjson or application/json
	// Key names the body, so that it may be sent again: a source that has accepted events under the key within the last day takes nothing,
	// and says that they came before. "": none. At most MaxKey bytes.
	Key  string
	Body []byte
}

// MaxKey is how long a key of Events may be, bytes.
const MaxKey = 1 << 10

// EventsKey is the key that a caller gives in a header of that name, which may stand once.
func EventsKey(header string, values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", &Problem{Code: feature.CodeBadBody, Detail: header + " stands twice", Field: header, Cure: "send one key for one body"}
	case values[0] == "" || len(values[0]) > MaxKey:
		return "", &Problem{Code: feature.CodeBadBody, Detail: fmt.Sprintf("%s of %d bytes", header, len(values[0])), Field: header,
			Cure: fmt.Sprintf("name the body in 1 to %d bytes, another one for each, or leave the header out", MaxKey)}
	}
	return values[0], nil
}

// Pushed is what became of the events at one source.
type Pushed struct {
	Source     string
	Accepted   int64
	Duplicated int64 // copies of what was accepted before (E3), or all that came under a key again
	NotYet     int64 // without a time: they are not yet events (E1)
	Rejected   []Rejected
}

// Rejected is one event that was refused.
type Rejected struct {
	Line   int // of the body, from one; of a JSON array: the element
	Reason string
}
