package main

import (
	"encoding/base64"
	bin "encoding/binary"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/encoding/protowire"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

const secureFeatures = `import bighead as bh

clicks = bh.EventSource("clicks", topic="CLICKS", format="FORMAT", columns={"k": bh.String, "x": bh.Int}, time="ts", lateness="400d")
g = bh.FeatureGroup("g", source=clicks, keys=["k"], flush="10ms", deadline="20s", features=[bh.count(name="all"), bh.sum("x", name="sum"), bh.max("x", windows=["1d"])])
v = bh.FeatureView("v", groups=[g])
`

const (
	secureAvro  = `{"type":"record","name":"C","fields":[{"name":"k","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"x","type":"long"}]}`
	secureProto = "syntax = \"proto3\";\nimport \"google/protobuf/timestamp.proto\";\nmessage C { string k = 1; google.protobuf.Timestamp ts = 2; int64 x = 3; }"
)

// clickAt is a row as a format writes it, behind the registry's number of its schema.
func clickAt(t *testing.T, format string, schema int, k string, ms int64, x int) []byte {
	t.Helper()
	prefix := bin.BigEndian.AppendUint32([]byte{0}, uint32(schema))
	switch format {
	case "avro":
		b, err := avro.MustParse(secureAvro).AppendEncode(prefix, map[string]any{"k": k, "ts": time.UnixMilli(ms), "x": int64(x)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	case "protobuf":
		ts := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(ms/1000))
		b := protowire.AppendString(protowire.AppendTag(append(prefix, 0), 1, protowire.BytesType), k) // 0: the schema's first message
		b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), ts)
		return protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), uint64(x))
	}
	return fmt.Appendf(nil, `{"k":%q,"ts":%q,"x":%d}`, k, value.FormatTimestamp(ms), x)
}

// secureRegistry is a schema registry that wants a login, by HTTP and by HTTPS, and the file of all certificates to trust, the brokers' with it.
func secureRegistry(t *testing.T, ca string) (client *sr.Client, plain, secure, bundle string) {
	t.Helper()
	registry := srfake.New(srfake.WithAuth("Basic " + base64.StdEncoding.EncodeToString([]byte("registry:open-sesame"))))
	t.Cleanup(registry.Close)
	client, err := sr.NewClient(sr.URLs(registry.URL()), sr.BasicAuth("registry", "open-sesame"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(registry.URL())
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	t.Cleanup(front.Close)
	b, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})...)
	bundle = filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(bundle, b, 0o644); err != nil {
		t.Fatal(err)
	}
	login := strings.NewReplacer("://", "://registry:open-sesame@")
	return client, login.Replace(registry.URL()), login.Replace(front.URL), bundle
}

