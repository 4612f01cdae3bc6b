package mlflow_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/serve/gate"
	"github.com/bighead-ml/bighead/serve/mlflow"
)

const models, versions = mlflow.Prefix + "registered-models/", mlflow.Prefix + "model-versions/"

// TestSearch asks for what a filter and an order mean.
func TestSearch(t *testing.T) {
	s := world(t, mlflow.Options{})
	for _, c := range []struct{ path, filter, order, want string }{
		{models, "", "", "delay fare"},
		{models, "tag.`mlflow.prompt.is_prompt` != 'true'", "", "delay fare"}, // MLflow's client adds this by itself
		{models, "tag.`mlflow.prompt.is_prompt` = 'true'", "", ""},
		{models, "name = 'fare'", "", "fare"},
		{models, `name="fare"`, "", "fare"},
		{models, "name != 'fare'", "", "delay"},
		{models, "name LIKE 'de%'", "", "delay"},
		{models, "name LIKE 'de'", "", ""},
		{models, "name like 'F_re'", "", ""},
		{models, "attribute.name ILIKE 'F_re'", "", "fare"},
		{models, "name LIKE 'd.%'", "", ""},
		{models, "name IN ('fare', 'x')", "", "fare"},
		{models, "name NOT IN ('fare')", "", "delay"},
		{models, "name LIKE '%a%' AND name != 'delay'", "", "fare"},
		{models, "", "name DESC", "fare delay"},
		{models, "", "last_updated_timestamp", "fare delay"}, // an alias of delay changed last
		{models, "creation_timestamp > 1700000000000", "", "fare"},
		{versions, "", "", "delay@3 fare@1 delay@2 delay@1"},
		{versions, "name = 'delay'", "version_number ASC", "delay@1 delay@2 delay@3"},
		{versions, "version_number >= 2 and version_number < '3'", "", "delay@2"},
		{versions, "version_number > 2", "", "delay@3"},
		{versions, "version_number <= 1", "name", "delay@1 fare@1"},
		{versions, "version_number != 1", "", "delay@3 delay@2"},
		{versions, "run_id = 'r3'", "", "fare@1"},
		{versions, "run_id IN ('r1','r2')", "", "delay@2 delay@1"},
		{versions, "source_path LIKE 's3://models/b%'", "", "delay@2"},
		{versions, "tags.`bighead.gate_held` = 'true'", "", "delay@1"},
		{versions, "tags.bighead.artifact != 'aa'", "", "delay@3 fare@1 delay@2"},
		{versions, "tags.other != 'x'", "", ""},
	} {
		q := url.Values{"filter": {c.filter}}
		if c.order != "" {
			q.Set("order_by", c.order)
		}
		if a := ask(t, s, "GET", c.path+"search", q); a.status != 200 || a.said() != c.want {
			t.Errorf("%s %q by %q: %d %q %s, want %q", c.path, c.filter, c.order, a.status, a.said(), a.Text, c.want)
		}
	}
}

// TestPages walks through pages: each version once, none left out, and a token is good for its own search.
func TestPages(t *testing.T) {
	s := world(t, mlflow.Options{})
	q, got := url.Values{"max_results": {"3"}, "order_by": {"version_number"}}, ""
	for range 3 {
		a := ask(t, s, "GET", versions+"search", q)
		got += a.said() + "|"
		if a.Next == "" {
			break
		}
		q.Set("page_token", a.Next)
	}
	if got != "delay@1 fare@1 delay@2|delay@3|" {
		t.Error(got)
	}
	q.Set("order_by", "name")
	for token, want := range map[string]string{q.Get("page_token"): "another filter or order_by", "%%": "is none of this server's", "AAAA": "is none of this server's"} {
		q.Set("page_token", token)
		if a := ask(t, s, "GET", versions+"search", q); a.status != 400 || a.Code != "INVALID_PARAMETER_VALUE" || !strings.Contains(a.Text, want) {
			t.Errorf("%q: %+v", token, a)
		}
	}
}

