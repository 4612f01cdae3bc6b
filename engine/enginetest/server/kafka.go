package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/engine/enginetest/fetch"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// kafkaConf is all of the broker's configuration: broker and controller in one. A broker that is started again has to wait until its session
// before is over, and so that is not longer; one that stood still for longer has no leaders for a moment. %[1]d, %[2]d and %[3]d are the ports of the open
// listener, the controller and the secure listener, %[4]s the certificate with its key in one line, %[5]s user and %[6]s password.
// Records of tests have times of years ago, and are to stay all the same: retention would remove them at its next look.
const kafkaConf = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d,SECURE://127.0.0.1:%[3]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d,SECURE://127.0.0.1:%[3]d
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=data
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.ms=-1
controlled.shutdown.enable=false
broker.session.timeout.ms=20000
initial.broker.registration.timeout.ms=1200000
log.cleaner.dedupe.buffer.size=8388608
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%[5]s="%[6]s";
listener.name.secure.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.certificate.chain=%[4]s
`

// The one user that the secure listener knows, by PLAIN and by SCRAM.
const (
	KafkaUser     = "reader"
	KafkaPassword = "correct-horse"
)

// Broker is a running Kafka of one node, whose files end with it.
type Broker struct {
	Address string // host:port, open to all who reach loopback
	Secure  string // host:port, TLS and SASL
	CA      string // file with the certificate that signs the secure listener's, PEM

	server *Server
	home   fetch.Home
	admin  *kadm.Client
}

// StartKafka fetches Kafka if need be and starts a broker without topics.
func StartKafka(ctx context.Context) (*Broker, error) {
	home, err := fetch.Kafka(ctx)
	if err != nil {
		return nil, err
	}
	b := &Broker{home: home}
	if b.server, err = start(ctx, home, "kafka", b.run); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address))
	if err != nil {
		b.server.Stop()
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	b.admin = kadm.NewClient(client)
	return b, nil
}

func (b *Broker) run(ctx context.Context, home fetch.Home, s *Server) error {
	ports, err := proc.FreePorts(3)
	if err != nil {
		return err
	}
	at := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	b.server, b.Address, b.Secure, b.CA = s, at(ports[0]), at(ports[2]), filepath.Join(s.dir, "ca.pem")
	cert, key, err := SelfSigned()
	if err != nil {
		return err
	}
	escape := func(pem []byte) string { return strings.ReplaceAll(string(pem), "\n", "\\n") }
	conf := fmt.Sprintf(kafkaConf, ports[0], ports[1], ports[2], escape(cert), KafkaUser, KafkaPassword) + "ssl.keystore.key=" + escape(key) + "\n"
	for name, text := range map[string]string{"server.properties": conf, "log4j2.properties": warnings, "ca.pem": string(cert)} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	id := base64.RawURLEncoding.EncodeToString([]byte("bighead-test-kfk"))
	format := []string{"kafka.tools.StorageTool", "format", "-t", id, "-c", "server.properties"}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, KafkaUser, KafkaPassword))
	}
	if err := proc.Run(ctx, s.javaSpec(home, "format", nil, b.args(format...)...)); err != nil {
		return err
	}
	return b.begin(ctx)
}

func (b *Broker) args(main ...string) []string {
	return append([]string{
		"-Xmx384m", "-Dlog4j2.configurationFile=" + filepath.Join(b.server.dir, "log4j2.properties"), "-cp", filepath.Join(b.home.Dir, "lib", "*"),
	}, main...)
}

// begin starts the broker's process and waits until it answers.
func (b *Broker) begin(ctx context.Context) error {
	p, err := b.server.java(b.home, fmt.Sprintf("broker-%d", len(b.server.procs)), nil, b.args("kafka.Kafka", "server.properties")...)
	if err != nil {
		return err
	}
	return p.Ready(ctx, func(ctx context.Context) error {
		client, err := kgo.NewClient(kgo.SeedBrokers(b.Address))
		if err != nil {
			return err
		}
		defer client.Close()
		brokers, err := kadm.NewClient(client).ListBrokers(ctx)
		if err == nil && len(brokers) == 0 {
			err = fmt.Errorf("the broker has not registered")
		}
		return err
	})
}

// Down ends the broker's process and keeps its data: in order, or at once as kill -9 does.
func (b *Broker) Down(atOnce bool) {
	p := b.server.procs[len(b.server.procs)-1]
	if atOnce {
		p.Kill()
	}
	p.Stop()
}

// Up starts the broker again after Down, at the same addresses and with its data.
func (b *Broker) Up(ctx context.Context) error { return b.begin(ctx) }

// Stop ends the broker and removes its files.
func (b *Broker) Stop() {
	b.admin.Close()
	b.server.Stop()
}

// Logs is the end of what the broker wrote, for messages of tests.
func (b *Broker) Logs() string { return b.server.Logs() }

// Admin is for what tests do to a broker: create topics, delete records.
func (b *Broker) Admin() *kadm.Client { return b.admin }

// Make makes topics, and waits until the broker knows them: what it has just made it may not for a moment, and would tell a client so.
func (b *Broker) Make(ctx context.Context, partitions int32, settings map[string]*string, names ...string) error {
	made, err := b.admin.CreateTopics(ctx, partitions, 1, settings, names...)
	if err == nil {
		err = made.Error()
	}
	for err == nil {
		var known kadm.TopicDetails
		if known, err = b.known(ctx, names); err == nil && ready(known, names, int(partitions)) {
			return nil
		}
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("make topics %s: %w", strings.Join(names, ", "), err)
}

// known asks the broker, and not the client's memory, what it knows of topics.
func (b *Broker) known(ctx context.Context, names []string) (kadm.TopicDetails, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Address))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return kadm.NewClient(client).ListTopics(ctx, names...)
}

// ready tells whether all partitions of the topics have a leader.
func ready(known kadm.TopicDetails, names []string, partitions int) bool {
	for _, name := range names {
		d, ok := known[name]
		if !ok || d.Err != nil || len(d.Partitions) != partitions {
			return false
		}
		for _, p := range d.Partitions {
			if p.Err != nil || p.Leader < 0 {
				return false
			}
		}
	}
	return true
}

// Topic makes a topic for the test, which is deleted with it. Settings are pairs of name and value.
func (b *Broker) Topic(t testing.TB, partitions int32, settings ...string) string {
	t.Helper()
	name := strings.NewReplacer("/", ".", "#", ".").Replace(t.Name())
	configs := map[string]*string{}
	for i := 0; i+1 < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	if err := b.Make(t.Context(), partitions, configs, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := b.admin.DeleteTopic(context.Background(), name); err != nil {
			t.Errorf("delete topic %s: %v", name, err)
		}
	})
	return name
}
