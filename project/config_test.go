package project

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/feature"
)

const fullSettings = `
[project]
name = "flights"
[store]
kind = "redis"
url = "redis://:${env:REDIS_PASSWORD}@host:6379"
[serve]
drain = "10s"
max_inflight = 7
max_body = "1MiB"
[serve.tls]
key = "${file:secrets/key}"
[stream]
brokers = ["a:9092", "b:9092"]
sasl = { user = "u", password = "hunter2" }
[metrics]
per_feature = true
[source.flights]
table = "hive:prod.flights"
`

func TestPrecedence(t *testing.T) {
	dir := write(t, map[string]string{
		"bighead.toml":      fullSettings,
		"bighead.prod.toml": "[project]\nname = \"flights-prod\"\n[store]\nprefix = \"p:\"\n",
		"secrets/key":       "pem\n",
		"features.py":       "",
		"sub/x.txt":         "",
	})
	p, err := Open(filepath.Join(dir, "sub"), Options{
		Profile: "prod",
		Env:     []string{"REDIS_PASSWORD=s3cret", "BIGHEAD_STORE_PREFIX=env:", "BIGHEAD_SERVE_DRAIN=20s", "BIGHEAD_STREAM_BROKERS=c:1, d:2"},
		Flags:   map[string]string{"serve.drain": "30s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Root != dir || p.Name() != "flights-prod" {
		t.Errorf("root %s, name %s", p.Root, p.Name())
	}
	for _, c := range []struct{ key, text, shown, origin string }{
		{"project.name", "flights-prod", "flights-prod", "bighead.prod.toml:2:8"},
		{"store.kind", "redis", "redis", "bighead.toml:5:8"},
		{"store.url", "redis://:s3cret@host:6379", "***", "bighead.toml:6:7"},
		{"store.prefix", "env:", "env:", "environment BIGHEAD_STORE_PREFIX"},
		{"serve.drain", "30s", "30s", "flag"},
		{"serve.tls.key", "pem", "***", "bighead.toml:12:7"},
		{"stream.sasl.password", "hunter2", "***", "bighead.toml:15:33"},
		{"stream.brokers", "c:1, d:2", "c:1, d:2", "environment BIGHEAD_STREAM_BROKERS"},
		{"batch.engine", "local", "local", "default"},
	} {
		v := p.Config.Value(c.key)
		if v.Text != c.text || v.Shown() != c.shown || v.Origin != c.origin {
			t.Errorf("%s: %q shown %q from %q, want %q %q %q", c.key, v.Text, v.Shown(), v.Origin, c.text, c.shown, c.origin)
		}
	}
	c := p.Config
	if c.Duration("serve.drain") != 30*time.Second || c.Int("serve.max_inflight") != 7 || c.Bytes("serve.max_body") != 1<<20 || !c.Bool("metrics.per_feature") {
		t.Error("typed values are wrong")
	}
	if got := c.Strings("stream.brokers"); len(got) != 2 || got[1] != "d:2" {
		t.Errorf("brokers: %q", got)
	}
	if len(c.Warnings()) != 1 || c.Warnings()[0].String() != `bighead.toml:15:33: stream.sasl.password is a secret in plain sight; write "${env:NAME}" or "${file:/run/secrets/name}"` {
		t.Errorf("warnings: %v", c.Warnings())
	}
	for _, v := range c.List() {
		if strings.Contains(v.Shown(), "hunter2") || strings.Contains(v.Shown(), "s3cret") {
			t.Errorf("%s shows a secret", v.Key)
		}
	}
	if p.Path("data/x") != filepath.Join(dir, "data/x") || p.Path("s3://b/x") != "s3://b/x" || p.Path("/a") != "/a" {
		t.Error("paths do not start at the root")
	}
}

// All mistakes of the settings in one go, each with its place and the nearest name.
func TestBadSettings(t *testing.T) {
	for _, c := range []struct {
		name, toml string
		want       []string
	}{
		{"unknown key", "[store]\nknid = \"redis\"\n", []string{`bighead.toml:2:1: there is no setting "store.knid"; did you mean "store.kind"?`}},
		{"unknown section", "[stroe]\nkind = \"redis\"\n", []string{`bighead.toml:1:2: there is no section [stroe]; did you mean [store]?`}},
		{"empty section", "[stream.slas]\n", []string{`bighead.toml:1:2: there is no section [stream.slas]; did you mean [stream.sasl]?`}},
		{"list of sections", "[[store]]\nkind = \"redis\"\n", []string{`bighead.toml:1:3: [[store]] is a list of sections; write single brackets`}},
		{"far from all", "[weather]\nrain = 1\n", []string{"bighead config lists all settings"}},
		{"dotted and inline", "store.kind = 1\nserve = { drain = 5, listen = \"x\" }\n", []string{"bighead.toml:1:14: store.kind takes a string", "bighead.toml:2:19: serve.drain takes a string like \"90d\""}},
		{"choices", "[store]\nkind = \"etcd\"\n", []string{`bighead.toml:2:8: store.kind (bighead.toml:2:8): "etcd" is none of pebble, memory, redis`}},
		{"duration", "[serve]\ndrain = \"5 minutes\"\n", []string{`"5 minutes" is not a duration`}},
		{"size", "[serve]\nmax_body = \"big\"\n", []string{`"big" is not a size`}},
		{"list", "[stream]\nbrokers = [1]\n", []string{"stream.brokers takes a list of strings"}},
		{"several", "[store]\nknid = 1\n[serve]\ndrian = \"5s\"\n", []string{`bighead.toml:2:1:`, `bighead.toml:4:1: there is no setting "serve.drian"; did you mean "serve.drain"?`}},
		{"no TOML", "[store\n", []string{"bighead.toml:1:"}},
		{"twice", "[store]\nkind = \"redis\"\nkind = \"redis\"\n", []string{"bighead.toml:", "kind"}},
		{"not UTF-8", "[store]\nkind = \"\xff\"\n", []string{"bighead.toml:2:9: the file is not UTF-8: byte 0xff; save it as UTF-8"}},
		{"no variable", "[store]\nurl = \"${env:NOWHERE}\"\n", []string{"bighead.toml:2:7: the environment variable NOWHERE is not set; set it, or give store.url another value"}},
		{"no file", "[store]\nurl = \"${file:nowhere}\"\n", []string{"bighead.toml:2:7: the secret of store.url cannot be read"}},
		{"no scheme", "[store]\nurl = \"${vault:x}\"\n", []string{"${vault:x} is neither ${env:NAME} nor ${file:PATH}"}},
		{"place", "[source.flights]\ntabel = \"x\"\n", []string{`bighead.toml:2:1: a source has no place "tabel"; did you mean "table"?`}},
		{"place kind", "[source.flights]\ntable = 3\n", []string{"source.flights.table takes a string"}},
		{"source without a name", "[source]\npath = \"x\"\n", []string{"source.path is no place of a source"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(write(t, map[string]string{"bighead.toml": c.toml}), Options{Env: []string{}})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got:\n%v\nwant %q", err, want)
				}
			}
			var se *SettingError
			if !errors.As(err, &se) || !se.Pos.IsValid() {
				t.Errorf("%v has no place", err)
			}
		})
	}
}

