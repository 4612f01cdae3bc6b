package kafka

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// Schemas is a schema registry. What has been read of it stays, since a registered schema never changes. It is safe for concurrent use.
type Schemas struct {
	client *sr.Client
	mu     sync.Mutex
	known  map[subjectID]*registered
}

// subjectID is a schema's number under the subject that a topic means, since one schema may stand under several.
type subjectID struct {
	subject string
	id      int
}

// registered is one schema.
type registered struct {
	id      int
	subject string // "": the registry does not say
	version int
	schema  sr.Schema
	message map[string]message // parsed, by the message's index within it
}

// message is what a schema says of a payload.
type message interface {
	// typeOf is a path's type as ours; "" in place of a type that is none of ours is a problem. ok: there is such a field.
	typeOf(path []string) (t value.Type, problem string, ok bool)
	// required says that the field is in every payload and never null.
	required(path []string) bool
	// names are the fields of the message, for those who misspell one.
	names() []string
	// compile makes what reads the fields, which it finds by name; units are those of integers that are times. Paths that the schema lacks are
	// given to absent, and are null.
	compile(fields value.Schema, units map[string]string, absent func(path []string) error) (reading, error)
}

// reading reads a payload into the slots of cells; an error is of this payload alone.
type reading func(payload []byte, into *cells) error

// NewSchemas makes a client of a registry; nothing is asked yet.
func NewSchemas(c Registry) (*Schemas, error) {
	options := []sr.ClientOpt{sr.URLs(c.URLs...)}
	if c.User != "" {
		options = append(options, sr.BasicAuth(c.User, c.Password))
	}
	if c.TLS.On {
		t, err := c.TLS.Config()
		if err != nil {
			return nil, err
		}
		options = append(options, sr.DialTLSConfig(t))
	}
	client, err := sr.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	return &Schemas{client: client, known: map[subjectID]*registered{}}, nil
}

// get finds a schema by its number. subject is the one that is meant where several have it. A number that the registry does not know is a
// *poison.
func (s *Schemas) get(ctx context.Context, id int, subject string) (*registered, error) {
	key := subjectID{subject, id}
	s.mu.Lock()
	known := s.known[key]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	text, err := s.client.SchemaByID(ctx, id)
	var answer *sr.ResponseError
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil, &poison{fmt.Sprintf("the schema registry has no schema %d", id)}
	}
	if err != nil {
		return nil, fmt.Errorf("schema registry: schema %d: %w", id, err)
	}
	out := &registered{id: id, schema: text, message: map[string]message{}}
	uses, err := s.client.SchemaVersionsByID(ctx, id)
	if err != nil && !errors.As(err, &answer) { // an answer of another kind: this registry does not say
		return nil, fmt.Errorf("schema registry: versions of schema %d: %w", id, err)
	}
	for _, u := range uses {
		if out.subject == "" || u.Subject == subject {
			out.subject, out.version = u.Subject, u.Version
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[key] = out
	return out, nil
}

// references are the texts that a schema refers to, by the name under which it does, those that others need first.
func (s *Schemas) references(ctx context.Context, of sr.Schema) (names []string, texts map[string]string, err error) {
	texts = map[string]string{}
	var visit func(of sr.Schema, depth int) error
	visit = func(of sr.Schema, depth int) error {
		if depth > 32 {
			return errors.New("schema registry: references go deeper than 32")
		}
		for _, ref := range of.References {
			if _, ok := texts[ref.Name]; ok {
				continue
			}
			found, err := s.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
			if err != nil {
				return fmt.Errorf("schema registry: %s version %d, referred to as %q: %w", ref.Subject, ref.Version, ref.Name, err)
			}
			texts[ref.Name] = found.Schema.Schema
			if err := visit(found.Schema, depth+1); err != nil {
				return err
			}
			names = append(names, ref.Name)
		}
		return nil
	}
	return names, texts, visit(of, 0)
}

// messageOf parses a schema, once.
func (s *Schemas) messageOf(ctx context.Context, r *registered, format string, index []int) (message, error) {
	key := fmt.Sprint(index)
	s.mu.Lock()
	known := r.message[key]
	s.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if got := strings.ToLower(r.schema.Type.String()); got != format {
		return nil, r.wrong("", "it is "+got+", and the topic's format is "+format)
	}
	names, texts, err := s.references(ctx, r.schema)
	if err != nil {
		return nil, err
	}
	var m message
	if format == "avro" {
		m, err = parseAvro(r.schema.Schema, names, texts)
	} else {
		m, err = parseProtobuf(ctx, r.schema.Schema, texts, index)
	}
	var bad *poison
	switch {
	case errors.As(err, &bad):
		return nil, err
	case err != nil:
		return nil, r.wrong("", err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.message[key] = m
	return m, nil
}

func (r *registered) wrong(field, problem string) error {
	return &dataset.SchemaError{Subject: r.subject, Version: r.version, ID: r.id, Field: field, Problem: problem}
}

// other is another version of a subject, parsed.
type other struct {
	version int
	message message
}

// others are the versions of a schema's subject, the newest first. One that cannot be parsed says nothing.
func (s *Schemas) others(ctx context.Context, r *registered, format string, index []int) ([]other, error) {
	if r.subject == "" {
		return nil, nil
	}
	all, err := s.client.Schemas(ctx, r.subject)
	if err != nil {
		return nil, fmt.Errorf("schema registry: versions of %s: %w", r.subject, err)
	}
	slices.SortFunc(all, func(a, b sr.SubjectSchema) int { return b.Version - a.Version })
	var out []other
	for _, one := range all {
		found, err := s.get(ctx, one.ID, r.subject)
		if err != nil {
			return nil, err
		}
		m, err := s.messageOf(ctx, found, format, index)
		var unusable *dataset.SchemaError
		switch {
		case errors.As(err, &unusable):
		case err != nil:
			return nil, err
		default:
			out = append(out, other{one.Version, m})
		}
	}
	return out, nil
}

// absent judges a field that a schema lacks. One that only later versions have was added, and is null in what was written before. One that a version
// before had was removed, and what was a value would be null, or a default, from here on without a word: that is an error, until a later version
// has it again as one that may be null, by which somebody has said that null is meant. One that no version ever had is an error too.
func absent(r *registered, m message, others []other, path []string) error {
	name := strings.Join(path, ".")
	seen, before, required, again := false, 0, false, false
	for _, o := range others {
		_, _, ok := o.message.typeOf(path)
		switch must := ok && o.message.required(path); {
		case !ok:
		case o.version < r.version:
			before, required = max(before, o.version), required || must
		case o.version > r.version && !must:
			again = true
		}
		seen = seen || ok
	}
	if before > 0 && !again {
		had := "version %d has it"
		if required {
			had = "it was in every record of version %d"
		}
		return r.wrong(name, fmt.Sprintf(had+" and it is there no more; register a version that has it again and may have null, which it then is where it is not, or take the column out of the source", before))
	}
	if seen {
		return nil
	}
	problem := "no version of the schema has it"
	if near := expr.Nearest(path[len(path)-1], m.names()); len(near) > 0 {
		problem += "; did you mean " + near[0] + "?"
	}
	return r.wrong(name, problem+fmt.Sprintf(" fields: %s", strings.Join(m.names(), ", ")))
}

// register gives the registry a schema under a subject and has its number, the same one where it is there already.
func (s *Schemas) register(ctx context.Context, subject string, schema sr.Schema) (int, error) {
	made, err := s.client.CreateSchema(ctx, subject, schema)
	return made.ID, err
}
