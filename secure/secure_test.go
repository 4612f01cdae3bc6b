package secure

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
)

// TestPlain: what speaks TLS says so in words of its own where it is asked without; other refusals are not taken for that.
func TestPlain(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		plain  bool
	}{
		{400, "Client sent an HTTP request to an HTTPS server.\n", true},
		{400, "<html><center><h1>400 Bad Request</h1></center><center>The plain HTTP request was sent to HTTPS port</center>", true},
		{400, "You're speaking plain HTTP to an SSL-enabled server port.", true},
		{400, `{"errors":["bad"]}`, false}, {400, "", false}, {500, "Client sent an HTTP request to an HTTPS server.\n", false},
	} {
		if err := Plain(c.status, []byte(c.body)); errors.Is(err, ErrPlain) != c.plain {
			t.Errorf("%d %s gives %v", c.status, c.body, err)
		}
	}
}

// TestCure: what is not about TLS gets no cure of TLS's, and what may be, as far as the settings bear it.
func TestCure(t *testing.T) {
	w := Where{Section: "[x.tls]", Yes: "ask with", No: "ask without"}
	over, own := w, w
	over.TLS.On = true
	own.TLS = TLS{On: true, Cert: "c", Key: "k"}
	reset := fmt.Errorf("read: %w", syscall.ECONNRESET)
	for _, c := range []struct {
		w    Where
		err  error
		says string
	}{
		{w, nil, ""}, {w, io.EOF, ""}, {w, reset, ""}, {own, reset, ""}, {w, errors.New("connection refused"), ""},
		{over, reset, "cert and key under [x.tls]"}, {over, io.EOF, "see that it runs"},
		{over, errors.New("remote error: tls: handshake failure"), "it wants a certificate of ours"},
		{own, errors.New("remote error: tls: certificate required"), "it does not take our certificate"},
		{own, errors.New("remote error: tls: unrecognized name"), "server_name under [x.tls]"},
		{own, errors.New("remote error: tls: protocol version not supported"), "TLS 1.2"},
		{w, ErrPlain, "ask with"}, {w, errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x03\x00\x02\x02P"`), "ask with"},
		{over, errors.New("http: server gave HTTP response to HTTPS client"), "ask without"},
	} {
		if got := c.w.Cure(c.err); (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
			t.Errorf("%v: %q, want %q", c.err, got, c.says)
		}
	}
	if !Alert([]byte{0x15, 3, 3}) || Alert([]byte{0x15}) || Alert([]byte{0x80, 1}) {
		t.Error("alerts are not told")
	}
}
