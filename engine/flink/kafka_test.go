package flink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"strings"
	"testing"
)

// TestKafkaProperties holds what Kafka's client is told to how [stream] says it.
func TestKafkaProperties(t *testing.T) {
	plain, scram := shaded+"org.apache.kafka.common.security.plain.PlainLoginModule required ", shaded+"org.apache.kafka.common.security.scram.ScramLoginModule required "
	for _, c := range []struct {
		k    Kafka
		want map[string]string
	}{
		{Kafka{}, nil},
		{Kafka{CA: "unused"}, nil},
		{Kafka{TLS: true}, map[string]string{"security.protocol": "SSL"}},
		{Kafka{TLS: true, CA: "pem"}, map[string]string{"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.certificates": "pem"}},
		{Kafka{Mechanism: "PLAIN", User: "u", Password: `a"b\c'; x=1`}, map[string]string{"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.jaas.config": plain + `username="u" password="a\"b\\c'; x=1";`}},
		{Kafka{Mechanism: "SCRAM-SHA-512", User: "u", Password: "p", TLS: true}, map[string]string{"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": scram + `username="u" password="p";`}},
	} {
		got, err := c.k.Properties()
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%+v: %v, %v\nwant %v", c.k, got, err, c.want)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Kafka{TLS: true, Cert: "chain", Key: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))}.Properties()
	if err != nil || got["ssl.keystore.type"] != "PEM" || got["ssl.keystore.certificate.chain"] != "chain" {
		t.Fatalf("a key of our own: %v, %v", got, err)
	}
	block, _ := pem.Decode([]byte(got["ssl.keystore.key"]))
	if block == nil || block.Type != "PRIVATE KEY" {
		t.Fatalf("the key is %q", got["ssl.keystore.key"])
	}
	if again, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil || !key.Equal(again) {
		t.Errorf("the key is another: %v", err)
	}
	for _, bad := range []string{"", "no pem", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY"}))} {
		if _, err := (Kafka{TLS: true, Cert: "chain", Key: bad}).Properties(); err == nil || !strings.Contains(err.Error(), "tls.key") {
			t.Errorf("key %q: %v", bad, err)
		}
	}
}
