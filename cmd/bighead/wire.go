package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/agg/tile"
	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/arrow"
	"github.com/bighead-ml/bighead/dataset/hive"
	"github.com/bighead-ml/bighead/dataset/iceberg"
	"github.com/bighead-ml/bighead/dataset/kafka"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/dataset/text"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/flink"
	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/engine/flink/part"
	"github.com/bighead-ml/bighead/engine/flink/reader"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/engine/local/eventlog"
	"github.com/bighead-ml/bighead/engine/local/stream"
	"github.com/bighead-ml/bighead/engine/local/upload"
	"github.com/bighead-ml/bighead/engine/oracle"
	"github.com/bighead-ml/bighead/engine/spark"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/onnx"
	"github.com/bighead-ml/bighead/model/python"
	"github.com/bighead-ml/bighead/model/remote"
	"github.com/bighead-ml/bighead/model/s3"
	forest "github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/store/memory"
	"github.com/bighead-ml/bighead/store/pebble"
	"github.com/bighead-ml/bighead/store/redis"
	"github.com/bighead-ml/bighead/train"
	"github.com/bighead-ml/bighead/value"
)

// This file is the only one that names implementations: what the interfaces of the rooms are made of in this binary.

// formats are the kinds of files that are read and written.
var formats = []dataset.Format{parquet.Format{}, text.CSV{}, text.NDJSON{}, arrow.Format{}}

// runtimes are what answers with trained models, in the order in which they are asked whether they read a file.
func runtimes(p *project.Project) []train.Runtime {
	elsewhere := remote.Options{Token: p.Config.String("models.remote.token"), Hosts: p.Config.Strings("models.remote.hosts")}
	if path := p.Config.String("models.remote.ca"); path != "" {
		elsewhere.CA = inProject(p, path)
	}
	return []train.Runtime{{Name: "tree", Open: forest.Open}, {Name: "onnx", Open: onnxRuntime(p).Open}, {Name: "python", Open: pythonRuntime(p).Open}, {Name: "remote", Open: elsewhere.Open}}
}

// modelRuntime finds what opens trained models by its name in their manifests.
func modelRuntime(p *project.Project) func(name string) (model.Open, error) {
	return func(name string) (model.Open, error) {
		var names []string
		for _, r := range runtimes(p) {
			if r.Name == name {
				return r.Open, nil
			}
			names = append(names, r.Name)
		}
		return nil, fmt.Errorf("this bighead does not have it; it has %s", strings.Join(names, ", "))
	}
}

// openBucket is a client of the bucket of a URI, s3://bucket/prefix.
func openBucket(uri, endpoint, region string) (model.Bucket, error) {
	bucket, prefix, err := s3.Parse(uri)
	if err != nil {
		return nil, err
	}
	return s3.Open(s3.Options{Bucket: bucket, Prefix: prefix, Endpoint: endpoint, Region: region})
}

// onnxFolder is where libraries of ONNX Runtime lie, by their versions.
func onnxFolder(p *project.Project) string { return filepath.Join(p.Root, ".bighead", "onnxruntime") }

// onnxRuntime looks for its library where the settings say, where it is installed, and in the environments of models.
func onnxRuntime(p *project.Project) *onnx.Runtime {
	o := onnx.Options{
		Folders: []string{
			filepath.Join(onnxFolder(p), "*"),
			filepath.Join(p.Path(p.Config.String("python.environments")), "*", "lib", "python*", "site-packages", "onnxruntime", "capi"),
		},
		Cure: "bighead models install onnxruntime; or name its library in [models] onnxruntime",
	}
	if path := p.Config.String("models.onnxruntime"); path != "" {
		o.Library = p.Path(path)
	}
	return onnx.New(o)
}

// pythonRuntime runs workers in the environments of models.
func pythonRuntime(p *project.Project) *python.Runtime {
	return python.New(python.Options{
		Interpreter: func(lock string) (string, error) {
			e, err := environments(p)
			if err != nil {
				return "", err
			}
			return e.Interpreter(lock)
		},
		Workers: int(p.Config.Int("models.python_workers")), Timeout: p.Config.Duration("models.python_timeout"), Memory: p.Config.Bytes("models.python_memory"),
	})
}

