package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// place is a broker that a test runs on.
type place struct {
	address string
	admin   *kadm.Client
	fake    *kfake.Cluster // nil: the real one
	writer  *kgo.Client
	topic   string
}

// everywhere runs a test on the fake broker and, without -short, on the real one.
func everywhere(t *testing.T, partitions int32, test func(t *testing.T, p *place)) {
	t.Run("fake", func(t *testing.T) { test(t, fakePlace(t, partitions)) })
	t.Run("real", func(t *testing.T) {
		b := server.Kafka(t)
		p := &place{address: b.Address, admin: b.Admin(), topic: b.Topic(t, partitions)}
		p.write(t)
		test(t, p)
	})
}

func fakePlace(t *testing.T, partitions int32, o ...kfake.Opt) *place {
	t.Helper()
	c, err := kfake.NewCluster(append(o, kfake.SeedTopics(partitions, "t"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	p := &place{address: c.ListenAddrs()[0], fake: c, topic: "t"}
	p.write(t)
	p.admin = kadm.NewClient(p.writer)
	return p
}

func (p *place) write(t *testing.T) {
	t.Helper()
	var err error
	p.writer, err = kgo.NewClient(kgo.SeedBrokers(p.address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(20*time.Millisecond), kgo.UnknownTopicRetries(-1), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.writer.Close)
}

// put writes records {"n": n} for n in [from, to), to partition n modulo partitions, at n seconds.
func (p *place) put(t *testing.T, from, to, partitions int) {
	t.Helper()
	var rs []*kgo.Record
	for n := from; n < to; n++ {
		rs = append(rs, &kgo.Record{Topic: p.topic, Partition: int32(n % partitions), Timestamp: time.Unix(int64(n), 0), Value: fmt.Appendf(nil, `{"n":%d}`, n)})
	}
	if err := p.writer.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (p *place) cluster(t *testing.T) *Cluster {
	t.Helper()
	c, err := New(Config{Brokers: []string{p.address}, Group: "g-" + p.topic, Refresh: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (p *place) open(t *testing.T, from dataset.From) dataset.TopicReader {
	t.Helper()
	r, err := p.cluster(t).Open(t.Context(), dataset.Topic{Name: p.topic, Schema: value.Schema{{Name: "n", Type: value.Int}}}, from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// read takes rows until there are so many, checks that each partition's come without gap in order, and gives what was had.
func read(t *testing.T, r dataset.TopicReader, rows int, had map[int32]int64) (ns []int64, now map[int32]int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	now = maps.Clone(had)
	if now == nil {
		now = map[int32]int64{}
	}
	for len(ns) < rows {
		a, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("after %d rows of %d: %v", len(ns), rows, err)
		}
		if len(a.Poison) > 0 {
			t.Fatalf("poison: %+v", a.Poison[0])
		}
		for i, o := range a.Offsets {
			if before, ok := now[a.Partition]; ok && o != before+1 {
				t.Fatalf("partition %d: offset %d after %d", a.Partition, o, before)
			}
			now[a.Partition] = o
			ns = append(ns, a.Rows.Columns[0].Ints[i])
		}
		if now[a.Partition] != a.Last {
			t.Fatalf("last %d, want %d", a.Last, now[a.Partition])
		}
	}
	slices.Sort(ns)
	return ns, now
}

func numbers(from, to int) (ns []int64) {
	for n := from; n < to; n++ {
		ns = append(ns, int64(n))
	}
	return ns
}

func same(t *testing.T, got, want []int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestReadingGoesOnFromItsPositions(t *testing.T) {
	everywhere(t, 3, func(t *testing.T, p *place) {
		p.put(t, 0, 30, 3)
		r := p.open(t, dataset.From{})
		got, had := read(t, r, 30, nil)
		same(t, got, numbers(0, 30))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		p.put(t, 30, 36, 3)
		r = p.open(t, dataset.From{Had: had, ID: r.ID()})
		got, had = read(t, r, 6, had)
		same(t, got, numbers(30, 36))
		lag, err := r.Lag(t.Context())
		if err != nil || fmt.Sprint(lag) != "[{0 11 12 0 33000} {1 11 12 0 34000} {2 11 12 0 35000}]" {
			t.Errorf("lag %v %v", lag, err)
		}
		p.put(t, 36, 38, 3)
		if lag, err = r.Lag(t.Context()); err != nil || lag[0].Records != 1 || lag[2].Records != 0 {
			t.Errorf("lag %v %v", lag, err)
		}
		if err := r.Commit(t.Context(), had); err != nil {
			t.Fatal(err)
		}
		committed, err := p.admin.FetchOffsets(t.Context(), "g-"+p.topic)
		if err != nil || committed[p.topic][0].At != 12 {
			t.Errorf("committed %v %v", committed, err)
		}
		// Partitions without a position begin at the time, the others where they stood.
		delete(had, 1)
		r = p.open(t, dataset.From{Had: had, Since: 20_500})
		got, _ = read(t, r, 7, had)
		same(t, got, []int64{22, 25, 28, 31, 34, 36, 37})
	})
}

func TestPartitionsThatAreAddedAreRead(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, p *place) {
		p.put(t, 0, 3, 1)
		r := p.open(t, dataset.From{Since: 2_000})
		got, _ := read(t, r, 1, nil)
		same(t, got, numbers(2, 3))
		if _, err := p.admin.CreatePartitions(t.Context(), 2, p.topic); err != nil {
			t.Fatal(err)
		}
		for known := 0; known < 3; { // the broker takes its time to know what it has made
			topics, err := p.admin.ListTopics(t.Context(), p.topic)
			if err != nil {
				t.Fatal(err)
			}
			known = len(topics[p.topic].Partitions)
		}
		p.writer.PurgeTopicsFromProducing(p.topic) // it knows one partition
		p.put(t, 100, 106, 3)
		got, _ = read(t, r, 6, nil)
		same(t, got, numbers(100, 106))
	})
}

func lostRecords(t *testing.T, err error, part string) *dataset.LostRecords {
	t.Helper()
	var lost *dataset.LostRecords
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v, want lost records: %s", err, part)
	}
	return lost
}

func (p *place) deleteBefore(t *testing.T, offset int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: p.topic, Partition: 0, At: offset})
	answers, err := p.admin.DeleteRecords(t.Context(), offsets)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatRetentionTookIsNamed(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, p *place) {
		p.put(t, 0, 10, 1)
		p.deleteBefore(t, 6)
		topic := dataset.Topic{Name: p.topic, Schema: value.Schema{{Name: "n", Type: value.Int}}}
		_, err := p.cluster(t).Open(t.Context(), topic, dataset.From{Had: map[int32]int64{0: 2}})
		lost := lostRecords(t, err, `partition 0: offset 3 should come next, and 3 offsets from it on were removed by retention`)
		if lost.Next != 3 || lost.First != 6 || lost.End != 10 {
			t.Errorf("%+v", lost)
		}
		_, err = p.cluster(t).Open(t.Context(), topic, dataset.From{Had: map[int32]int64{0: 10}})
		lostRecords(t, err, "the topic ends before it")
		_, err = p.cluster(t).Open(t.Context(), topic, dataset.From{Had: map[int32]int64{4: 10}})
		lostRecords(t, err, "no such partition")
		// The last that was had may be gone.
		got, _ := read(t, p.open(t, dataset.From{Had: map[int32]int64{0: 5}}), 4, map[int32]int64{0: 5})
		same(t, got, numbers(6, 10))
	})
}

// While a reader stands still, retention passes it: the records are fetched no more, and that is said.
func TestRetentionThatPassesAReader(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, p *place) {
		r := p.open(t, dataset.From{})
		c := r.(*Reader).Consumer
		p.put(t, 0, 3, 1)
		read(t, r, 3, nil)
		c.client.RemoveConsumePartitions(map[string][]int32{p.topic: {0}})
		p.put(t, 3, 9, 1)
		p.deleteBefore(t, 8)
		c.assign(map[int32]int64{0: c.at(0)})
		for range 2 { // it stays
			a, err := r.Next(t.Context())
			if err == nil {
				t.Fatalf("a silent jump to %v", a.Offsets)
			}
			if lost := lostRecords(t, err, "removed by retention"); lost.Next != 3 || lost.First != 8 {
				t.Errorf("%+v", lost)
			}
		}
	})
}

func (p *place) again(t *testing.T) {
	t.Helper()
	if _, err := p.admin.DeleteTopic(t.Context(), p.topic); err != nil {
		t.Fatal(err)
	}
	for { // the broker takes its time to forget the name
		if _, err := p.admin.CreateTopic(t.Context(), 1, 1, nil, p.topic); err == nil {
			return
		} else if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestATopicThatIsMadeAnewIsNotReadOn(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, p *place) {
		p.put(t, 0, 3, 1)
		r := p.open(t, dataset.From{})
		_, had := read(t, r, 3, nil)
		p.again(t)
		p.writer.PurgeTopicsFromProducing(p.topic)
		_, err := r.Next(t.Context())
		if err == nil || !strings.Contains(err.Error(), "deleted") {
			t.Fatalf("a reader that ran: %v", err)
		}
		p.put(t, 0, 9, 1)
		_, err = p.cluster(t).Open(t.Context(), dataset.Topic{Name: p.topic, Schema: value.Schema{{Name: "n", Type: value.Int}}}, dataset.From{Had: had, ID: r.ID()})
		lostRecords(t, err, "made anew")
	})
}

func TestTheRealBrokerIsWaitedFor(t *testing.T) {
	b := server.Kafka(t)
	p := &place{address: b.Address, admin: b.Admin(), topic: b.Topic(t, 2)}
	p.write(t)
	p.put(t, 0, 10, 2)
	r := p.open(t, dataset.From{})
	got, had := read(t, r, 10, nil)
	same(t, got, numbers(0, 10))
	b.Down(true)
	if err := b.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.put(t, 10, 20, 2)
	got, _ = read(t, r, 10, had)
	same(t, got, numbers(10, 20))
}

// Partitions get other leaders, and other members of a group come and go: neither moves a reader.
func TestReadingSurvivesNewLeadersAndMembers(t *testing.T) {
	p := fakePlace(t, 2, kfake.NumBrokers(3))
	p.put(t, 0, 10, 2)
	r := p.open(t, dataset.From{})
	_, had := read(t, r, 10, nil)
	for step := range int32(3) {
		for partition := range int32(2) {
			if err := p.fake.MoveTopicPartition(p.topic, partition, (step+partition)%3); err != nil {
				t.Fatal(err)
			}
		}
		from := 10 * int(step+1)
		p.put(t, from, from+10, 2)
		var got []int64
		got, had = read(t, r, 10, had)
		same(t, got, numbers(from, from+10))
	}
	member, err := kgo.NewClient(kgo.SeedBrokers(p.address), kgo.ConsumerGroup("g-"+p.topic), kgo.ConsumeTopics(p.topic), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	member.PollFetches(t.Context())
	p.put(t, 100, 104, 2)
	got, had := read(t, r, 4, had)
	same(t, got, numbers(100, 104))
	if err := r.Commit(t.Context(), had); err == nil || !strings.Contains(err.Error(), "members of its own") {
		t.Errorf("commit beside a member: %v", err)
	}
}

// While nobody calls Next, no more is fetched than the buffer holds.
func TestFetchingPausesForItsReader(t *testing.T) {
	p := fakePlace(t, 1)
	value := make([]byte, 100_000)
	const records = 600 // 60 MB
	for range records {
		p.writer.Produce(t.Context(), &kgo.Record{Topic: p.topic, Value: value}, nil)
	}
	if err := p.writer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var fetches atomic.Int32
	looked := make(chan struct{})
	p.fake.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		p.fake.KeepControl()
		fetches.Add(1)
		return nil, nil, false
	})
	p.fake.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		p.fake.KeepControl()
		select {
		case looked <- struct{}{}:
		default:
		}
		return nil, nil, false
	})
	c, err := Start(t.Context(), Config{Brokers: []string{p.address}, Refresh: 10 * time.Millisecond}, p.topic, dataset.From{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 50 { // the reader lives on, and looks for partitions
		<-looked
	}
	if n := fetches.Load(); n > 4 {
		t.Errorf("%d fetches for one batch", n)
	}
	if held := c.client.BufferedFetchBytes(); held > 2*fetchBytes {
		t.Errorf("%d bytes wait", held)
	}
	rest := 0
	for rest < records-1 {
		b, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rest = int(b.Records[len(b.Records)-1].Offset)
	}
}

func TestDeadLettersAreTheRecordsThemselves(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, p *place) {
		for _, v := range []string{`{"n":1}`, `{"n":"x"}`, `{"n":2}`} {
			r := &kgo.Record{Topic: p.topic, Key: []byte("k"), Value: []byte(v), Timestamp: time.UnixMilli(stamp), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
			if err := p.writer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		r := p.open(t, dataset.From{})
		var dead []dataset.Poison
		for rows := 0; rows < 2; {
			a, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rows, dead = rows+a.Rows.N, append(dead, a.Poison...)
		}
		c := p.cluster(t)
		if err := c.Bury(t.Context(), p.topic, dead); err != nil {
			t.Fatal(err)
		}
		consumer, err := Start(t.Context(), c.config, p.topic, dataset.From{Had: map[int32]int64{0: 2}})
		if err != nil {
			t.Fatal(err)
		}
		defer consumer.Close()
		b, err := consumer.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := b.Records[0]
		headers := ""
		for _, h := range got.Headers {
			headers += h.Key + "=" + string(h.Value) + ";"
		}
		if want := `h=v;bighead.topic=` + p.topic + `;bighead.partition=0;bighead.offset=1;bighead.time_ms=1700000000000;bighead.reason=column "n": "\"x\"" is not an int;`; !strings.HasPrefix(headers, want[:len(want)-1]) {
			t.Errorf("headers %s\nwant %s", headers, want)
		}
		if string(got.Key) != "k" || string(got.Value) != `{"n":"x"}` {
			t.Errorf("key %s value %s", got.Key, got.Value)
		}
		if err := c.Bury(t.Context(), "no-such-topic", dead); err == nil || !strings.Contains(err.Error(), "no-such-topic") {
			t.Errorf("a topic that is not there: %v", err)
		}
	})
}

func TestTheRealBrokersLogins(t *testing.T) {
	b := server.Kafka(t)
	topic := b.Topic(t, 1)
	secure := Config{Brokers: []string{b.Secure}, TLS: TLS{On: true, CA: b.CA}}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "scram-sha-512"} {
		for _, password := range []string{server.KafkaPassword, "wrong"} {
			c := secure
			c.SASL = SASL{mechanism, server.KafkaUser, password}
			consumer, err := Start(t.Context(), c, topic, dataset.From{})
			switch {
			case err == nil:
				consumer.Close()
				if password == "wrong" {
					t.Errorf("%s: a wrong password is taken", mechanism)
				}
			case password != "wrong" || !strings.Contains(strings.ToLower(err.Error()), "authentication"):
				t.Errorf("%s %s: %v", mechanism, password, err)
			}
		}
	}
}

