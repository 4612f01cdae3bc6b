package flink

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Kafka says how Flink's tasks log in to the brokers. The zero value is: not at all.
type Kafka struct {
	Mechanism, User, Password string // "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"; "": no login
	TLS                       bool
	CA                        string // certificates to trust, PEM; "": those that Java trusts
	Cert, Key                 string // our own, PEM, where the brokers want one
}

// shaded leads the names of Kafka's classes within flink-sql-connector-kafka, the connector that a SQL gateway wants.
const shaded = "org.apache.flink.kafka.shaded."

// Properties are those of Kafka's client. Certificates and keys stand in them as they are, for Flink's tasks have none of our files.
func (k Kafka) Properties() (map[string]string, error) {
	out := map[string]string{}
	switch protocol := "PLAINTEXT"; {
	case k.Mechanism == "" && !k.TLS:
		return nil, nil
	case k.Mechanism == "":
		out["security.protocol"] = "SSL"
	default:
		if k.TLS {
			protocol = "SSL"
		}
		out["security.protocol"] = "SASL_" + protocol
		module := "scram.ScramLoginModule"
		if k.Mechanism == "PLAIN" {
			module = "plain.PlainLoginModule"
		}
		out["sasl.mechanism"] = k.Mechanism
		out["sasl.jaas.config"] = fmt.Sprintf("%sorg.apache.kafka.common.security.%s required username=%s password=%s;", shaded, module, jaas(k.User), jaas(k.Password))
	}
	if k.TLS && k.CA != "" {
		out["ssl.truststore.type"], out["ssl.truststore.certificates"] = "PEM", k.CA
	}
	if k.TLS && (k.Cert != "" || k.Key != "") {
		key, err := pkcs8(k.Key)
		if err != nil {
			return nil, err
		}
		out["ssl.keystore.type"], out["ssl.keystore.certificate.chain"], out["ssl.keystore.key"] = "PEM", k.Cert, key
	}
	return out, nil
}

// jaas quotes a text of a login's configuration.
func jaas(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// pkcs8 is a private key as Kafka's client reads it, which knows no other form.
func pkcs8(text string) (string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return "", errors.New("tls.key: it has no key in PEM")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		return text, nil
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return "", fmt.Errorf("tls.key: a %q can't be read; write it as PKCS #8 without a password", block.Type)
	}
	if err != nil {
		return "", fmt.Errorf("tls.key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}
