package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// without deletes a topic, and makes it anew where it is to have records, so many in each partition.
func (s *seeing) without(topic string, records int) {
	s.Helper()
	if answers, err := s.admin.DeleteTopics(s.Context(), topic); err != nil || answers.Error() != nil {
		s.Fatal(err, answers.Error())
	}
	if records > 0 {
		s.with(topic, records)
	}
}

func (s *seeing) with(topic string, records int) {
	s.Helper()
	if _, err := s.admin.CreateTopic(s.Context(), 2, 1, nil, topic); err != nil {
		s.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.side.project.Config.Strings("stream.brokers")...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		s.Fatal(err)
	}
	defer client.Close()
	for i := range 2 * records {
		if err := client.ProduceSync(s.Context(), &kgo.Record{Topic: topic, Partition: int32(i % 2), Value: []byte("{}")}).FirstErr(); err != nil {
			s.Fatal(err)
		}
	}
}

// TestTopicsGoUnderAJob deletes topics under a job, of which Flink says nothing, and makes them anew: no job folds what comes of another topic on top of
// what it had, and none goes on to write a topic that lacks what it had written.
func TestTopicsGoUnderAJob(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(s *seeing, first jobEntry)
		why  []string
		all  bool // its source has all that there ever was
	}{
		{"source made anew", func(s *seeing, first jobEntry) { s.without("clicks", 4) }, []string{`topic "clicks" of source "clicks" (features.py:3:`, "was deleted and made anew", "job job1 had read", "consumer group", "load a backfill"}, false},
		{"source made anew, with more than was read", func(s *seeing, first jobEntry) { s.without("clicks", 40) }, []string{"was deleted and made anew"}, false},
		{"source made anew after a savepoint", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			s.without("clicks", 4)
			s.again(1)
		}, []string{`topic "clicks" of source "clicks"`, "was deleted and made anew"}, false},
		{"source deleted", func(s *seeing, first jobEntry) {
			s.without("clicks", 0)
			for look := range 3 {
				trouble, _ := s.steps()
				for _, want := range []string{`group "g" (features.py:4:`, `topic "clicks" of source "clicks" (features.py:3:`, "was deleted", "bh/", "job1", first.Group, "make the topic again"} {
					if !strings.Contains(trouble, want) {
						s.Errorf("look %d says %q, and not %q", look, trouble, want)
					}
				}
				if lives := s.flink.job(first.ID).state.lives(); lives != (look == 0) || len(s.flink.jobs) != 1 {
					s.Errorf("after look %d the job lives: %v, of %d", look, lives, len(s.flink.jobs))
				}
			}
			s.with("clicks", 4)
		}, []string{"was deleted and made anew"}, false},
		{"parts deleted", func(s *seeing, first jobEntry) { s.without(first.Topic, 0) }, []string{"which job job1 wrote its tiles to, was deleted"}, true},
		{"parts made anew", func(s *seeing, first jobEntry) { s.without(first.Topic, 1) }, []string{"wrote its tiles to, was deleted and made anew"}, true},
		{"parts deleted after a savepoint", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			s.without(first.Topic, 0)
			s.again(1)
		}, []string{"wrote its tiles to, was deleted"}, true},
		{"both", func(s *seeing, first jobEntry) { s.without(first.Topic, 0); s.without("clicks", 4) }, []string{`topic "clicks"`}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSeeing(t)
			first := s.runs()
			s.commits(first.Group, 4)
			awaited(t, func() string {
				if is, _ := s.side.tiles(s.job.space().ID); is.Filling {
					return ""
				}
				return "it is filled"
			})
			before := outside.clock()
			c.lose(s, first)
			e := s.runs()
			j := s.flink.job(e.ID)
			if e.ID == first.ID || j.from != "" || e.Savepoint != "" || e.Run != first.Run+1 || j.group == first.Group || s.flink.job(first.ID).state.lives() || e.Topic == first.Topic || e.TopicID == first.TopicID {
				t.Errorf("it begins as %+v, and is remembered as %+v", j, e)
			}
			for _, want := range c.why {
				if !strings.Contains(e.Anew, want) {
					t.Errorf("it says %q, and not %q", e.Anew, want)
				}
			}
			if again := s.runs(); again.ID != e.ID {
				t.Errorf("it is begun again: %+v", again)
			}
			if is, _ := s.side.tiles(s.job.space().ID); is.Marks.Complete != plan.MaxTime {
				t.Errorf("before it is filled: %+v", is)
			}
			if (e.Since == plan.MinTime) != c.all || !c.all && (e.Since < before || e.SourceID == first.SourceID) {
				t.Errorf("it has seen everything since %s", value.FormatTimestamp(e.Since))
			}
			s.commits(e.Group, 40)
			awaited(t, func() string {
				if is, _ := s.side.tiles(s.job.space().ID); is.Filling || is.Marks.Complete != e.Since {
					return ""
				}
				return "it is filled"
			})
		})
	}
}

