package hive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/datasettest"
	"github.com/bighead-ml/bighead/dataset/parquet"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/secure/securetest"
	"github.com/bighead-ml/bighead/value"
)

// fake is a metastore of one database that answers as Hive 4 does, and fails where a test says so.
type fake struct {
	mu      sync.Mutex
	dir     string
	table   object
	added   []object
	has     []object // partitions
	failing string   // a call that raises an exception
}

func (f *fake) answer(name string, args object) (kind byte, body object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == f.failing {
		return reply, object{1: object{1: "the database behind is full"}}
	}
	switch name {
	case "get_all_databases":
		return reply, object{0: []any{"db"}}
	case "get_all_tables":
		return reply, object{0: []any{}}
	case "get_database":
		return reply, object{0: object{1: "db", 3: "file://" + f.dir}}
	case "get_table_req":
		if f.table == nil {
			return reply, object{2: object{1: "no such table"}}
		}
		return reply, object{0: object{1: f.table}}
	case "create_table":
		f.table = args.object(1)
	case "drop_table":
		f.table = nil
	case "get_partition_names":
		names := []any{}
		for range f.has {
			names = append(names, "a partition")
		}
		return reply, object{0: names}
	case "get_partitions_by_names":
		has := []any{}
		for _, p := range f.has {
			has = append(has, p)
		}
		return reply, object{0: has}
	case "add_partitions_req":
		f.added = append(f.added, args.object(1).objects(3)...)
		return reply, object{0: object{}}
	default:
		return exception, object{1: "Invalid method name: '" + name + "'", 2: int32(1)}
	}
	return reply, object{}
}

// serve answers on loopback; where mute it closes connections at the first call, as one does that wants SASL.
func (f *fake) serve(t *testing.T, mute bool) string {
	t.Helper()
	return f.serveOver(t, mute, nil)
}

// serveOver serves over TLS, where there is a configuration.
func (f *fake) serveOver(t *testing.T, mute bool, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					d := &decoder{in: in, left: maxMessage}
					name, _, args := d.message()
					if d.err != nil || mute {
						return
					}
					kind, body := f.answer(name, args)
					e := &encoder{}
					e.message(name, kind, 1, body)
					if _, err := c.Write(e.b); err != nil {
						return
					}
				}
			})
		}
	})
	return "thrift://" + l.Addr().String()
}

func (f *fake) tables(t *testing.T) Tables {
	t.Helper()
	m, err := New(Config{URIs: []string{f.serve(t, false)}})
	if err != nil {
		t.Fatal(err)
	}
	return Tables{m, parquet.Format{}}
}

var schema = value.Schema{{Name: "x", Type: value.Int}, {Name: "ds", Type: value.String}}

func write(t *testing.T, tables Tables) error {
	t.Helper()
	w, err := tables.Create(t.Context(), "db.t/ds", "late", schema, dataset.Metadata{})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.Write(value.BatchOf(schema, [][]value.Value{{value.OfInt(1), value.OfString("a/b")}, {value.OfInt(2), {}}, {value.OfInt(3), value.OfString("a/b")}})); err != nil {
		return err
	}
	return w.Close()
}

// What fails in between leaves nothing: no table, no partition, no file; and the next run is as if nothing had been.
func TestNothingIsHalfRegistered(t *testing.T) {
	f := &fake{dir: t.TempDir()}
	tables := f.tables(t)
	for _, failing := range []string{"create_table", "add_partitions_req", "get_partitions_by_names"} {
		f.failing = failing
		if err := write(t, tables); err == nil || !strings.Contains(err.Error(), "table db.t of the Hive metastore at "+tables.hosts[0]+": ") || !strings.Contains(err.Error(), "the database behind is full") {
			t.Errorf("where %s fails, it says %v", failing, err)
		}
		var left []string
		_ = filepath.WalkDir(f.dir, func(path string, _ fs.DirEntry, err error) error {
			if path != f.dir {
				left = append(left, path)
			}
			return err
		})
		if len(left) > 0 || f.table != nil || len(f.added) > 0 {
			t.Errorf("where %s fails, there are %v, table %v, partitions %v", failing, left, f.table, f.added)
		}
	}
	f.failing = ""
	if err := write(t, tables); err != nil {
		t.Fatal(err)
	}
	if f.table == nil || len(f.added) != 2 {
		t.Fatalf("there are table %v and %d partitions", f.table, len(f.added))
	}
	for i, want := range []string{"ds=a%2Fb", "ds=" + nullPartition} {
		if got := f.added[i].object(6).text(2); got != "file://"+f.dir+"/t/"+want {
			t.Errorf("partition %d lies at %s", i, got)
		}
	}
}