func TestConfigsThatCannotBe(t *testing.T) {
	for part, c := range map[string]Config{
		"no brokers":          {},
		`broker "x"`:          {Brokers: []string{"x"}},
		"without a mechanism": {Brokers: []string{"x:1"}, SASL: SASL{User: "u"}},
		`mechanism "GSSAPI"`:  {Brokers: []string{"x:1"}, SASL: SASL{Mechanism: "GSSAPI"}},
		"certificates of the": {Brokers: []string{"x:1"}, TLS: TLS{On: true, CA: "/no/such"}},
		"holds no PEM":        {Brokers: []string{"x:1"}, TLS: TLS{On: true, CA: "broker_test.go"}},
		"our own certificate": {Brokers: []string{"x:1"}, TLS: TLS{On: true, Cert: "/no/such", Key: "/no/such"}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v, want %s", err, part)
		}
	}
	p := fakePlace(t, 1)
	if _, err := p.cluster(t).Open(t.Context(), dataset.Topic{Name: "none", Schema: value.Schema{{Name: "n", Type: value.Int}}}, dataset.From{}); err == nil || !strings.Contains(err.Error(), `no topic "none"`) {
		t.Error(err)
	}
}

func TestAbortedTransactionsAreNotSeen(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, p *place) {
		w, err := kgo.NewClient(kgo.SeedBrokers(p.address), kgo.TransactionalID("w-"+p.topic), kgo.TransactionTimeout(10*time.Minute), kgo.DefaultProduceTopic(p.topic))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for n, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
			if err := w.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := w.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf(`{"n":%d}`, n))).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := w.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		r := p.open(t, dataset.From{})
		a, err := r.Next(t.Context())
		if err != nil || a.Rows.N != 1 || a.Rows.Columns[0].Ints[0] != 1 || a.Last != 2 {
			t.Fatalf("%+v %v", a, err)
		}
	})
}