// TestAJobThatIsToBeUprootedAndCantBe has Flink refuse to end the job: that, and why it is to end, is said, and it is tried again.
func TestAJobThatIsToBeUprootedAndCantBe(t *testing.T) {
	s := newSeeing(t)
	first := s.runs()
	s.without("clicks", 4)
	s.flink.deaf = errors.New("no ears")
	if trouble, e := s.steps(); !strings.Contains(trouble, `group "g"`) || !strings.Contains(trouble, "made anew") || !strings.Contains(trouble, "no ears") || e.ID != first.ID {
		t.Errorf("it says %q of %+v", trouble, e)
	}
	s.without("clicks", 0)
	s.steps()
	if trouble, _ := s.steps(); !strings.Contains(trouble, "was deleted") || !strings.Contains(trouble, "no ears") {
		t.Errorf("of a topic that is gone it says %q", trouble)
	}
	s.flink.deaf = nil
	if s.steps(); s.flink.job(first.ID).state.lives() {
		t.Error("the job lives on")
	}
}

// TestOneLookDoesNotEndAJob has brokers not know a topic for a moment, as those that have just begun do: the job runs on.
func TestOneLookDoesNotEndAJob(t *testing.T) {
	s := newSeeing(t)
	first := s.runs()
	s.kafka.ControlKey(int16(kmsg.Metadata), func(q kmsg.Request) (kmsg.Response, error, bool) {
		r := q.(*kmsg.MetadataRequest).ResponseKind().(*kmsg.MetadataResponse)
		for _, b := range q.(*kmsg.MetadataRequest).Topics {
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic, topic.ErrorCode = b.Topic, 3
			r.Topics = append(r.Topics, topic)
		}
		return r, nil, true
	})
	_ = s.side.reader.Leave(t.Context(), s.job.space().ID) // which asks too
	if trouble, _ := s.steps(); !strings.Contains(trouble, "was deleted") {
		t.Errorf("the look says %q", trouble)
	}
	if e := s.runs(); e.ID != first.ID || len(s.flink.jobs) != 1 {
		t.Errorf("it is begun again: %+v", e)
	}
}