// A table whose partitions lie where we read nothing knows its columns, its partitions and what the metastore keeps of them, and no more; it is
// refused to who scans it, and named to who reads it elsewhere.
func TestFarTable(t *testing.T) {
	const far = "hdfs://nn:8020/w/t"
	storage := func(location, input string) object {
		return object{1: []any{object{1: "x", 2: "decimal(9,3)"}, object{1: "tail", 2: "string"}}, 2: location, 3: input, 7: object{2: parquetSerde, 3: mapping{"path": "hdfs://nn:8020/w/spark"}}}
	}
	f := &fake{dir: t.TempDir()}
	tables := f.tables(t)
	at := tables.hosts[0]
	open := func(place, keyType, input string) (dataset.Cataloged, error) {
		f.table = object{1: "t", 2: "db", 7: storage(far, parquetInput), 8: []any{object{1: "ds", 2: keyType}}, 9: mapping{"spark.sql.sources.schema": `{"fields":[{"name":"Tail"}]}`}}
		f.has = []object{
			{1: []any{"2024-01-02"}, 6: storage("file://"+f.dir, input), 7: mapping{}},
			{1: []any{nullPartition}, 6: storage(far+"/ds="+nullPartition, parquetInput), 7: mapping{"totalSize": "-1", "spark.sql.statistics.totalSize": "7", "transient_lastDdlTime": "x"}},
			{1: []any{"2024-01-01"}, 6: storage(far+"/ds=2024-01-01", parquetInput), 7: mapping{"totalSize": "100", "numRows": "0", "transient_lastDdlTime": "1700000000"}},
		}
		table, err := tables.Open(t.Context(), place, dataset.Options{})
		if err != nil {
			return nil, err
		}
		return table.(dataset.Cataloged), nil
	}
	table, err := open("db.t", "date", parquetInput)
	if err != nil {
		t.Fatal(err)
	}
	day, _ := value.ParseDate("2024-01-01")
	want := []dataset.Part{
		{Path: far + "/ds=" + nullPartition, Size: 7, Rows: -1, Partition: map[string]value.Value{"ds": {}}},
		{Path: far + "/ds=2024-01-01", Size: 100, Modified: time.Unix(1_700_000_000, 0).UTC(), Rows: -1, Partition: map[string]value.Value{"ds": value.OfDate(day)}},
		{Path: "file://" + f.dir, Rows: -1, Partition: map[string]value.Value{"ds": value.OfDate(day + 1)}},
	}
	if got := table.Parts(); !reflect.DeepEqual(got, want) {
		t.Errorf("its parts are %+v, want %+v", got, want)
	}
	_, err = table.Scan(t.Context(), dataset.Scan{})
	says := "table db.t of the Hive metastore at " + at + ", partition ds=" + nullPartition + ", lies at " + far + "/ds=" + nullPartition + `, and hdfs:// is not read: where it is mounted, say so under [hive], mounts = ["hdfs://nn:8020/w=/where/it/is/mounted"], ` +
		`or copy it to a file system of this machine, or have Spark, whose catalog it is in too, read it by its name: [batch] engine = "spark"`
	if err == nil || err.Error() != says {
		t.Errorf("a scan says\n%v\nwant\n%s", err, says)
	}
	n, err := table.Named()
	if err != nil || n.Far == nil || n.Far.Error() != says {
		t.Fatalf("it is named %+v, %v", n, err)
	}
	n.Far = nil
	if want := (&dataset.Named{Catalog: "the Hive metastore at " + at, Database: "db", Table: "t", Locations: []string{far, "hdfs://nn:8020/w/spark"}, Types: map[string]string{"x": "decimal(9,3)", "Tail": "string", "ds": "date"},
		Keys: value.Schema{{Name: "ds", Type: value.Date}}}); !reflect.DeepEqual(n, want) {
		t.Errorf("it is named %+v, want %+v", n, want)
	}
	if table, err = open("db.t/ds>=2024-01-01", "date", parquetInput); err != nil || len(table.Parts()) != 2 {
		t.Fatalf("some of it: %v", err)
	}
	if n, err = table.Named(); err != nil || !reflect.DeepEqual(n.Conditions, []dataset.Condition{{Column: "ds", Op: ">=", Value: value.OfDate(day)}}) {
		t.Errorf("some of it is named %+v, %v", n, err)
	}
	// Here alone, it is read as ever.
	if table, err = open("db.t/ds=2024-01-02", "date", parquetInput); err != nil {
		t.Fatal(err)
	}
	if n, err = table.Named(); err != nil || n.Far != nil || len(table.Parts()) > 0 {
		t.Errorf("what lies here is named %+v, %v", n, err)
	}
	for _, c := range []struct{ keyType, input, says string }{
		{"char(10)", parquetInput, "partition column ds is char(10), whose values Spark pads: alter it to string"},
		{"date", "org.apache.hadoop.mapred.TextInputFormat", "partition ds=2024-01-02, is text, whose times Spark would read in the zone of its machines"},
	} {
		if table, err = open("db.t", c.keyType, c.input); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Named(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: it is named, %v", c.says, err)
		}
		if _, err := table.Scan(t.Context(), dataset.Scan{}); err == nil || !strings.Contains(err.Error(), "nor can Spark be told its name: ") || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "[batch]") {
			t.Errorf("%s: a scan says %v", c.says, err)
		}
	}
}