// TestRefused asks for what is not there, or not offered: each with MLflow's code, and words that help.
func TestRefused(t *testing.T) {
	s := world(t, mlflow.Options{})
	const invalid, missing = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"
	for _, c := range []struct {
		method, path, query, code, says string
		status                          int
	}{
		{"GET", models + "search", "filter=nam = 'x'", invalid, `"nam" is nothing that can be searched by: creation_timestamp, last_updated_timestamp, name`, 400},
		{"GET", models + "search", "filter=params.a = 'x'", invalid, `"params.a" is nothing`, 400},
		{"GET", models + "search", "filter=name = x", invalid, "write a text in quotes", 400},
		{"GET", models + "search", "filter=name > 'x'", invalid, "compared by =, !=, LIKE", 400},
		{"GET", models + "search", "filter=name = 'a' OR name = 'b'", invalid, "joined by AND alone", 400},
		{"GET", models + "search", "filter=name = 'a", invalid, "cannot be read", 400},
		{"GET", models + "search", "filter=name IN ('a'", invalid, "has no end", 400},
		{"GET", models + "search", "filter=name = 'a' AND", invalid, "is nothing", 400},
		{"GET", models + "search", "filter=" + strings.Repeat("a", 10_001), invalid, "longer than 10000", 400},
		{"GET", models + "search", "max_results=1001", invalid, "from 1 to 1000", 400},
		{"GET", models + "search", "max_results=0", invalid, "from 1 to 1000", 400},
		{"GET", models + "search", "order_by=version_number", invalid, "nothing that can be ordered by", 400},
		{"GET", models + "search", "order_by=name UP", invalid, "ASC or DESC", 400},
		{"GET", models + "search", "run_view_type=1", invalid, `no "run_view_type"`, 400},
		{"GET", versions + "search", "filter=version_number LIKE '1'", invalid, "compared by =, !=, <", 400},
		{"GET", versions + "search", "filter=version_number = 'a'", invalid, "no number", 400},
		{"GET", models + "get", "", invalid, "names no model", 400},
		{"GET", models + "get", "name=dela", missing, `did you mean "delay"?`, 404},
		{"GET", models + "alias", "name=delay&alias=champ", missing, "names are: challenger, champion", 404},
		{"GET", models + "alias", "name=fare&alias=", missing, "names are: none", 404},
		{"GET", versions + "get", "name=delay&version=9", missing, "no version 9; the newest is 3", 404},
		{"GET", versions + "get", "name=delay&version=x", invalid, `"x" is no version`, 400},
		{"GET", versions + "get-download-uri", "name=dlay&version=1", missing, "", 404},
		{"GET", mlflow.Prefix + "runs/get", "run_id=r9", missing, `run "r9"`, 404},
		{"GET", mlflow.Prefix + "runs/get", "", invalid, "names no run", 400},
		{"POST", models + "create", "", "NOT_IMPLEMENTED", "bighead train MODEL", 501},
		{"POST", models + "alias", "", "NOT_IMPLEMENTED", "bighead models alias", 501},
		{"DELETE", versions + "delete", "", "NOT_IMPLEMENTED", "read-only", 501},
		{"GET", mlflow.Prefix + "experiments/search", "", "ENDPOINT_NOT_FOUND", "read the registry of models", 404},
	} {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if a := ask(t, s, c.method, c.path, q); a.status != c.status || a.Code != c.code || !strings.Contains(a.Text, c.says) {
			t.Errorf("%s %s?%.60s: %d %s %q, want %d %s %q", c.method, c.path, c.query, a.status, a.Code, a.Text, c.status, c.code, c.says)
		}
	}
	if a := ask(t, s, "POST", models+"get-latest-versions", url.Values{"name": {"delay"}}); a.said() != "delay@3" {
		t.Errorf("%+v", a)
	}
}

// TestGate lets in who may read, as many as there is room for.
func TestGate(t *testing.T) {
	const hashOfT, hashOfU = "e3b98a4da31a127d4bde6e43033f66ba274cab0eb7eb1c70ec41402bf6273dd8", "0bfe935e70c321c7ca3afc75ce0d0ca2f98b5422e008bb31c00c6d7f1f1c0ad6"
	tokens, err := gate.ParseTokens(strings.NewReader("a " + hashOfT + " read\nb " + hashOfU + " push\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New(tokens, 1)
	s := world(t, mlflow.Options{Gate: g})
	if a := ask(t, s, "GET", models+"search", nil); a.status != 401 || a.Code != "UNAUTHENTICATED" || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("%+v", a)
	}
	if a := ask(t, s, "GET", models+"search", nil, "Authorization", "Bearer u"); a.status != 403 || a.Code != "PERMISSION_DENIED" {
		t.Errorf("%+v", a)
	}
	if a := ask(t, s, "GET", models+"search", nil, "Authorization", "Bearer t"); a.said() != "delay fare" {
		t.Errorf("%+v", a)
	}
	if p := g.Enter(); p != nil {
		t.Fatal(p)
	}
	if a := ask(t, s, "GET", models+"search", nil, "Authorization", "Bearer t"); a.status != 503 || a.Code != "TEMPORARILY_UNAVAILABLE" || a.header.Get("Retry-After") == "" {
		t.Errorf("%+v", a)
	}
	g.Leave()
	if a := ask(t, s, "GET", models+"search", nil, "Authorization", "Bearer t"); a.status != http.StatusOK {
		t.Errorf("a place was not given back: %+v", a)
	}
}

// TestDefects are the server's own, and say nothing of what is inside.
func TestDefects(t *testing.T) {
	for _, broken := range []func(context.Context, func(catalog.Models) error) error{
		func(context.Context, func(catalog.Models) error) error { return errors.New("the disk is gone") },
		func(context.Context, func(catalog.Models) error) error { panic("the disk is gone") },
	} {
		s := world(t, mlflow.Options{Models: broken})
		if a := ask(t, s, "GET", models+"search", nil); a.status != 500 || a.Code != "INTERNAL_ERROR" || strings.Contains(a.Text, "disk") {
			t.Errorf("%+v", a)
		}
	}
}
