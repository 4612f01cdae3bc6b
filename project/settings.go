package project

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

// kind is what the text of a setting must be.
type kind uint8

const (
	text kind = iota
	integer
	truth
	duration
	size
	portion // a number from 0 to 1
	list    // of texts; in a flag or the environment separated by commas
)

// Setting is one line of bighead.toml: what can be set, what it is when nobody sets it, and what for.
type Setting struct {
	Key     string // section.name
	Default string
	Doc     string
	Choices []string // nil: anything of its kind
	Secret  bool     // a literal in the file is worth a warning; never printed

	kind kind
}

// Settings is the table of all that bighead.toml can say, in the order of documentation. Places of sources,
// [source.<name>], stand beside it in placeNames.
func Settings() []Setting { return slices.Clone(settings) }

var settings = []Setting{
	{Key: "project.name", Doc: "the project's name; its folder's without one"},
	{Key: "project.files", kind: list, Default: "*.py", Doc: "the definition files, as globs from the project's folder"},

	{Key: "batch.engine", Default: "local", Choices: []string{"local", "spark"}, Doc: "what computes training sets and backfills"},
	{Key: "batch.remote", Doc: "the Spark Connect server: sc://host:15002"},
	{Key: "batch.stage", Doc: "a folder that Spark sees under the same path: tables that are no Parquet files are written there for it, and removed"},
	{Key: "batch.settings", kind: list, Doc: "settings of the Spark session, name=value each, such as spark.sql.shuffle.partitions=200"},
	{Key: "spark.tls.ca", Doc: "a file of certificates that the Spark Connect server is known by, where batch.remote asks for TLS (use_ssl, token); the system's without one"},
	{Key: "spark.tls.cert", Doc: "the client's certificate, where what stands before the server wants one"},
	{Key: "spark.tls.key", Doc: "the file of the client's key"},
	{Key: "spark.tls.server_name", Doc: "whose certificate it shows, where it is not that of the address's host"},
	{Key: "batch.memory", kind: size, Doc: "what the local engine may take before it spills to disk"},
	{Key: "batch.threads", kind: integer, Default: "0", Doc: "how many cores the local engine uses; 0: all"},

	{Key: "stream.engine", Default: "local", Choices: []string{"local", "flink"}, Doc: "what computes live features"},
	{Key: "stream.lease", kind: duration, Default: "10s", Doc: "how long after the process that streams has died another takes over, where servers share a store"},
	{Key: "stream.memory", kind: size, Doc: "the memory for tiles that change (default: a sixteenth of the machine's, from 256MiB to 1GiB)"},
	{Key: "stream.gateway", Secret: true, Doc: "the Flink SQL gateway: http://host:8083"},
	{Key: "stream.settings", kind: list, Doc: "Flink's own settings for its jobs, as \"name=value\", beside those that the jobs stand on"},
	{Key: "stream.parallelism", kind: integer, Default: "1", Doc: "how many tasks share the work of a job on Flink"},
	{Key: "stream.savepoints", Doc: "a folder that all of Flink writes to, as a URI, for the state of jobs that are stopped; Flink's own without one"},
	{Key: "stream.brokers", kind: list, Doc: "the Kafka brokers"},
	{Key: "stream.group", Doc: "the consumer group; the project's name without one"},
	{Key: "stream.dead_letters", Doc: "the topic for records that are no rows; without one, files in .bighead/dead-letters have them"},
	{Key: "stream.registry", Secret: true, Doc: "the schema registry's URL"},
	{Key: "stream.sasl.mechanism", Choices: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, Doc: "how to log in to Kafka"},
	{Key: "stream.sasl.user", Doc: "the user at Kafka"},
	{Key: "stream.sasl.password", Secret: true, Doc: "the password at Kafka"},
	{Key: "stream.tls.enabled", kind: truth, Default: "false", Doc: "speak TLS with the brokers"},
	{Key: "stream.tls.ca", Doc: "a file of certificates to trust"},
	{Key: "stream.tls.cert", Doc: "the client's certificate"},
	{Key: "stream.tls.key", Doc: "the file of the client's key"},

	{Key: "flink.token", Secret: true, Doc: "the bearer's token for the SQL gateway and the JobManager, sent with TLS alone: https:// in stream.gateway"},
	{Key: "flink.user", Doc: "the user at them, where they want one (basic authentication), sent with TLS alone"},
	{Key: "flink.password", Secret: true, Doc: "the user's password"},
	{Key: "flink.tls.ca", Doc: "a file of certificates that they are known by; the system's without one"},
	{Key: "flink.tls.cert", Doc: "the client's certificate, where they want one (security.ssl.rest.authentication-enabled)"},
	{Key: "flink.tls.key", Doc: "the file of the client's key"},
	{Key: "flink.tls.server_name", Doc: "whose certificate they show, where it is not that of the address's host"},

	{Key: "store.kind", Default: "pebble", Choices: []string{"pebble", "memory", "redis"}, Doc: "the online store"},
	{Key: "store.path", Default: ".bighead/online", Doc: "the folder of the pebble store"},
	{Key: "store.cache", kind: size, Doc: "the memory for blocks of the pebble store (default: a 64th of the machine's, from 64MiB to 512MiB)"},
	{Key: "store.url", Secret: true, Doc: "the Redis server: redis://host:6379"},
	{Key: "store.prefix", Doc: "what the keys in Redis begin with; the project's name without one"},

	{Key: "catalog.kind", Default: "sqlite", Choices: []string{"sqlite", "postgres"}, Doc: "where what is applied is registered"},
	{Key: "catalog.path", Default: ".bighead/catalog.db", Doc: "the file of the SQLite catalog"},
	{Key: "catalog.url", Secret: true, Doc: "the Postgres server"},

	{Key: "hive.metastore", kind: list, Doc: "the Hive metastores of tables \"hive:db.table\", tried in turn: thrift://host:9083"},
	{Key: "hive.mounts", kind: list, Doc: "where folders of the cluster's file system are seen here, and by Spark: hdfs://host:8020/warehouse=/mnt/warehouse"},
	{Key: "hive.timeout", kind: duration, Default: "30s", Doc: "how long a metastore may take for an answer"},
	{Key: "hive.tls.enabled", kind: truth, Default: "false", Doc: "speak TLS with the metastores (metastore.use.SSL)"},
	{Key: "hive.tls.ca", Doc: "a file of certificates that they are known by; the system's without one"},
	{Key: "hive.tls.cert", Doc: "the client's certificate, where they want one"},
	{Key: "hive.tls.key", Doc: "the file of the client's key"},
	{Key: "hive.tls.server_name", Doc: "whose certificate they show, where it is not that of the address's host"},

	{Key: "iceberg.catalog", Choices: []string{"sqlite", "hadoop", "rest"}, Doc: "the kind of the catalog of tables \"iceberg:db.table\""},
	{Key: "iceberg.uri", Doc: "the catalog: the file of sqlite, the URL of rest"},
	{Key: "iceberg.name", Default: "default", Doc: "the catalog's name in a file of sqlite"},
	{Key: "iceberg.warehouse", Doc: "the folder of the tables, of rest the warehouse's name"},
	{Key: "iceberg.token", Secret: true, Doc: "the bearer's token for a catalog of rest"},

	{Key: "events.path", Default: ".bighead/events", Doc: "the log of accepted events"},
	{Key: "events.keep", kind: duration, Default: "90d", Doc: "how long the log keeps events"},

	{Key: "serve.listen", Default: "127.0.0.1:8080", Doc: "the address of HTTP"},
	{Key: "serve.grpc", Doc: "the address of gRPC; none without one"},
	{Key: "serve.admin", Doc: "an address of their own for metrics, health and admin calls"},
	{Key: "serve.clock", Default: "wall", Choices: []string{"wall", "events"}, Doc: "what says now"},
	{Key: "serve.deadline", kind: duration, Default: "1s", Doc: "the longest that a request may take"},
	{Key: "serve.drain", kind: duration, Default: "5s", Doc: "how long an unready server goes on accepting before it stops"},
	{Key: "serve.max_inflight", kind: integer, Default: "1024", Doc: "requests at a time; more are told to come later"},
	{Key: "serve.cache", kind: size, Default: "64MiB", Doc: "the memory for what is known of keys, so that the store is not asked again; 0: none"},
	{Key: "serve.second_cache", Secret: true, Doc: "a second Redis that keeps what was answered, for stale answers while the store fails: redis://host:6379; none without one"},
	{Key: "serve.max_body", kind: size, Default: "8MiB", Doc: "the largest request"},
	{Key: "serve.tls.cert", Doc: "the server's certificate"},
	{Key: "serve.tls.key", Doc: "the file of the server's key"},

	{Key: "audit.sample", kind: portion, Default: "1.0", Doc: "the share of keys whose served vectors are recorded; 0: none"},
	{Key: "audit.path", Default: ".bighead/served", Doc: "the record of what was served"},
	{Key: "audit.keep", kind: duration, Default: "7d", Doc: "how long the record keeps what was served"},
	{Key: "audit.predictions", Default: ".bighead/predictions", Doc: "the record of what was predicted"},
	{Key: "audit.labels", Default: ".bighead/labels", Doc: "the labels that came for predictions"},
	{Key: "audit.sample_predictions", kind: portion, Doc: "the share of keys whose predictions are recorded, 0: none; as [audit] sample without one"},
	{Key: "audit.keep_predictions", kind: duration, Doc: "how long predictions and their labels are kept; as long as [audit] keep without one"},

	{Key: "verify.key", Doc: "the file of the key that signs reports of verify; bighead verify --new-key makes one"},
	{Key: "auth.tokens_file", Doc: "a file of tokens: name, hash, scopes; read again when it changes"},
	{Key: "files.s3.region", Doc: "the region of buckets"},
	{Key: "files.s3.endpoint", Doc: "an S3 server other than AWS"},
	{Key: "features.resolution", Doc: `windows' resolution where a feature names none; "exact" keeps raw events online`},
	{Key: "trace.endpoint", Doc: "where traces go by OTLP: http://host:4318 or grpc://host:4317 (https, grpcs); OTEL_EXPORTER_OTLP_ENDPOINT without one"},
	{Key: "trace.sample", Doc: "the share of requests that are traced where the caller does not say, 0 to 1; OTEL_TRACES_SAMPLER without one, else all"},
	{Key: "log.level", Default: "info", Choices: []string{"debug", "info", "warn", "error"}, Doc: "how much is logged"},
	{Key: "log.format", Default: "json", Choices: []string{"json", "text"}, Doc: "how it is logged"},
	{Key: "metrics.per_feature", kind: truth, Default: "false", Doc: "a series for each feature"},

	{Key: "python.path", Doc: "the interpreter that records definitions"},
	{Key: "python.timeout", kind: duration, Default: "30s", Doc: "how long recording may take"},
	{Key: "python.memory", kind: size, Default: "4GiB", Doc: "how much memory recording may take"},
	{Key: "python.environments", Default: ".bighead/environments", Doc: "where environments of models are kept, each by its lock; projects may share a folder"},

	{Key: "models.artifacts", Default: ".bighead/models", Doc: "where trained models lie: a folder, or s3://bucket/prefix, which several machines share; .bighead/models then has those that were needed here"},
	{Key: "models.remote.token", Secret: true, Doc: "the bearer's token for models elsewhere, sent to models.remote.hosts alone, and with TLS alone"},
	{Key: "models.remote.hosts", kind: list, Doc: "the hosts of models elsewhere that get the token: models.example.com, or with a port"},
	{Key: "models.remote.ca", Doc: "the file of certificates that models elsewhere are known by; the system's without one"},
	{Key: "models.onnxruntime", Doc: "ONNX Runtime's library, or the folder that it is in; it is looked for without one (bighead models install onnxruntime)"},
	{Key: "models.python_workers", kind: integer, Default: "2", Doc: "how many processes answer with a pickled model, each one request at a time"},
	{Key: "models.python_timeout", kind: duration, Default: "30s", Doc: "how long one may take to start, or to answer, before it is killed and started again"},
	{Key: "models.python_memory", kind: size, Default: "4GiB", Doc: "the address space of each; 0B: no limit"},

	{Key: "train.keep_runs", kind: integer, Default: "20", Doc: "how many runs of each model are kept, the newest; 0: all"},
	{Key: "train.timeout", kind: duration, Default: "6h", Doc: "how long a training function may take; 0s: no limit"},
	{Key: "train.memory", kind: size, Doc: "the address space of each process of a training; 0B: no limit (default: the machine's memory)"},
	{Key: "train.disk", kind: size, Default: "16GiB", Doc: "what a training may write into its run's folder, where temporary files go too, and into each file elsewhere; 0B: no limit"},
	{Key: "train.processes", kind: integer, Default: "256", Doc: "how many processes a training may have at once, where the system tells (Linux); 0: no limit"},
}