// onnxVersion is what is installed by default.
const onnxVersion = onnx.Version

// onnxLibrary is the library that is found, and its version; no error and no path where there is none.
func onnxLibrary(p *project.Project) (path, version string, err error) {
	path, version, err = onnxRuntime(p).Library()
	if errors.Is(err, onnx.ErrAbsent) {
		return "", "", nil
	}
	return path, version, err
}

// installONNX puts ONNX Runtime's library into the project.
func installONNX(ctx context.Context, p *project.Project, python string) (string, error) {
	return onnx.Install(ctx, python, onnxFolder(p))
}

// engineOptions are what a project or a flag says about running a plan.
type engineOptions struct {
	Memory  int64 // bytes; 0: the engine's default
	Threads int   // 0: all cores
	// Remote is where Spark listens, "": there is none. Stage is the folder in which tables are written for it.
	Remote, Stage string
	Settings      []string   // of Spark's session, name=value each
	TLS           secure.TLS // with Spark, where Remote asks for it
}

// engines are the roads of a batch plan, the one that is used by default first.
func engines(o engineOptions) []engine.Engine {
	all := []engine.Engine{
		local.New(local.Options{Memory: o.Memory, Threads: o.Threads}),
	}
	if o.Remote != "" {
		all = append(all, spark.New(spark.Options{Connect: o.Remote, TLS: o.TLS, Stage: o.Stage, Parquet: parquet.Format{}, Settings: spark.ParseSettings(o.Settings)}))
	}
	return all
}

const sparkOldest = spark.Oldest

// sparkVersion and flinkVersion ask the clusters that bighead.toml names what they are.
func sparkVersion(ctx context.Context, p *project.Project, remote string) (string, error) {
	e := spark.New(spark.Options{Connect: remote, TLS: sparkTLS(p)})
	v, err := e.Version(ctx)
	return v, errors.Join(err, e.Close())
}

// sparkHas asks Spark for a table that it is to read by its name; false: it reads it otherwise, if at all.
func sparkHas(ctx context.Context, p *project.Project, remote string, t dataset.Table) (byName bool, err error) {
	e := spark.New(spark.Options{Connect: remote, TLS: sparkTLS(p)})
	byName, err = e.Has(ctx, t)
	return byName, errors.Join(err, e.Close())
}

func flinkVersion(ctx context.Context, p *project.Project, url string) (string, error) {
	return flinkAccess(p).Version(ctx, url)
}

// secured are the settings of TLS in a section, the files of which are the project's.
func secured(p *project.Project, section string) secure.TLS {
	at := func(name string) string {
		if path := p.Config.String(section + "." + name); path != "" {
			return inProject(p, path)
		}
		return ""
	}
	return secure.TLS{CA: at("ca"), Cert: at("cert"), Key: at("key")}
}

// sparkTLS is how TLS is spoken with Spark's server, where [batch] remote asks for it.
func sparkTLS(p *project.Project) secure.TLS {
	t := secured(p, "spark.tls")
	t.ServerName = p.Config.String("spark.tls.server_name")
	return t
}

// flinkAccess is what Flink's servers are shown, and known by. Whether that goes together is its Check to say.
func flinkAccess(p *project.Project) gateway.Access {
	c := p.Config
	a := gateway.Access{TLS: secured(p, "flink.tls"), Token: c.String("flink.token"), User: c.String("flink.user"), Password: c.String("flink.password")}
	a.TLS.ServerName = c.String("flink.tls.server_name")
	return a
}

// handed is what an engine is handed for a plan, and for the tiles of a group, as text; false: the plan itself. group is nil where the plan is of something else.
func handed(engine string, b *plan.Batch, group *feature.Group) (string, bool, error) {
	if engine != "spark" {
		return "", false, nil
	}
	text, err := spark.Explain(b)
	if err != nil || group == nil {
		return text, true, err
	}
	tiles, err := spark.ExplainTiles(plan.ForBackfill([]*feature.Group{group}))
	return text + tiles, true, err
}