// TestANewSpaceOverATopicThatWasMadeAnew begins a space whose source's log is of the topic before: it is not said to have seen what that one had.
func TestANewSpaceOverATopicThatWasMadeAnew(t *testing.T) {
	for id, all := range map[string]bool{"": true, "00112233445566778899aabbccddeeff": false} {
		s := newSeeing(t)
		if err := os.MkdirAll(logFolder(s.side.project, s.job.space().Group.Source), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := (&topicPlace{Topic: "clicks", ID: id}).write(s.side.project, s.job.space().Group.Source); err != nil {
			t.Fatal(err)
		}
		if e := s.runs(); (e.Since == plan.MinTime) != all {
			t.Errorf("where the log is of topic %q it has seen everything since %s", id, value.FormatTimestamp(e.Since))
		}
	}
}

// TestAJobOfAnOlderBighead has an entry without IDs: the topics are taken for what they are, and what happens from then on is seen.
func TestAJobOfAnOlderBighead(t *testing.T) {
	s := newSeeing(t)
	first := s.runs()
	s.job.entry.SourceID, s.job.entry.TopicID = "", ""
	if e := s.runs(); e.ID != first.ID || e.SourceID != first.SourceID || e.TopicID != first.TopicID {
		t.Errorf("it is remembered as %+v", e)
	}
	s.without("clicks", 4)
	if e := s.runs(); e.ID == first.ID {
		t.Error("it goes on")
	}
}

// drop deletes a topic, and make makes it anew; the first is done when no broker knows it.
func (w *flinkWorld) drop(topic string) {
	w.Helper()
	if _, err := w.broker.Admin().DeleteTopic(w.Context(), topic); err != nil {
		w.Fatal(err)
	}
	w.patient("the topic is deleted", func() bool {
		topics, err := w.broker.Admin().ListTopics(w.Context())
		return err == nil && !topics.Has(topic)
	})
}

func (w *flinkWorld) make(topic string) {
	w.Helper()
	if _, err := w.broker.Admin().CreateTopic(w.Context(), 2, 1, nil, topic); err != nil {
		w.Fatal(err)
	}
	w.client.PurgeTopicsFromClient(topic)
	w.sent = 0
}

// keyCount is how many events of a key are counted online, and whether that is said to be whole.
type keyCount struct {
	events int
	whole  bool
}

// counted asks for one key after the other: what it says of two of them may be of before and after something that happened meanwhile.
func (w *flinkWorld) counted() map[string]keyCount {
	w.Helper()
	all := map[string]keyCount{}
	for _, key := range []string{"k0", "k1", "k2", "k3"} {
		v := vectorOf(w.T, w.run("get", "v", "k="+key, "--json"))
		is, err := statusesOf(v.Rows[0].Status, len(v.Features))
		if err != nil {
			w.Fatal(err)
		}
		i, n := slices.Index(v.Features, "g__all"), 0
		if text := string(v.Rows[0].Values[i]); text != "null" {
			if _, err := fmt.Sscan(text, &n); err != nil {
				w.Fatal(err)
			}
		}
		all[key] = keyCount{n, is[i] == "present"}
	}
	return all
}

// summed is how many events of all keys are counted, and of how many keys that is whole.
func summed(all map[string]keyCount) (events, whole int) {
	for _, c := range all {
		events += c.events
		if c.whole {
			whole++
		}
	}
	return events, whole
}

// TestTopicsGoUnderFlink deletes the topics of a job that runs on the real Flink, which says nothing of it, and makes the source's anew with other events. What is
// deleted is said, with whose it is and what is to be done; values are what they were, or partial and of the new topic alone.
func TestTopicsGoUnderFlink(t *testing.T) {
	w := newFlinkWorld(t)
	w.run("apply", "--yes")
	w.events(300)
	upBeside(t, w.dir)
	w.buried(w.dead)
	w.same()

	before := w.status().Flink[0]
	w.drop(before.Topic)
	w.patient("a job begins anew, and writes another topic", func() bool {
		s := w.status().Flink[0]
		return s.State == "RUNNING" && s.ID != before.ID && s.Topic != before.Topic && strings.Contains(s.Anew, before.Topic) && s.Filled
	})
	w.same()
	old := w.counted()
	if n, whole := summed(old); n != w.sent || whole != 4 {
		t.Errorf("of %d events are counted %v", w.sent, old)
	}

	w.drop(w.topic)
	w.patient("that the source's topic was deleted is said, and its job ended", func() bool {
		said := strings.Join(w.status().Degraded, "\n")
		n, err := w.flink.Jobs(w.Context(), "bh/"+w.Name())
		return err == nil && n == 0 && strings.Contains(said, `group "g" (features.py:4:`) && strings.Contains(said, fmt.Sprintf("topic %q of source", w.topic)) && strings.Contains(said, "features.py:3:") &&
			strings.Contains(said, "was deleted") && strings.Contains(said, "consumer group") && strings.Contains(said, "make the topic again")
	})
	t.Log(w.run("status"))
	if now := w.counted(); !maps.Equal(now, old) {
		t.Errorf("%v are counted now, and before the topic went %v", now, old)
	}

	w.make(w.topic)
	w.events(100)
	w.patient("the new topic's events are counted, and no other", func() bool {
		s := w.status().Flink[0]
		now := w.counted()
		n, whole := summed(now)
		for key, c := range now {
			if c.whole && c != old[key] || !c.whole && c.events > 100 {
				t.Fatalf("of key %s is counted %+v, and before the topic went %+v", key, c, old[key])
			}
		}
		return s.State == "RUNNING" && strings.Contains(s.Anew, "was deleted and made anew") && n == 100 && whole == 0
	})

	job := w.status().Flink[0]
	w.drop(w.topic)
	w.make(w.topic)
	w.events(250) // more than the job had read
	w.patient("of a topic that is made anew at once, too", func() bool {
		s := w.status().Flink[0]
		n, whole := summed(w.counted())
		return s.State == "RUNNING" && s.ID != job.ID && strings.Contains(s.Anew, "was deleted and made anew") && s.Filled && n == 250 && whole == 0
	})
	said := w.run("status")
	t.Log(said)
	for _, want := range []string{"began anew", fmt.Sprintf("topic %q of source \"clicks\" (features.py:3:", w.topic), "load a backfill", "deleted and made anew: its offsets say nothing of what was had", "move its log's folder"} {
		if !strings.Contains(said, want) {
			t.Errorf("status does not say %q", want)
		}
	}
}