func TestBadEnvironmentAndFlags(t *testing.T) {
	dir := write(t, map[string]string{"bighead.toml": ""})
	_, err := Open(dir, Options{Env: []string{"BIGHEAD_SERVE_DRAIN=soon", "BIGHEAD_STREAM_SASL_PASSWORD=x"}, Flags: map[string]string{"store.knid": "x"}})
	if err == nil || !strings.Contains(err.Error(), `serve.drain (environment BIGHEAD_SERVE_DRAIN): "soon" is not a duration`) || !strings.Contains(err.Error(), `there is no setting "store.knid"; did you mean "store.kind"?`) {
		t.Errorf("got %v", err)
	}
	p, err := Open(dir, Options{Env: []string{"BIGHEAD_STORE_KNID=redis", "BIGHEAD_PROFILE="}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Config.Warnings()) != 1 || p.Config.Warnings()[0].Message != "the environment variable BIGHEAD_STORE_KNID sets nothing; did you mean BIGHEAD_STORE_KIND?" {
		t.Errorf("warnings: %v", p.Config.Warnings())
	}
}

func TestProfileThatIsNotThere(t *testing.T) {
	dir := write(t, map[string]string{"bighead.toml": "", "bighead.prod.toml": ""})
	_, err := Open(dir, Options{Env: []string{"BIGHEAD_PROFILE=pord"}})
	if err == nil || !strings.Contains(err.Error(), `there is no profile "pord": bighead.pord.toml does not exist; did you mean "prod"?`) {
		t.Error(err)
	}
}

func TestFindRoot(t *testing.T) {
	dir := write(t, map[string]string{"a/bighead.toml": "", "a/b/c/x.txt": "", "py/features.py": "", "none/x.txt": "", "file": ""})
	for _, c := range []struct{ from, want string }{{"a", "a"}, {"a/b/c", "a"}, {"py", "py"}} {
		p, err := Open(filepath.Join(dir, c.from), Options{Env: []string{}})
		if err != nil || p.Root != filepath.Join(dir, c.want) {
			t.Errorf("%s: %+v %v", c.from, p, err)
		}
	}
	for _, from := range []string{"none", "nowhere", "file"} {
		if _, err := Open(filepath.Join(dir, from), Options{Env: []string{}}); !errors.Is(err, ErrNoProject) {
			t.Errorf("%s: %v", from, err)
		}
	}
}

func TestDefinitionFiles(t *testing.T) {
	files := map[string]string{"b.py": "", "a.py": "", "setup.py": "", "test_a.py": "", "conftest.py": "", "teams/x.py": "", "notes.txt": ""}
	p, err := Open(write(t, files), Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Files(); err != nil || strings.Join(got, " ") != "a.py b.py" {
		t.Errorf("%q %v", got, err)
	}
	files["bighead.toml"] = "[project]\nfiles = [\"teams/*.py\", \"a.py\"]\n"
	if p, err = Open(write(t, files), Options{Env: []string{}}); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Files(); err != nil || strings.Join(got, " ") != "a.py teams/x.py" {
		t.Errorf("%q %v", got, err)
	}
	if p, err = Open(write(t, map[string]string{"bighead.toml": ""}), Options{Env: []string{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Record(t.Context()); !errors.Is(err, ErrNoDefinitions) {
		t.Error(err)
	}
}

const placed = `import bighead as bh
flights = bh.EventSource("flights", path="flights.parquet", time="t", topic=bh.Topic("dev", select={"x": "y"}))
arrivals = flights.again("arrivals", time="u")
landings = flights.again("landings", time="u", topic="own")
other = bh.EventSource("other", table=bh.Table("hive:dev.o", select={"a": "b"}), time="t", format="csv", time_unit="s")
`

// A place is a road: what a definition says of the columns behind it stays.
func TestPlaces(t *testing.T) {
	toml := "[source.flights]\ntable = \"hive:prod.flights\"\ntopic = \"prod\"\n[source.other]\ntable = \"hive:prod.o\"\nformat = \"parquet\"\n[source.landings]\npath = \"landings.parquet\"\n"
	p, err := Open(write(t, map[string]string{"bighead.toml": toml, "f.py": placed}), Options{Env: append(pathOnly(), "BIGHEAD_SOURCE_OTHER_TIME_UNIT=us")})
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]feature.SourceDef{}
	for _, s := range d.Sources {
		by[s.Name.Value] = s
	}
	if s := by["flights"]; s.Path != nil || s.Table.Name.Value != "hive:prod.flights" || s.Table.Name.At.String() != "bighead.toml:2:9" || s.Topic.Name.Value != "prod" || len(s.Topic.Select) != 1 {
		t.Errorf("flights: %+v", s)
	}
	if s := by["arrivals"]; s.Path != nil || s.Table.Name.Value != "hive:prod.flights" || s.Topic.Name.Value != "prod" {
		t.Errorf("arrivals does not follow flights: %+v", s)
	}
	if s := by["landings"]; s.Table != nil && s.Path != nil || s.Path.Value != "landings.parquet" || s.Topic.Name.Value != "own" {
		t.Errorf("landings: %+v", s)
	}
	if s := by["other"]; s.Table.Name.Value != "hive:prod.o" || len(s.Table.Select) != 1 || s.Format.Value != "parquet" || s.TimeUnit.Value != "us" {
		t.Errorf("other: %+v", s)
	}
}

func TestPlacesOfNoSource(t *testing.T) {
	files := map[string]string{"bighead.toml": "[source.flihgts]\ntable = \"x\"\n", "f.py": placed}
	p, err := Open(write(t, files), Options{Env: pathOnly()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Record(t.Context())
	if err == nil || !strings.Contains(err.Error(), `bighead.toml:2:9: there is no source "flihgts"; did you mean "flights"?`) {
		t.Error(err)
	}
}

// docs/interface.md §1 names settings; each must be in the table.
func TestSettingsOfTheContract(t *testing.T) {
	b, err := os.ReadFile("../docs/interface.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"project.name", "batch.engine", "batch.remote", "batch.memory", "batch.threads", "stream.engine", "stream.gateway", "stream.parallelism", "stream.savepoints", "stream.brokers",
		"stream.group", "stream.registry", "store.kind", "store.url", "store.prefix", "catalog.kind", "catalog.url", "events.path", "events.keep", "serve.listen",
		"serve.grpc", "serve.admin", "serve.clock", "serve.deadline", "serve.drain", "serve.max_inflight", "serve.cache", "serve.max_body", "auth.tokens_file", "files.s3.region",
		"files.s3.endpoint", "audit.sample", "audit.path", "audit.keep", "audit.predictions", "audit.labels", "audit.sample_predictions", "audit.keep_predictions", "features.resolution", "trace.endpoint", "trace.sample", "log.level", "log.format", "metrics.per_feature", "python.path"} {
		section, name := key[:strings.LastIndex(key, ".")], key[strings.LastIndex(key, ".")+1:]
		if !strings.Contains(string(b), "["+section+"]") || !strings.Contains(string(b), name) {
			t.Errorf("the page no longer names %s", key)
		}
		if _, ok := settingIndex[key]; !ok {
			t.Errorf("%s is not in the table", key)
		}
	}
	for _, s := range settings {
		if s.Doc == "" {
			t.Errorf("%s is not documented", s.Key)
		}
		if err := s.check(s.Default); err != nil {
			t.Errorf("the default of %s: %v", s.Key, err)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte(fullSettings))
	f.Add([]byte("a.b.c = [1, {x = 1}]\n[[source.x]]\npath = 1979-05-27"))
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := readTOML("bighead.toml", b)
		if err != nil {
			return
		}
		l := &loader{root: "/nowhere", env: map[string]string{}, unknown: map[string]bool{}, config: &Config{values: map[string]Value{}, places: map[string]map[string]Value{}}}
		for _, v := range values {
			if !v.keyAt.IsValid() || !v.at.IsValid() {
				t.Errorf("%q has no place", v.key)
			}
			l.tomlValue(v)
		}
	})
}