// bundled are the files, by name, that an engine elsewhere runs without us.
func bundled(ctx context.Context, of string, b *plan.Batch, in engine.Inputs) (map[string]string, error) {
	if of != "spark" {
		return nil, errors.New("--bundle is for --engine spark")
	}
	return spark.Bundle(ctx, b, in)
}

// pebbleMemory is what the embedded store gathers where nobody says otherwise.
const pebbleMemory = pebble.DefaultMemory

// openCatalog opens what remembers applied definitions.
func openCatalog(ctx context.Context, root string) (catalog.Catalog, error) {
	return sqlite.Open(ctx, catalogPath(root))
}

// catalogStamp changes with whatever is written to the catalog.
func catalogStamp(root string) string { return sqlite.Stamp(catalogPath(root)) }

func catalogPath(root string) string { return filepath.Join(root, ".bighead", "catalog.db") }

// What the stream of this binary is, and says of itself.
type (
	liveStream  = stream.Stream
	streamState = stream.Status
	groupState  = stream.GroupStatus
)

// pushProblem says to a caller why its events were not taken in.
func pushProblem(o *online, name string, err error) error {
	var unknown *stream.ErrUnknown
	switch {
	case errors.As(err, &unknown):
		return &serve.Problem{Code: feature.CodeUnknownSource, Detail: fmt.Sprintf("no source or topic %q takes events", name), Field: "name", Near: unknown.Nearest,
			Cure: "there are: " + strings.Join(unknown.Known, ", ")}
	case errors.As(err, new(*stream.ErrBody)):
		return &serve.Problem{Code: feature.CodeBadBody, Detail: err.Error(), Cure: "send events as lines of JSON, or as one array"}
	case errors.Is(err, eventlog.ErrTooLarge):
		return &serve.Problem{Code: feature.CodeTooLarge, Detail: err.Error(), Cure: "send fewer at a time"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if errors.Is(err, eventlog.ErrFailed) { // for good: whoever starts the server again finds out what there is
		select {
		case o.broken <- err:
		default:
		}
	}
	o.log.Error("events could not be taken in", "name", name, "error", err) // the log of events, or the stream, which has ended
	return &serve.Problem{Code: feature.CodeNoStream, Detail: err.Error(), Cure: "send them again shortly, with the same ids or Idempotency-Key", After: time.Second}
}

// openStore opens the online store that [store] names.
func openStore(ctx context.Context, p *project.Project, log *slog.Logger) (store.Store, error) {
	switch kind := p.Config.String("store.kind"); kind {
	case "memory":
		return memory.New(), nil
	case "pebble":
		path := inProject(p, p.Config.String("store.path"))
		if err := folder(path); err != nil {
			return nil, err
		}
		o := pebble.Options{Path: path, Logger: log, CacheBytes: storeCache(p), MemoryBytes: storeMemory(p)}
		outside.store(&o)
		return pebble.OpenHealing(o)
	case "redis":
		url := p.Config.String("store.url")
		if url == "" {
			return nil, mistakef("[store] kind = \"redis\" needs a url, such as \"redis://localhost:6379\"")
		}
		return redis.Open(ctx, redis.Options{URL: url, Prefix: storePrefix(p)})
	default:
		return nil, mistakef("[store] kind = %q: this binary has memory, pebble and redis", kind)
	}
}

// openSecond connects the second cache of a project; nil: it has none.
func openSecond(ctx context.Context, p *project.Project) (*secondCache, error) {
	url := p.Config.String("serve.second_cache")
	if url == "" {
		return nil, nil
	}
	a, err := redis.OpenAside(ctx, redis.Options{URL: url, Prefix: storePrefix(p)})
	if err != nil {
		return nil, mistakef("[serve] second_cache: %v", err)
	}
	return &secondCache{a}, nil
}

// secondCache is Redis as serve knows it.
type secondCache struct{ *redis.Aside }

func (c *secondCache) Set(ctx context.Context, entries []serve.SecondEntry, keep time.Duration) error {
	return c.Put(ctx, len(entries), func(i int) (string, []byte) { return entries[i].Name, entries[i].Bytes }, keep)
}

// storePrefix keeps the names of projects that share a Redis apart.
func storePrefix(p *project.Project) string {
	if prefix := p.Config.String("store.prefix"); prefix != "" {
		return prefix
	}
	return p.Name()
}

// outside is what online projects take from the machine. Tests put something in its place before a process begins: a clock that jumps, a
// disk that fails, sizes at which much happens soon.
var outside = machine{
	clock: func() int64 { return time.Now().UnixMilli() }, store: func(*pebble.Options) {}, log: func(*eventlog.Options) {}, stream: func(*stream.Options) {},
}

type machine struct {
	clock  func() int64 // ms since the epoch
	store  func(*pebble.Options)
	log    func(*eventlog.Options)
	stream func(*stream.Options)
	// patience is how much longer than it says a server waits for slow callers, and at its end for what runs still; doctor so for Python.
	patience time.Duration
}

// forEver is longer than any event is old, in ms.
const forEver = 1 << 50

// openStream resumes the project's stream under the epoch of its lease, 0: over a store that is this process's alone.
func openStream(ctx context.Context, p *project.Project, st store.Store, epoch int64, format byte, streams []*plan.Stream) (*liveStream, error) {
	if onFlink(p) {
		if err := flinkSettings(p); err != nil {
			return nil, err
		}
	}
	if err := folder(inProject(p, p.Config.String("events.path"))); err != nil {
		return nil, err
	}
	onEvents := p.Config.String("serve.clock") == "events"
	o := stream.Options{
		Store: st, Epoch: epoch, Version: format,
		Log: func(s *feature.Source) (eventlog.Log, error) {
			copies := s.Lateness
			if onEvents { // what is replayed is old by the wall clock, and its copies matter all the same
				copies = forEver
			}
			o := eventlog.Options{Formats: formats, Keep: p.Config.Duration("events.keep").Milliseconds(), HasID: s.ID != "", Copies: copies, Clock: outside.clock}
			outside.log(&o)
			log, err := eventlog.Open(logFolder(p, s), s.Schema, o)
			if err != nil {
				return nil, err
			}
			if err := keepCut(ctx, p, s); err != nil {
				return nil, errors.Join(err, log.Close())
			}
			return log, nil
		},
		Clock:   outside.clock,
		Events:  onEvents,
		History: func(s *feature.Source) bool { return s.Place.Path != "" || s.Place.Table != "" },
		Since: func(s *feature.Source) (int64, bool) {
			place, err := readTopicPlace(p, s)
			if err != nil || place == nil {
				return 0, false
			}
			return place.Since, true
		},
		DeadLetters: filepath.Join(p.Root, ".bighead", "dead-letters"),
		Memory:      streamMemory(p),
	}
	outside.stream(&o)
	return stream.Open(ctx, o, streams)
}

// What reads the tiles that Flink folds.
type (
	tileReader = reader.Reader
	tileState  = reader.Status
	tileSpace  = reader.Space
)

// flinkLack says why Flink can't fold a space; nil: it can.
func flinkLack(s *plan.Space) error {
	_, err := flink.Print(s, flink.Options{Brokers: "b", Topic: "t"})
	return err
}

// jobText is the job of a space as people read it, with the settings of [stream] where there are any: no secrets, and not its topic's own name. Where Flink
// has none it says why.
func jobText(p *project.Project, s *plan.Space) (text, why string, err error) {
	o, err := flinkOptions(p)
	if err != nil {
		return "", "", err
	}
	if o.Brokers == "" {
		o.Brokers = "${brokers}"
	}
	o.Topic, o.Group = "${topic}", "${group}"
	j, err := flink.Print(s, o)
	if err != nil {
		return "", err.Error(), nil
	}
	return j.String(), "", nil
}

// openTileReader makes the reader of a project's tiles from Flink; without a broker it reads nothing.
func openTileReader(p *project.Project, st store.Store, epoch int64, version byte, broker dataset.KeyedTopics) *tileReader {
	return reader.Open(reader.Options{Store: st, Epoch: epoch, Topics: broker, Clock: outside.clock, Version: version, Memory: streamMemory(p)})
}

// tileSpaceOf is a space that a job fills.
func tileSpaceOf(s *plan.Space, e *jobEntry, since int64) tileSpace {
	layout, _ := part.LayoutOf(s) // flinkLack was asked
	return tileSpace{Layout: layout, Topic: e.Topic, Source: s.Group.Source.Place.Topic, Group: e.Group, Since: since}
}

// flinkRunner is Flink as a jobRunner.
type flinkRunner struct{ *flink.Runner }

// errSavepoint is of a submission: Flink can't go on from the savepoint, now or later.
var errSavepoint = flink.ErrSavepoint

// flinkStandstill is for how long a job may stand still until its state has forgotten tiles that events still come for.
const flinkStandstill = flink.Standstill

func (r flinkRunner) State(ctx context.Context, space *plan.Space, topic, id string) (jobState, error) {
	s, err := r.Runner.State(ctx, space, topic, id)
	return jobState(s), err
}

// openRunner is the Flink that [stream] names; it is not asked anything yet.
func openRunner(p *project.Project) (jobRunner, error) {
	o, err := flinkOptions(p)
	if err != nil {
		return nil, err
	}
	a := flinkAccess(p)
	if err := a.Check(); err != nil {
		return nil, mistakef("%v", err)
	}
	return flinkRunner{flink.NewRunner(p.Config.String("stream.gateway"), p.Config.String("stream.savepoints"), a, o)}, nil
}

// shownGateway is the address of a gateway for people.
func shownGateway(at string) string { return gateway.Shown(at) }

// flinkOptions are those of all jobs of a project.
func flinkOptions(p *project.Project) (flink.Options, error) {
	c, o := p.Config, flink.Options{Brokers: strings.Join(p.Config.Strings("stream.brokers"), ","), Project: storePrefix(p), Parallelism: flinkParallelism(p)}
	at := func(key string) (string, error) {
		if c.String(key) == "" {
			return "", nil
		}
		text, err := os.ReadFile(inProject(p, c.String(key)))
		if err != nil {
			return "", mistakef("%s: %v", key, err)
		}
		return string(text), nil
	}
	k := flink.Kafka{Mechanism: c.String("stream.sasl.mechanism"), User: c.String("stream.sasl.user"), Password: c.String("stream.sasl.password"), TLS: c.Bool("stream.tls.enabled")}
	for key, into := range map[string]*string{"stream.tls.ca": &k.CA, "stream.tls.cert": &k.Cert, "stream.tls.key": &k.Key} {
		var err error
		if *into, err = at(key); err != nil {
			return o, err
		}
	}
	for _, text := range c.Strings("stream.settings") {
		name, of, ok := strings.Cut(text, "=")
		name, of = strings.TrimSpace(name), strings.TrimSpace(of)
		switch {
		case !ok || name == "":
			return o, mistakef("[stream] settings has %q, which is no \"name=value\"", text)
		case flink.Fixed(name):
			return o, mistakef("[stream] settings can't change %s: jobs stand on what they set it to", name)
		case o.Settings == nil:
			o.Settings = map[string]string{}
		}
		o.Settings[name] = of
	}
	var err error
	if o.Properties, err = k.Properties(); err != nil {
		return o, mistakef("[stream] %v", err)
	}
	return o, nil
}

// runnerOf is the Flink that a job was begun on, to end it there, whatever [stream] names now; nil: nothing says which that is.
func runnerOf(p *project.Project, e *jobEntry) jobRunner {
	switch {
	case e.Manager != "":
		return flinkRunner{flink.RunnerAt(e.Manager, flinkAccess(p))}
	case p.Config.String("stream.gateway") != "":
		return flinkRunner{flink.NewRunner(p.Config.String("stream.gateway"), "", flinkAccess(p), flink.Options{})}
	}
	return nil
}

// openKeyed is the Kafka that [stream] names, for topics that are kept by key.
func openKeyed(p *project.Project, log *slog.Logger) (dataset.KeyedTopics, error) {
	t, err := openBroker(p, log)
	if err != nil {
		return nil, err
	}
	return t.(*kafka.Cluster), nil
}

func closeKeyed(t dataset.KeyedTopics) error { return t.(*kafka.Cluster).Close() }

// rewriteTiles writes what there is of a space in other versions anew.
func rewriteTiles(ctx context.Context, st store.Store, epoch int64, s *plan.Space, version byte) (int64, error) {
	return upload.Rewrite(ctx, st, epoch, s, s.ID, version)
}

// newestEvent is the clock of the events where the stream runs in another process.
func newestEvent(ctx context.Context, st store.Store, streams []*plan.Stream) (int64, error) {
	return stream.Newest(ctx, st, streams)
}

// openBroker is the Kafka that [stream] names, nil where it names none; it is not asked anything yet. What is wrong with the settings is said.
func openBroker(p *project.Project, log *slog.Logger) (dataset.Topics, error) {
	c := p.Config
	if len(c.Strings("stream.brokers")) == 0 {
		return nil, nil
	}
	brokers := secured(p, "stream.tls")
	registry := kafka.Registry{TLS: brokers}
	brokers.On = c.Bool("stream.tls.enabled")
	group := c.String("stream.group")
	if group == "" {
		group = p.Name()
	}
	if text := c.String("stream.registry"); text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, mistakef("[stream] registry = %q is no URL such as http://host:8081", text)
		}
		registry.User = u.User.Username()
		registry.Password, _ = u.User.Password()
		u.User, registry.TLS.On = nil, u.Scheme == "https"
		registry.URLs = []string{u.String()}
	}
	k, err := kafka.New(kafka.Config{
		Brokers: c.Strings("stream.brokers"), Group: group, TLS: brokers, Registry: registry, Log: log,
		SASL: kafka.SASL{Mechanism: c.String("stream.sasl.mechanism"), User: c.String("stream.sasl.user"), Password: c.String("stream.sasl.password")},
	})
	if err != nil {
		return nil, mistakef("[stream] %v", err)
	}
	return k, nil
}

