package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
)

// ErrPlain is of an answer without TLS that says that TLS was to be spoken.
var ErrPlain = errors.New("it speaks TLS, and was asked without")

// Plain finds in an answer of HTTP that it is of a server that speaks TLS, asked without: ErrPlain; nil: it is not. Go's own, nginx and those
// that stand for many others answer 400 in words of theirs.
func Plain(status int, body []byte) error {
	text := strings.ToLower(string(body[:min(len(body), 1<<10)]))
	if status == http.StatusBadRequest && (strings.Contains(text, "http request to an https server") || strings.Contains(text, "plain http request was sent to https port") || strings.Contains(text, "ssl-enabled server port")) {
		return ErrPlain
	}
	return nil
}

// Alert tells the bytes with which a server of TLS answers what is no handshake.
func Alert(head []byte) bool {
	return len(head) >= 2 && head[0] == 0x15 && head[1] == 3
}

// Where says how messages call the settings of a connection.
type Where struct {
	TLS     TLS    // as it is set; On: by the address, or by a setting
	Section string // in which ca, cert, key and server_name stand: "[hive.tls]"
	// Yes and No are what to do that TLS is spoken, and that it is not: "write https:// in [stream] gateway".
	Yes, No string
}

// remote leads what the other side says of a handshake.
const remote = "remote error: tls: "

// Cure is what helps against an error of a connection, where that is about TLS; "": it is about something else.
func (w Where) Cure(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unverified *tls.CertificateVerificationError
	var head tls.RecordHeaderError
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch _, said, ok := strings.Cut(text, remote); {
	case errors.As(err, &authority):
		return fmt.Sprintf("nobody who is trusted here has signed its certificate: name by ca under %s a file of the authority's", w.Section)
	case errors.As(err, &host):
		return fmt.Sprintf("its certificate is another host's (%s): correct the address, or name by server_name under %s whose certificate it shows", strings.Join(names(host.Certificate), ", "), w.Section)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate is out of date: have it renewed, or set this machine's clock"
	case errors.As(err, &unverified):
		return fmt.Sprintf("its certificate is not trusted: have it corrected, or name by ca under %s a file of the authority's", w.Section)
	case ok:
		return w.alerted(said)
	case errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &head) || strings.Contains(text, "gave HTTP response to HTTPS client"):
		return "it speaks no TLS: " + w.No
	case errors.Is(err, ErrPlain) || strings.Contains(text, `malformed HTTP response "\x15\x03`):
		return w.Yes
	case w.TLS.On && w.TLS.Cert == "" && Closed(err):
		// A server that wants a certificate says so once the handshake has ended for us, and what it said is lost where we were writing.
		return fmt.Sprintf("see that it runs; where it wants a certificate of ours, as its closing the connection may mean, name that by cert and key under %s", w.Section)
	}
	return ""
}

// alerted is the cure for what a server does not like of us.
func (w Where) alerted(said string) string {
	for _, about := range []string{"certificate", "handshake failure", "access denied", "internal error"} {
		switch {
		case !strings.Contains(said, about):
		case w.TLS.Cert == "":
			return fmt.Sprintf("it wants a certificate of ours: name that by cert and key under %s", w.Section)
		default:
			return fmt.Sprintf("it does not take our certificate: cert and key under %s are to be of an authority that it trusts, and in date", w.Section)
		}
	}
	if strings.Contains(said, "unrecognized name") {
		return fmt.Sprintf("it has no certificate for this name: correct the address, or name by server_name under %s whose certificate it shows", w.Section)
	}
	return "have it take TLS 1.2 or newer"
}

// Closed tells that the other side has closed the connection.
func Closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// names are whose a certificate is.
func names(c *x509.Certificate) []string {
	if c == nil {
		return nil
	}
	out := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	if len(out) == 0 {
		out = append(out, c.Subject.CommonName)
	}
	return out
}
