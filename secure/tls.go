package secure

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLS says how connections are secured. The zero value is: not at all.
type TLS struct {
	On         bool
	CA         string // file of certificates to trust, PEM; "": the system's
	Cert, Key  string // files of our own, PEM, where the server wants one
	ServerName string // whose certificate the server shows; "": that of the host that is connected to
}

// Config reads the files. It reads them anew at each call, for certificates are renewed.
func (t TLS) Config() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("TLS: certificates of the authority: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("TLS: %s holds no PEM certificate", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		has, lacks := "cert", "key"
		if t.Cert == "" {
			has, lacks = lacks, has
		}
		return nil, fmt.Errorf("TLS: %s is named, and its %s is not: our own certificate takes both", has, lacks)
	}
	if t.Cert != "" {
		own, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("TLS: our own certificate and key: %w", err)
		}
		// The certificate is shown whichever authorities the server asks for: it says better than we what it does not like of it.
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	return out, nil
}