// rejectRecord puts a record of a topic that is no row among a source's dead letters.
func rejectRecord(s *liveStream, source string, p *dataset.Poison) error {
	return s.Reject(source, stream.Poison{Reason: fmt.Sprintf("topic %s partition %d offset %d: %s", p.Topic, p.Partition, p.Offset, p.Reason), Original: p.Value})
}

// openLogTable is the table of what a source's stream has accepted, whoever has the log open; empty where there is none.
func openLogTable(ctx context.Context, dir string, schema value.Schema) (dataset.Table, error) {
	return eventlog.OpenTable(ctx, dir, schema, formats)
}

// labelLog keeps labels of predictions.
type labelLog = eventlog.Log

// What a log of events says of itself: another process has it open, and it takes nothing any more.
var errLogOpen, errLogFailed = eventlog.ErrOpen, eventlog.ErrFailed

// openLabels opens a log of labels in a folder, which keeps them so many ms.
func openLabels(dir string, keep int64) (labelLog, error) {
	return eventlog.Open(dir, audit.LabelSchema, eventlog.Options{Formats: formats, Keep: keep, Clock: outside.clock})
}

// appendLabels makes labels durable.
func appendLabels(ctx context.Context, log labelLog, b *value.Batch) error {
	_, err := log.Append(ctx, &eventlog.Arriving{Partition: eventlog.Pushed, Rows: b})
	return err
}

