package iceberg_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/arrow"
	ours "github.com/bighead-ml/bighead/dataset/iceberg"
	"github.com/bighead-ml/bighead/dataset/parquet"
	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/value"
)

const restToken = "right"

// restServer is what Iceberg's REST catalog answers of another catalog's tables to who has the token, as far as reading and appending ask.
type restServer struct {
	t    *testing.T
	over catalog.Catalog
	// between is called before a commit, once: what another writer does meanwhile.
	between func()
}

// serveREST gives the tables of a catalog as they are through REST.
func serveREST(t *testing.T, over catalog.Catalog) ours.Tables {
	t.Helper()
	_, tables := restOver(t, over)
	return tables
}

func restOver(t *testing.T, over catalog.Catalog) (*restServer, ours.Tables) {
	t.Helper()
	s := &restServer{t: t, over: over}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/config", s.config)
	mux.HandleFunc("GET /v1/namespaces", s.namespaces)
	mux.HandleFunc("GET /v1/namespaces/{ns}", s.namespace)
	mux.HandleFunc("GET /v1/namespaces/{ns}/tables", s.tables)
	mux.HandleFunc("GET /v1/namespaces/{ns}/tables/{table}", s.table)
	mux.HandleFunc("POST /v1/namespaces/{ns}/tables/{table}", s.commit)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+restToken {
			s.refuse(w, http.StatusUnauthorized, "NotAuthorizedException", "who are you?")
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return s, ours.Tables{Config: ours.Config{Kind: "rest", URI: server.URL, Token: restToken}, Parquet: parquet.Format{}, Stream: arrow.Stream{}}
}

func (s *restServer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

func (s *restServer) refuse(w http.ResponseWriter, code int, kind, says string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	s.answer(w, map[string]any{"error": map[string]any{"code": code, "type": kind, "message": says}})
}

func (s *restServer) config(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}})
}

func (s *restServer) namespaces(w http.ResponseWriter, r *http.Request) {
	all, err := s.over.ListNamespaces(r.Context(), nil)
	if err != nil {
		s.t.Error(err)
	}
	s.answer(w, map[string]any{"namespaces": all})
}

func (s *restServer) namespace(w http.ResponseWriter, r *http.Request) {
	name := table.Identifier{r.PathValue("ns")}
	if there, err := s.over.CheckNamespaceExists(r.Context(), name); err != nil || !there {
		s.refuse(w, http.StatusNotFound, "NoSuchNamespaceException", "no such namespace")
		return
	}
	s.answer(w, map[string]any{"namespace": name, "properties": map[string]string{}})
}

func (s *restServer) tables(w http.ResponseWriter, r *http.Request) {
	identifiers := []map[string]any{}
	for ident, err := range s.over.ListTables(r.Context(), table.Identifier{r.PathValue("ns")}) {
		if err != nil {
			s.t.Error(err)
			break
		}
		identifiers = append(identifiers, map[string]any{"namespace": ident[:len(ident)-1], "name": ident[len(ident)-1]})
	}
	s.answer(w, map[string]any{"identifiers": identifiers})
}

func (s *restServer) table(w http.ResponseWriter, r *http.Request) {
	tbl, err := s.over.LoadTable(r.Context(), table.Identifier{r.PathValue("ns"), r.PathValue("table")})
	if err != nil {
		s.refuse(w, http.StatusNotFound, "NoSuchTableException", "no such table")
		return
	}
	metadata, err := os.ReadFile(strings.TrimPrefix(tbl.MetadataLocation(), "file://"))
	if err != nil {
		s.t.Error(err)
	}
	s.answer(w, map[string]any{"metadata-location": tbl.MetadataLocation(), "metadata": json.RawMessage(metadata), "config": map[string]string{}})
}