// placeNames are what [source.<name>] may say.
var placeNames = []string{"path", "table", "topic", "format", "time_unit"}

var settingIndex = func() map[string]int {
	m := make(map[string]int, len(settings))
	for i, s := range settings {
		m[s.Key] = i
	}
	return m
}()

// check says what is wrong with the text of a setting, nil for nothing.
func (s Setting) check(v string) error {
	if v == "" && s.kind != list {
		return nil // empty is unset
	}
	switch s.kind {
	case integer:
		if _, err := strconv.ParseInt(v, 10, 64); err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
	case truth:
		if v != "true" && v != "false" {
			return fmt.Errorf("%q is neither true nor false", v)
		}
	case duration:
		_, err := value.ParseDuration(v)
		return err
	case portion:
		if x, err := strconv.ParseFloat(v, 64); err != nil || !(x >= 0 && x <= 1) {
			return fmt.Errorf("%q is not a share: write a number from 0 to 1, such as 0.01", v)
		}
	case size:
		_, err := parseSize(v)
		return err
	}
	if s.Choices != nil && !slices.Contains(s.Choices, v) {
		return fmt.Errorf("%q is none of %s", v, strings.Join(s.Choices, ", "))
	}
	return nil
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}

// parseSize reads a number of bytes: 512MiB, 2GB, 1048576.
func parseSize(s string) (int64, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > (1<<62)/u.bytes {
			return 0, fmt.Errorf("size %q is too large", s)
		}
		return n * u.bytes, nil
	}
	return 0, fmt.Errorf("%q is not a size: write a whole number and a unit, such as \"512MiB\" or \"2GB\"", s)
}

// nearest is the known name that a misspelt one most likely meant; empty where none is near.
func nearest(name string, known []string) string {
	if near := expr.Nearest(name, known); len(near) > 0 {
		return near[0]
	}
	return ""
}