// joinedHistory makes one table of a source's path (nil: it has none) and log; rows before the cut, where there is one, are the path's to give,
// the others the log's.
func joinedHistory(path, log dataset.Table, s *feature.Source, cut *int64) (dataset.Table, error) {
	if cut == nil {
		return eventlog.History(path, log, nil)
	}
	bare, _ := s.Time.Column()
	return eventlog.History(path, log, &eventlog.Cut{At: *cut, Bare: bare, Columns: s.Time.Columns(), Time: func(b *value.Batch) (*value.Column, error) {
		return s.Time.Vectorise(b.Schema).Eval(b, nil), nil
	}})
}

// rewriteBatch writes the part of the store that batch has of a group anew, in the newest format.
func (o *online) rewriteBatch(ctx context.Context, epoch int64, g *feature.Group) (int64, error) {
	s := plan.SpaceOf(g)
	marks, err := o.marks(ctx, s)
	if err != nil || marks.Generation == 0 {
		return 0, err
	}
	return upload.Rewrite(ctx, o.store, epoch, s, s.BatchSpace(marks.Generation), tile.Version)
}

// byDefinition is the oracle, which lets hear the events behind each value.
func byDefinition(hear func(row int, v *plan.Value, events []agg.Event)) engine.Engine {
	return oracle.Oracle{Aggregate: func(row int, v *plan.Value, events []agg.Event, asOf int64) value.Value {
		hear(row, v, events)
		return oracle.Plain(v, events, asOf)
	}}
}

