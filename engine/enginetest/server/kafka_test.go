package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
)

func TestKafkaKeepsItsRecordsOverARestart(t *testing.T) {
	b := server.Kafka(t)
	topic := b.Topic(t, 2, "retention.ms", "-1")
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, text := range []string{"a", "b", "c"} {
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(text)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	b.Down(false)
	if err := b.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	ends, err := b.Admin().ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	records := int64(0)
	ends.Each(func(o kadm.ListedOffset) { records += o.Offset })
	if len(ends[topic]) != 2 || records != 3 {
		t.Errorf("%d records in %d partitions", records, len(ends[topic]))
	}
}

func TestKafkasSecureListenerKnowsItsUser(t *testing.T) {
	b := server.Kafka(t)
	pem, err := os.ReadFile(b.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for name, c := range map[string]struct {
		mechanism kgo.Opt
		good      bool
	}{
		"plain":          {kgo.SASL(plain.Auth{User: server.KafkaUser, Pass: server.KafkaPassword}.AsMechanism()), true},
		"scram 256":      {kgo.SASL(scram.Auth{User: server.KafkaUser, Pass: server.KafkaPassword}.AsSha256Mechanism()), true},
		"scram 512":      {kgo.SASL(scram.Auth{User: server.KafkaUser, Pass: server.KafkaPassword}.AsSha512Mechanism()), true},
		"wrong password": {kgo.SASL(scram.Auth{User: server.KafkaUser, Pass: "x"}.AsSha512Mechanism()), false},
	} {
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Secure), kgo.DialTLSConfig(&tls.Config{RootCAs: roots}), c.mechanism)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kadm.NewClient(client).ListBrokers(t.Context()); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		client.Close()
	}
}