func (s *restServer) commit(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Requirements table.Requirements `json:"requirements"`
		Updates      table.Updates      `json:"updates"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		s.refuse(w, http.StatusBadRequest, "BadRequestException", err.Error())
		return
	}
	if between := s.between; between != nil {
		s.between = nil
		between()
	}
	metadata, at, err := s.over.CommitTable(r.Context(), table.Identifier{r.PathValue("ns"), r.PathValue("table")}, asked.Requirements, asked.Updates)
	if err != nil {
		s.refuse(w, http.StatusConflict, "CommitFailedException", err.Error())
		return
	}
	s.answer(w, map[string]any{"metadata-location": at, "metadata": metadata})
}

// Rows are appended through REST by a commit of the catalog's; where another writer was first, nothing of either's rows is lost or
// half there, and the second is told to run again.
func TestAppendThroughREST(t *testing.T) {
	w := worlds(t)["hadoop"]
	appendRows(t, w, "db.t", rows(0, 50))
	server, tables := restOver(t, w.catalog)
	over := world{w.catalog, tables}
	appendRows(t, over, "db.t", rows(50, 20))
	makePartitioned(t, w, "db.days")
	appendRows(t, over, "db.days", rows(0, 30))
	for place, want := range map[string]string{"db.t": sortedText(rows(0, 70)), "db.days": sortedText(rows(0, 30))} {
		if got := read(t, w, place); got != want {
			t.Errorf("%s is\n%swant\n%s", place, got, want)
		}
	}
	server.between = func() { appendRows(t, w, "db.t", rows(70, 5)) }
	out, err := over.ours.Create(t.Context(), "db.t", "test", schema, dataset.Metadata{})
	if err != nil {
		t.Fatal(err)
	}
	err = out.Write(value.BatchOf(schema, rows(75, 5)))
	if err == nil {
		err = out.Close()
	}
	if got := read(t, w, "db.t"); err == nil || !strings.Contains(err.Error(), "another writer was first") || !strings.Contains(err.Error(), "run it again") || got != sortedText(rows(0, 75)) {
		t.Errorf("after another writer was first (%v) the table is\n%s", err, got)
	}
}

// A table is read through REST as it is through the catalog that wrote it, now and as of a snapshot; who may not read, and what is not there, is a
// line that says what helps.
func TestREST(t *testing.T) {
	w := worlds(t)["hadoop"]
	appendRows(t, w, "db.t", rows(0, 50))
	tbl, err := w.catalog.LoadTable(t.Context(), table.Identifier{"db", "t"})
	if err != nil {
		t.Fatal(err)
	}
	first := tbl.CurrentSnapshot()
	appendRows(t, w, "db.t", rows(50, 20))
	makePartitioned(t, w, "db.days")
	appendRows(t, w, "db.days", rows(0, 30))
	over := world{w.catalog, serveREST(t, w.catalog)}
	if err := over.ours.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for place, want := range map[string]string{"db.t": sortedText(rows(0, 70)), "db.t@" + fmt.Sprint(first.SnapshotID): sortedText(rows(0, 50)), "db.days": sortedText(rows(0, 30))} {
		if got := read(t, over, place); got != want {
			t.Errorf("%s is\n%swant\n%s", place, got, want)
		}
	}
	wrong, none, gone := over.ours, over.ours, over.ours
	wrong.Config.Token, none.Config.Token = "wrong", ""
	gone.Config.URI = closedServer(t)
	at := over.ours.Config.URI
	for _, c := range []struct {
		tables      ours.Tables
		place, says string
	}{
		{wrong, "db.t", "the Iceberg catalog at " + at + " refuses the token (NotAuthorizedException: who are you?): set [iceberg] token to one that it takes"},
		{none, "db.t", "the Iceberg catalog at " + at + " refuses the token"},
		{gone, "db.t", "the Iceberg catalog at " + gone.Config.URI + " does not answer ("},
		{over.ours, "db.tt", `there is no table "tt" in namespace db of the Iceberg catalog at ` + at + `; did you mean "t"?`},
		{over.ours, "bd.t", `there is no namespace "bd" in the Iceberg catalog at ` + at + `; did you mean "db"?`},
	} {
		_, err := c.tables.Open(t.Context(), c.place, dataset.Options{})
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s says %v, want %s", c.place, err, c.says)
		}
	}
	for _, c := range []ours.Tables{wrong, gone} {
		if err := c.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "the Iceberg catalog at "+c.Config.URI) {
			t.Errorf("asked whether it answers, it says %v", err)
		}
	}
}

// closedServer is an address where nobody answers, and nobody else begins to.
func closedServer(t *testing.T) string {
	t.Helper()
	ports, err := proc.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint("http://127.0.0.1:", ports[0])
}
