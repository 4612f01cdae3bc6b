package connect

import (
	"cmp"
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"

	"github.com/bighead-ml/bighead/secure"
)

// section is where the settings of TLS stand, as messages call it.
const section = "[spark.tls]"

// handshakes is TLS that remembers why it last did not come about: the status with which a call then ends has the words of it alone.
type handshakes struct {
	credentials.TransportCredentials
	where  secure.Where
	failed *atomic.Pointer[error]
}

func newHandshakes(over secure.TLS) (*handshakes, error) {
	config, err := over.Config()
	if err != nil {
		return nil, err
	}
	over.On = true
	return &handshakes{credentials.NewTLS(config), secure.Where{TLS: over, Section: section, No: "take use_ssl and token out of [batch] remote"}, &atomic.Pointer[error]{}}, nil
}

// ClientHandshake is gRPC's.
func (h *handshakes) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := h.TransportCredentials.ClientHandshake(ctx, authority, conn)
	if err != nil {
		h.failed.Store(&err)
	}
	return secured, info, err
}

// Clone is gRPC's.
func (h *handshakes) Clone() credentials.TransportCredentials {
	return &handshakes{h.TransportCredentials.Clone(), h.where, h.failed}
}

// cure is what helps where TLS did not come about, and a call ended with err.
func (h *handshakes) cure(err error) string {
	const unknown = "trust the server's certificate on this machine, or correct [batch] remote"
	if h == nil {
		return unknown
	}
	said := ""
	if failed := h.failed.Load(); failed != nil {
		said = h.where.Cure(*failed)
	}
	return cmp.Or(said, h.where.Cure(err), unknown) // what a server says of our certificate comes after the handshake
}
