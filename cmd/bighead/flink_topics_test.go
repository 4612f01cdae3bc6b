package main

import (
	"errors"
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
	s.side.reader.Leave(t.Context(), s.job.space().ID) // which asks too
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
