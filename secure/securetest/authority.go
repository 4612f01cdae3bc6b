// Package securetest makes authorities and certificates for tests of connections that are secured.
package securetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	// File has its own certificate, PEM.
	File string
	Pool *x509.CertPool

	t    testing.TB
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// Pair is a certificate and its key: as files, PEM, and as a server takes them.
type Pair struct {
	Cert, Key string
	Own       tls.Certificate
}

// New makes an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, Pool: x509.NewCertPool()}
	a.File, _, a.key, a.cert = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "bighead test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, time.Hour)
	a.Pool.AddCert(a.cert)
	return a
}

// Sign makes a certificate, of a server or client, for names and addresses of hosts; it is good for a time from now, or was till then.
func (a *Authority) Sign(good time.Duration, hosts ...string) Pair {
	a.t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: "bighead test"}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	var p Pair
	var err error
	p.Cert, p.Key, _, _ = a.make(c, good)
	if p.Own, err = tls.LoadX509KeyPair(p.Cert, p.Key); err != nil {
		a.t.Fatal(err)
	}
	return p
}

func (a *Authority) make(c *x509.Certificate, good time.Duration) (certFile, keyFile string, key *rsa.PrivateKey, made *x509.Certificate) {
	a.t.Helper()
	fatal := func(err error) {
		if err != nil {
			a.t.Fatalf("make a certificate: %v", err)
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048) // which every Java takes
	fatal(err)
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	fatal(err)
	c.NotBefore, c.NotAfter = time.Now().Add(-24*time.Hour), time.Now().Add(good)
	by, signs := a.cert, a.key
	if by == nil {
		by, signs = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, signs)
	fatal(err)
	made, err = x509.ParseCertificate(der)
	fatal(err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	fatal(err)
	dir := a.t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	fatal(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	fatal(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	return certFile, keyFile, key, made
}