// A file that is damaged where its rows are says of which table of which metastore it is.
func TestDamagedFile(t *testing.T) {
	f := &fake{dir: t.TempDir()}
	tables := f.tables(t)
	w, err := tables.Create(t.Context(), "db.t", "late", schema, dataset.Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := errors.Join(w.Write(value.BatchOf(schema, [][]value.Value{{value.OfInt(1), value.OfString("a")}})), w.Close()); err != nil {
		t.Fatal(err)
	}
	tbl, err := tables.Open(t.Context(), "db.t", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := tbl.Parts()[0].Path
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[4:], bytes.Repeat([]byte{0xff}, 16)) // the head of the first page; the footer, which is read already, is at the end
	// nobody is seen to have written it
	if err := errors.Join(os.WriteFile(path, b, 0o644), os.Chtimes(path, time.Time{}, tbl.Parts()[0].Modified)); err != nil {
		t.Fatal(err)
	}
	_, _, err = datasettest.Drain(t.Context(), tbl, dataset.Scan{Columns: schema.Names()})
	if want := "table db.t of the Hive metastore at " + tables.hosts[0] + ": "; err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "was changed") {
		t.Errorf("a damaged file says %v, want %s", err, want)
	}
}

// A metastore that is away, or wants to know who we are, is said to; another is asked meanwhile.
func TestMetastoresInTurn(t *testing.T) {
	f := &fake{dir: t.TempDir()}
	mute, good := f.serve(t, true), f.serve(t, false)
	for _, c := range []struct {
		uris []string
		says string
	}{
		{[]string{mute}, "hive.metastore.sasl.enabled=false"}, {[]string{"thrift://127.0.0.1:1"}, "start it, or correct [hive] metastore"}, {[]string{"thrift://127.0.0.1:1", mute, good}, ""},
	} {
		m, err := New(Config{URIs: c.uris})
		if err != nil {
			t.Fatal(err)
		}
		err = m.Ping(t.Context())
		var away *Unreachable
		if (c.says == "") != (err == nil) || err != nil && (!errors.As(err, &away) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v say %v, want %q", c.uris, err, c.says)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	m, _ := New(Config{URIs: []string{good}})
	if err := m.Ping(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended gives %v", err)
	}
}

// TestTLS asks metastores with TLS as settings say it: each that does not come about names the server and the setting that helps.
func TestTLS(t *testing.T) {
	a := securetest.New(t)
	here, ours := a.Sign(time.Hour, "127.0.0.1"), a.Sign(time.Hour)
	shows := func(p securetest.Pair) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{p.Own}} }
	mutual := shows(here)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, a.Pool
	f := &fake{dir: t.TempDir()}
	open, closed, plain, elsewhere := f.serveOver(t, false, shows(here)), f.serveOver(t, false, mutual), f.serve(t, false), f.serveOver(t, false, shows(a.Sign(time.Hour, "hive.example")))
	theirs := securetest.New(t).Sign(time.Hour)
	for name, c := range map[string]struct {
		at   string
		tls  secure.TLS
		says string
	}{
		"trusted":                   {open, secure.TLS{On: true, CA: a.File}, ""},
		"not trusted":               {open, secure.TLS{On: true}, "nobody who is trusted here has signed its certificate: name by ca under [hive.tls]"},
		"another host's":            {elsewhere, secure.TLS{On: true, CA: a.File}, "its certificate is another host's (hive.example)"},
		"another host's, by name":   {elsewhere, secure.TLS{On: true, CA: a.File, ServerName: "hive.example"}, ""},
		"mutual":                    {closed, secure.TLS{On: true, CA: a.File, Cert: ours.Cert, Key: ours.Key}, ""},
		"mutual, without one":       {closed, secure.TLS{On: true, CA: a.File}, "name that by cert and key under [hive.tls]"},
		"mutual, another's":         {closed, secure.TLS{On: true, CA: a.File, Cert: theirs.Cert, Key: theirs.Key}, " under [hive.tls]"},
		"it has none":               {plain, secure.TLS{On: true, CA: a.File}, "as one does that speaks none: leave enabled out under [hive.tls]"},
		"it has, and is not asked":  {open, secure.TLS{}, "it speaks TLS, and was asked without): write enabled = true under [hive.tls]"},
		"it wants SASL within":      {f.serveOver(t, true, shows(here)), secure.TLS{On: true, CA: a.File}, "where it wants SASL, let it take connections without"},
		"a file that is not there":  {open, secure.TLS{On: true, CA: "/no/such"}, "/no/such"},
		"a certificate, and no key": {open, secure.TLS{On: true, Cert: ours.Cert}, "cert is named, and its key is not"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := New(Config{URIs: []string{c.at}, TLS: c.tls})
			if err == nil {
				err = m.Ping(t.Context())
			}
			if (c.says == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("it says %v, want %s", err, c.says)
			}
		})
	}
}

