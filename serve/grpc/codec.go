package grpc

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of what is generated
	"google.golang.org/grpc/mem"
)

// incoming is a message as it came. Values point into it, so it is never used again.
type incoming []byte

// outgoing is a message that is written already. Once it is sent its bytes are used for another.
type outgoing struct{ b *[]byte }

// codec lets messages of ours pass as they are, and all others (health, reflection) as they always do.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

func (c codec) Marshal(x any) (mem.BufferSlice, error) {
	if out, ok := x.(outgoing); ok {
		return mem.BufferSlice{mem.NewBuffer(out.b, buffers)}, nil
	}
	return c.CodecV2.Marshal(x)
}

func (c codec) Unmarshal(b mem.BufferSlice, x any) error {
	if in, ok := x.(*incoming); ok {
		*in = b.Materialize()
		return nil
	}
	if err := c.CodecV2.Unmarshal(b, x); err != nil {
		return fmt.Errorf("not a message of this call: %w", err)
	}
	return nil
}

// pool keeps the buffers that answers are written into.
type pool struct{ sync.Pool }

var buffers = &pool{sync.Pool{New: func() any { return new([]byte) }}}

// maxKept is how large a buffer may be to be used again.
const maxKept = 1 << 20

// Get is never asked by gRPC: it gives buffers back only.
func (p *pool) Get(length int) *[]byte {
	b := p.Pool.Get().(*[]byte)
	if cap(*b) < length {
		*b = make([]byte, length)
	}
	*b = (*b)[:length]
	return b
}

// Put takes a buffer back once it was sent.
func (p *pool) Put(b *[]byte) {
	if cap(*b) <= maxKept {
		p.Pool.Put(b)
	}
}