// TestSecureTopics reads topics of each format through the listener that wants TLS and a login, with schemas of a registry that wants one too, as
// bighead.toml says it: what is online is what batch makes of the same log. Where something of it is wrong, `doctor` and `status` say what.
func TestSecureTopics(t *testing.T) {
	broker := servers.Kafka(t)
	client, plain, secure, bundle := secureRegistry(t, broker.CA)
	producer, err := kgo.NewClient(kgo.SeedBrokers(broker.Address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	t.Setenv("KAFKA_PASSWORD", servers.KafkaPassword)
	t.Setenv("WRONG_PASSWORD", "guessed")
	for _, c := range []struct {
		name, format, mechanism, registry string
		password                          string // the variable that it is in
		ca                                string // "": those of the system
		says                              string // of the brokers, where something is wrong
	}{
		{"json by PLAIN", "json", "PLAIN", "", "KAFKA_PASSWORD", bundle, ""},
		{"json by SCRAM", "json", "SCRAM-SHA-512", "", "KAFKA_PASSWORD", bundle, ""},
		{"avro", "avro", "SCRAM-SHA-256", plain, "KAFKA_PASSWORD", bundle, ""},
		{"avro and a registry by TLS", "avro", "SCRAM-SHA-512", secure, "KAFKA_PASSWORD", bundle, ""},
		{"protobuf", "protobuf", "PLAIN", plain, "KAFKA_PASSWORD", bundle, ""},
		{"protobuf and a registry by TLS", "protobuf", "SCRAM-SHA-256", secure, "KAFKA_PASSWORD", bundle, ""},
		{"a wrong password", "json", "PLAIN", "", "WRONG_PASSWORD", bundle, "SASL_AUTHENTICATION_FAILED"},
		{"a wrong password by SCRAM", "json", "SCRAM-SHA-256", "", "WRONG_PASSWORD", bundle, "SASL_AUTHENTICATION_FAILED"},
		{"an authority that is not theirs", "json", "PLAIN", "", "KAFKA_PASSWORD", "", "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &topicWorld{T: t, broker: broker, client: producer}
			w.clicks = w.topic("clicks", 2)
			w.dir = smallProject(t, strings.NewReplacer("CLICKS", w.clicks, "FORMAT", c.format).Replace(secureFeatures))
			if err := os.WriteFile(filepath.Join(w.dir, "bighead.toml"), []byte(secureSettings(t, broker, c.mechanism, c.password, c.ca, c.registry)), 0o644); err != nil {
				t.Fatal(err)
			}
			w.run("apply", "--yes")
			if c.says != "" {
				w.refusedBy(c.says)
				return
			}
			if out := w.run("doctor"); !strings.Contains(out, "ok   brokers") {
				t.Errorf("doctor says %s", out)
			}
			schema := secureSchema(t, client, w.clicks, c.format)
			w.readsAll(func(k string, ms int64, x int) []byte { return clickAt(t, c.format, schema, k, ms, x) })
			if out := w.run("config"); strings.Contains(out, servers.KafkaPassword) || strings.Contains(out, "open-sesame") {
				t.Errorf("config shows a password: %s", out)
			}
		})
	}
}

// secureSettings are those of a project that reads by the secure listener.
func secureSettings(t *testing.T, broker *servers.Broker, mechanism, password, ca, registry string) string {
	t.Helper()
	text := fmt.Sprintf("[serve]\nlisten = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"30s\"\n[log]\nlevel = \"warn\"\n[stream]\nbrokers = [%q]\n", broker.Secure)
	if registry != "" {
		t.Setenv("REGISTRY", registry)
		text += "registry = \"${env:REGISTRY}\"\n"
	}
	text += fmt.Sprintf("[stream.sasl]\nmechanism = %q\nuser = %q\npassword = \"${env:%s}\"\n[stream.tls]\nenabled = true\n", mechanism, servers.KafkaUser, password)
	if ca != "" {
		text += fmt.Sprintf("ca = %q\n", ca)
	}
	return text
}

// refusedBy sees that a project whose brokers let it not in says so, and its passwords to nobody.
func (w *topicWorld) refusedBy(says string) {
	w.Helper()
	code, out, _ := bighead(w.T, w.dir, "doctor")
	if code != exitMistake || !strings.Contains(out, "BAD  brokers") || !strings.Contains(out, says) || strings.Contains(out, "guessed") {
		w.Errorf("doctor answers %d %s", code, out)
	}
	stop := upBeside(w.T, w.dir)
	defer stop()
	awaited(w.T, func() string { return containingOr(fmt.Sprint(w.status().Degraded), says) })
}

// readsAll writes rows to the topic of a project that is up, and sees that all are counted, as batch counts them.
func (w *topicWorld) readsAll(row func(k string, ms int64, x int) []byte) {
	w.Helper()
	stop := upBeside(w.T, w.dir)
	defer stop()
	for i := range 60 {
		w.sent++
		w.put(w.clicks, int32(i%2), &kgo.Record{Value: row(fmt.Sprintf("k%d", i%4), 1_704_067_200_000+int64(i)*60_000, i)})
	}
	w.arrived("clicks", w.sent)
	values := ""
	awaited(w.T, func() string {
		got, differs := sameAsBatch(w.T, w.run, "k0", "k1", "k2", "k3")
		values = fmt.Sprint(got)
		return map[bool]string{true: "same"}[len(differs) == 0 && strings.Contains(values, "[15 ")]
	})
	if values != "[[15 420 56] [15 435 57] [15 450 58] [15 465 59]]" {
		w.Errorf("the values are %s", values)
	}
}

// secureSchema registers what a topic's rows are written by; 0 where they need none.
func secureSchema(t *testing.T, client *sr.Client, topic, format string) int {
	t.Helper()
	schema := sr.Schema{Schema: secureAvro, Type: sr.TypeAvro}
	switch format {
	case "json":
		return 0
	case "protobuf":
		schema = sr.Schema{Schema: secureProto, Type: sr.TypeProtobuf}
	}
	got, err := client.CreateSchema(t.Context(), topic+"-value", schema)
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}
