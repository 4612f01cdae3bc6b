package redis

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNames checks that the name of a hash can be read back, and that all of a key has one tag, which is what a Cluster hashes.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := names{rapid.SampledFrom([]string{"p", "p:q", "a.b-c"}).Draw(t, "prefix")}
		text := rapid.StringOfN(rapid.SampledFrom([]rune{0, 'a', ':', '{', '}', '%', '2', '5', '-', 0xff}), 0, 6, -1)
		h := hashed{text.Draw(t, "space"), text.Draw(t, "key"), rapid.Int64().Draw(t, "step"), rapid.Int64().Draw(t, "period")}
		name := n.hash(h.space, h.key, h.step, h.period)
		if got, ok := n.parse(name); !ok || got != h {
			t.Errorf("%+v reads back from %q as %+v, %v", h, name, got, ok)
		}
		if tag := tagOf(name); tag == "" || tag != tagOf(n.hash(h.space, h.key, h.step+1, h.period-1)) {
			t.Errorf("%q has tag %q, and another step of its key has another", name, tag)
		}
		if !strings.HasPrefix(name, n.line(h.space, h.key, h.step)) || !strings.HasPrefix(name, n.space(h.space)) {
			t.Errorf("%q does not begin as names of its space and line do", name)
		}
	})
}

// tagOf is what a Cluster hashes of a name: what stands between the first { and the next }, if it is not empty.
func tagOf(name string) string {
	_, rest, ok := strings.Cut(name, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return ""
	}
	return tag
}

// TestForeignNames are left alone.
func TestForeignNames(t *testing.T) {
	n := names{"p"}
	for _, name := range []string{"", "p", "{p}:meta", "{p:s", "{p:s:k", "{p:s:k}", "{p:s:k}:1", "{p:s:k}:1:x", "{p:s:k}:x:1", "{q:s:k}:1:1", "{p:s:k:1:1", "{p:%zz:k}:1:1", "{p:%2:k}:1:1"} {
		if h, ok := n.parse(name); ok {
			t.Errorf("%q reads as %+v", name, h)
		}
	}
}

// TestURLs checks what is refused, by what it must say.
func TestURLs(t *testing.T) {
	for url, want := range map[string]string{
		"":                                       "is no URL of Redis",
		"localhost:6379":                         "is no URL of Redis",
		"http://localhost":                       "is no URL of Redis",
		"redis://":                               "is no URL of Redis",
		"redis://:s3cr3t@host:port":              "invalid port",
		"redis://u:s3cr3t@host/x":                "invalid database number",
		"redis://u:s3cr3t@host?tls=1":            `unknown parameter "tls"`,
		"redis://u:s3cr3t@host?db=1&db=2":        "given twice",
		"redis://u:s3cr3t@host?ca=/x.pem":        "want rediss://",
		"rediss://u:s3cr3t@host?ca=/no/such.pem": "no such file",
		"rediss://u:s3cr3t@host?cert=/no/such":   "cert is named, and its key is not",
	} {
		_, _, err := parseURL(url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", url, want, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: the password is in the error: %v", url, err)
		}
	}
	opt, at, err := parseURL("rediss://u:s3cr3t@a:1/3?addr=b:2&master_set=m&sentinel_password=other")
	if err != nil || at != "rediss://a:1/3" || len(opt.InitAddress) != 2 || opt.Sentinel.MasterSet != "m" || opt.Sentinel.Password != "other" || opt.Password != "s3cr3t" || opt.SelectDB != 3 ||
		opt.TLSConfig == nil || opt.Sentinel.TLSConfig == nil {
		t.Errorf("%+v, %q, %v", opt, at, err)
	}
}