// TestRealTLS asks Hive's own metastore that speaks TLS; one that was not told of TLS, or not of its certificate, learns what to set.
func TestRealTLS(t *testing.T) {
	s := servers.Own(t, servers.StartSecureMetastore)
	ping := func(c secure.TLS) error {
		m, err := New(Config{URIs: []string{s.URL}, TLS: c})
		if err != nil {
			t.Fatal(err)
		}
		return m.Ping(t.Context())
	}
	if err := ping(secure.TLS{On: true, CA: s.CA}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		tls  secure.TLS
		says string
	}{{secure.TLS{On: true}, "name by ca under [hive.tls]"}, {secure.TLS{}, "write enabled = true under [hive.tls]"}} {
		err := ping(c.tls)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("it says %v, want %s", err, c.says)
		}
		t.Log(err)
	}
}

// TestRealMetastoreWithoutTLS: Hive's own metastore that speaks no TLS is said to, where TLS is asked for.
func TestRealMetastoreWithoutTLS(t *testing.T) {
	m, err := New(Config{URIs: []string{servers.Own(t, servers.StartMetastore).URL}, TLS: secure.TLS{On: true}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Ping(t.Context())
	if err == nil || !strings.Contains(err.Error(), "as one does that speaks none: leave enabled out under [hive.tls]") {
		t.Errorf("it says %v", err)
	}
	t.Log(err)
}

// What Hive calls types is read as ours; what has none is an error.
func TestTypes(t *testing.T) {
	for text, want := range map[string]string{
		"decimal(10,2)": "float", "array<struct<a:int,b:map<string,varchar(10)>>>": "list<struct<a:int,b:map<string,string>>>", "timestamp with local time zone": "timestamp", "char(3)": "string",
		"uniontype<int,string>": "", "map<int,string>": "", "array<int": "", "int>": "", "interval_day_time": "", "struct<>": "", "": "",
	} {
		got, err := typeOfHive(text)
		if want == "" && err == nil || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%q is %s (%v), want %q", text, got, err, want)
		}
	}
}

// Answers that are damaged are errors, however they are.
func FuzzAnswer(f *testing.F) {
	e := &encoder{}
	e.message("get_table", reply, 1, object{0: object{1: "t", 3: int64(5), 7: object{2: "file:///x"}, 8: []any{object{1: "a"}}, 9: mapping{"k": "v"}}})
	f.Add(e.b)
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &decoder{in: strings.NewReader(string(b)), left: maxMessage}
		_, _, body := d.message()
		body.object(0).objects(8)
		body.object(0).params(9)
	})
}