// roads are the engines of this binary, the oracle among them, by name.
func roads(o engineOptions) map[string]engine.Engine {
	out := map[string]engine.Engine{}
	for _, e := range append(engines(o), oracle.Oracle{}) {
		out[e.Name()] = e
	}
	return out
}

// What an event log says of each row: when it came, and where it stands.
const (
	logArrival   = eventlog.ArrivalColumn
	logPartition = eventlog.PartitionColumn
	logOffset    = eventlog.OffsetColumn
)

// load is one load of a space out of batch.
type load = upload.Load

var errOutdated = upload.ErrOutdated

// roadStores are the stores of the road online, each opened in a folder of its own.
func roadStores() map[string]func(dir string) (store.Store, error) {
	return map[string]func(dir string) (store.Store, error){
		"memory": func(string) (store.Store, error) { return serve.Watch(memory.New()), nil },
		"pebble": func(dir string) (store.Store, error) {
			st, err := pebble.Open(pebble.Options{Path: dir, Logger: silent, CacheBytes: 1 << 20})
			return serve.Watch(st), err
		},
	}
}

// tableKinds are what the name of a table may begin with.
var tableKinds = []string{"hive", "iceberg"}

// openTables is the catalog of tables of a kind; nothing is asked of it yet.
func openTables(p *project.Project, kind string) (tables, error) {
	switch kind {
	case "hive":
		uris := p.Config.Strings("hive.metastore")
		if len(uris) == 0 {
			return nil, errors.New(`no Hive metastore is named: write [hive] metastore = ["thrift://host:9083"] in bighead.toml`)
		}
		over := secured(p, "hive.tls")
		over.On, over.ServerName = p.Config.Bool("hive.tls.enabled"), p.Config.String("hive.tls.server_name")
		if !over.On && over != (secure.TLS{}) {
			return nil, errors.New("[hive.tls] says how, and not that TLS is spoken: write enabled = true there")
		}
		var mounts []hive.Mount
		for _, text := range p.Config.Strings("hive.mounts") {
			m, err := hive.ParseMount(text)
			if err != nil {
				return nil, fmt.Errorf("[hive] %w", err)
			}
			m.Folder = inProject(p, m.Folder)
			mounts = append(mounts, m)
		}
		m, err := hive.New(hive.Config{URIs: uris, Timeout: p.Config.Duration("hive.timeout"), TLS: over, Mounts: mounts})
		if err != nil {
			return nil, fmt.Errorf("[hive] %w", err)
		}
		return hive.Tables{Metastore: m, Parquet: parquet.Format{}}, nil
	case "iceberg":
		c := iceberg.Config{Kind: p.Config.String("iceberg.catalog"), URI: p.Config.String("iceberg.uri"), Name: p.Config.String("iceberg.name"), Warehouse: p.Config.String("iceberg.warehouse"), Token: p.Config.String("iceberg.token")}
		switch {
		case c.Kind == "":
			return nil, errors.New(`no Iceberg catalog is named: write [iceberg] catalog = "rest", uri = "http://host:8181" in bighead.toml`)
		case c.Kind != "hadoop" && c.URI == "":
			return nil, fmt.Errorf("[iceberg] catalog = %q needs a uri", c.Kind)
		case c.Kind == "hadoop" && c.Warehouse == "":
			return nil, errors.New(`[iceberg] catalog = "hadoop" needs a warehouse, the folder of its tables`)
		case c.Kind == "sqlite":
			c.URI = inProject(p, c.URI)
		}
		if c.Kind != "rest" && c.Warehouse != "" {
			c.Warehouse = inProject(p, c.Warehouse)
		}
		return iceberg.Tables{Config: c, Parquet: parquet.Format{}, Stream: arrow.Stream{}}, nil
	}
	return nil, fmt.Errorf("there are no tables %q in this binary; it has %s", kind+":", strings.Join(tableKinds, ", "))
}
