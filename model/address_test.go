package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/model"
)

func TestAddress(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"http://h:8000/v2/models/late", "false false h:8000  late  [] [] 256"},
		{"https://h/a/b%20c/v2/models/a%2Fb/versions/v%203", "false true h:443 /a/b%20c a/b v 3 [] [] 256"},
		{"http://[::1]/v2/models/m", "false false [::1]:80  m  [] [] 256"},
		{"grpc://h:8001/m/3?rows=8", "true false h:8001  m 3 [] [] 8"},
		{"grpcs://h:8001/a%20b", "true true h:8001  a b  [] [] 256"},
		{"http://h:1/v2/models/m?input=a:b:FP64:-1,12&output=y&output=z:INT64:-1", "false false h:1  m  [{a:b FP64 [-1 12]}] [{y  []} {z INT64 [-1]}] 256"},
	} {
		a, err := model.ParseAddress(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := fmt.Sprint(a.GRPC, a.TLS, " ", a.Host, " ", a.Base, " ", a.Name, " ", a.Version, " ", a.Inputs, a.Outputs, a.Rows); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(c.want), " ") || a.Text != c.text {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"ftp://h/m": "http://, https://, grpc:// or grpcs://", "http://h/models/m": "/v2/models/MODEL", "http://h/v2/models/": "names no model", "http://h/v2/models/m/infer": "names no model",
		"http://h/v2/models/m/versions/": "names no model", "http://h/v2/models/m/versions/3/infer": "names no model", "grpc://h:1/": "grpc://host:port/MODEL", "grpc://h:1/m/3/4": "names no model", "grpc://h/m": "no port",
		"http:///v2/models/m": "no host", "http://me:secret@h/v2/models/m": "a user or a password", "http://h/v2/models/m#x": "#", "http://h/v2/models/m?timeout=3": `"timeout" has no meaning`,
		"http://h/v2/models/m?rows=0": "from 1 to", "http://h/v2/models/m?rows=a": "from 1 to", "http://h/v2/models/m?input=x": "write NAME:DATATYPE:SHAPE", "http://h/v2/models/m?input=x:FP65:-1": "did you mean FP64?",
		"http://h/v2/models/m?output=x:FP64:a": "write its dimensions", "http://h:port/v2/models/m": "no URL", "http://h/v2/models/m?rows=1&rows=2": "rows=",
	} {
		if a, err := model.ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, %v, want %q", text, a, err, want)
		}
	}
}
