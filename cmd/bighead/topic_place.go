package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
)

// topicPlace is what is known of the topic that a source's log holds, beside the positions of its rows: the file `topic` in the log's folder.
type topicPlace struct {
	Topic string `json:"topic"`
	ID    string `json:"id"` // the topic's own, hexadecimal
	// From is the time of records from which on it is read, ms; 0: all of it. Since is from when on the log has every event of it.
	From  int64 `json:"from"`
	Since int64 `json:"since"`
	// Had are the last offsets of which everything is kept, by partition; the log's own positions may be further.
	Had map[int32]int64 `json:"had"`
}

const topicName = "topic"

// readTopicPlace reads it; nil where the log has nothing of a topic yet.
func readTopicPlace(p *project.Project, s *feature.Source) (*topicPlace, error) {
	file := filepath.Join(logFolder(p, s), topicName)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	place := &topicPlace{}
	if err := json.Unmarshal(b, place); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; without it, the topic is read on from the last rows in the log", file, err)
	}
	return place, nil
}

func (place *topicPlace) write(p *project.Project, s *feature.Source) error {
	b, err := json.Marshal(place)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(logFolder(p, s), topicName), append(b, '\n'))
}

// otherTopic says that a log has rows of another topic than the source names now.
type otherTopic struct{ source, had, now string }

func (e *otherTopic) Error() string {
	return fmt.Sprintf("the event log of source %q has rows of topic %q, and the source names %q now, whose offsets begin anew: give the source another name, or move its log's folder and the online store away to begin anew",
		e.source, e.had, e.now)
}

// open opens the topic behind what the log has of it. A topic that is new begins at the offset of B − lateness where all groups have a batch
// watermark B, else at its beginning; from then on the source's groups are complete.
func (r *reading) open(ctx context.Context) (dataset.TopicReader, *topicPlace, error) {
	place, err := readTopicPlace(r.t.project, r.source)
	if err != nil {
		return nil, nil, err
	}
	if place != nil && place.Topic != r.topic.Name {
		return nil, nil, &otherTopic{r.source.Name, place.Topic, r.topic.Name}
	}
	from, fresh, err := r.from(place)
	if err != nil {
		return nil, nil, err
	}
	within, cancel := context.WithTimeout(ctx, topicOpen)
	defer cancel()
	reader, err := r.t.broker.Open(within, r.topic, from)
	if err != nil {
		if within.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("the brokers do not answer: %w", err)
		}
		return nil, nil, err
	}
	id := reader.ID()
	now := &topicPlace{Topic: r.topic.Name, ID: hex.EncodeToString(id[:]), From: from.Since, Had: from.Had}
	if now.Since = plan.MinTime; fresh {
		now.Since, err = r.complete(ctx, reader)
	} else if place != nil {
		now.Since = place.Since
	}
	if err == nil {
		err = now.write(r.t.project, r.source)
	}
	if err != nil {
		return nil, nil, errors.Join(err, reader.Close())
	}
	r.mu.Lock()
	r.had = maps.Clone(from.Had)
	r.mu.Unlock()
	return reader, now, nil
}

// from is where the topic is read from; fresh: nothing was had of it before.
func (r *reading) from(place *topicPlace) (from dataset.From, fresh bool, err error) {
	from.Had = map[int32]int64{}
	positions, err := r.t.stream.Positions(r.source.Name)
	if err != nil {
		return from, false, err
	}
	for p, offset := range positions {
		if p >= 0 { // else they were pushed
			from.Had[p] = offset
		}
	}
	if place == nil {
		if fresh = len(from.Had) == 0; fresh {
			from.Since = r.begins()
		}
		return from, fresh, nil
	}
	for p, offset := range place.Had {
		if had, ok := from.Had[p]; !ok || offset > had {
			from.Had[p] = offset
		}
	}
	from.Since = place.From
	b, err := hex.DecodeString(place.ID)
	copy(from.ID[:], b)
	return from, false, err
}

// begins is the time of records from which on a topic that is new is read; 0: all of it.
func (r *reading) begins() int64 {
	least := int64(plan.MaxTime)
	for _, s := range r.t.stream.Status().Sources {
		if s.Source != r.source.Name {
			continue
		}
		for _, g := range s.Groups {
			least = min(least, g.Marks.Batch)
		}
	}
	if least == plan.MaxTime || least == plan.MinTime {
		return 0
	}
	return max(least-r.source.Lateness, 0)
}

// complete tells the stream from when on it will have every event of the source.
func (r *reading) complete(ctx context.Context, reader dataset.TopicReader) (int64, error) {
	since, whole := reader.Began()
	if whole && r.source.Place.Path == "" && r.source.Place.Table == "" {
		since = plan.MinTime // there was nothing before
	}
	return since, r.t.stream.SetComplete(ctx, r.source.Name, since)
}

// watch looks now and then at where the topic ends, and notes how far we are.
func (r *reading) watch(ctx context.Context, reader dataset.TopicReader, place *topicPlace) {
	tick := time.NewTicker(topicLook)
	defer tick.Stop()
	for {
		r.look(ctx, reader)
		r.note(ctx, reader, place)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look asks the brokers where the topic ends. A reader waits for brokers that are away without a word, so that is said here.
func (r *reading) look(ctx context.Context, reader dataset.TopicReader) {
	within, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	lags, err := reader.Lag(within)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	away := ""
	if err != nil {
		away = "the brokers do not answer: " + err.Error()
	}
	if (away == "") != (r.away == "") {
		r.say().Warn("the brokers of a topic", "answer", err == nil, "error", away)
	}
	if r.away = away; err != nil {
		return
	}
	now, first := time.Now(), r.ends == nil
	if first {
		r.ends = map[int32]int64{}
	}
	r.lags, r.reached = lags, true
	for _, l := range lags {
		if first {
			r.ends[l.Partition] = l.End
		}
		if l.Records == 0 {
			r.caught[l.Partition] = now
		}
		if l.Had+1 < r.ends[l.Partition] {
			r.reached = false
		}
	}
}

// note keeps how far we are, and shows it under the group's name.
func (r *reading) note(ctx context.Context, reader dataset.TopicReader, place *topicPlace) {
	r.mu.Lock()
	had := maps.Clone(r.had)
	r.mu.Unlock()
	if maps.Equal(had, place.Had) {
		return
	}
	place.Had = had
	if err := place.write(r.t.project, r.source); err != nil {
		r.say().Warn("how far a topic was read cannot be noted; its dead letters may come twice after a restart", "error", err)
	}
	if err := reader.Commit(ctx, had); err != nil && ctx.Err() == nil {
		r.say().Warn("how far a topic was read cannot be shown to the consumer group; it is read all the same", "error", err)
	}
}
