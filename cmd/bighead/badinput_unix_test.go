//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestBadInputToAServer sends what no client should to a server, as a process of its own: each request is refused as the caller's, or each event with
// its reason; no answer speaks of a defect, nothing panics, and the server goes on.
func TestBadInputToAServer(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a server")
	}
	dir := faultProject(t)
	c := newHandClock(t, time.Now().UnixMilli())
	l := born(t, dir, c, "BIGHEAD_LOG_LEVEL=debug").up(t)
	long, deep := strings.Repeat("x", 10<<20), strings.Repeat("[", 200_000)
	const secret = "jane.doe@example.com" // of no row may a value be in the log
	event := func(k, ts string) string { return fmt.Sprintf(`{"id":1,"k":%s,"ts":%s}`, k, ts) }
	for _, q := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/v1/events/e", `[` + event(`"`+long+`"`, "1"), http.StatusRequestEntityTooLarge, "max_body"},
		{"/v1/events/e", event(`"`+strings.Repeat("x", 2<<20)+`"`, "1"), 200, "a row of 2"},
		{"/v1/events/e", strings.Repeat("{}\n", 2_000_000), http.StatusRequestEntityTooLarge, "several batches"},
		{"/v1/events/e", `[` + deep, 400, "BH105"},
		{"/v1/events/e", deep, 400, "BH105"},
		{"/v1/events/e", `{"id":` + deep, 200, `"rejected":[{"line":1`},
		{"/v1/events/e", `[{"id":1,"k":"a","ts":1}`, 400, "BH105"},
		{"/v1/events/e", `[] []`, 400, "BH105"},
		{"/v1/events/e", ``, 200, `"accepted":0`},
		{"/v1/events/e", "\x00\xff", 200, `"rejected":[{"line":1`},
		{"/v1/events/e", `7`, 200, `"rejected":[{"line":1`},
		{"/v1/events/e", event(`7`, "1"), 200, `\"k\"`},
		{"/v1/events/e", event(`"a"`, `"soon"`), 200, `\"ts\"`},
		{"/v1/events/e", event(`"a"`, `1e99`), 200, `\"ts\"`},
		{"/v1/events/e", `{"id":99999999999999999999,"k":"a","ts":1}`, 200, `"accepted":1`}, // V5: null, and counted
		{"/v1/events/e", `{"id":1.5,"k":"a","ts":1}`, 200, `\"id\"`},
		{"/v1/events/e", `{"id":1,"k":"a","ts":1,"k":"b"}`, 200, `"rejected":[{"line":1`},
		{"/v1/events/e", `{"id":2,"k":null,"ts":"9999-12-31T23:59:59Z"}`, 200, `"accepted":1`},
		{"/v1/events/e", `{"id":3,"k":"far","ts":"9999-12-31T23:59:59Z"}`, 200, `"accepted":1`},
		{"/v1/events/e", `{"id":4,"k":"far","ts":null}`, 200, `"not_yet":1`},
		{"/v1/events/e", `{"id":5,"k":"` + secret + `","ts":"soon"}`, 200, `"rejected":[{"line":1`},
		{"/v1/events/e", `{"id":"` + secret + `","k":"a","ts":1}`, 200, `"rejected":[{"line":1`},
		{"/v1/events/e", `{"id":6,"k":"` + secret + `","ts":1}`, 200, `"accepted":1`},
		{"/v1/features/v", `{"rows":[{"k":"` + secret + `"}]}`, 200, `"rows"`},
		{"/v1/features/v", `{"rows":[{"k":{"a":"` + secret + `"}}]}`, 200, `"error"`},
		{"/v1/events/nothing", `{}`, 404, "there are"},
		{"/v1/features/v", `{"rows":[{"k":"` + long + `"}]}`, http.StatusRequestEntityTooLarge, "max_body"},
		{"/v1/features/v", `{"rows":` + deep, 400, "BH105"},
		{"/v1/features/v", `{"rows":[{"k":` + deep + `}]}`, 400, "BH105"},
		{"/v1/features/v", `{"rows":[` + strings.Repeat(`{"k":"a"},`, 20_000) + `{"k":"a"}]}`, http.StatusRequestEntityTooLarge, "rows"},
		{"/v1/features/v", `{"rows":[{"k":null}]}`, 200, `"empty"`},
		{"/v1/features/v", `{"rows":[{"k":"far"}]}`, 200, `"values":[0,0,0],"status":["empty","empty","empty"]`}, // what is of the year 9999 is not known before
		{"/v1/features/v", `{"rows":[{"k":{}}]}`, 200, `"error"`},
		{"/v1/features/v", `{"rows":[{"k":"a"}],"at":"9999-12-31T23:59:59Z"}`, 200, "lies ahead"},
		{"/v1/features/v", `{"rows":[{"k":"a"}],"at":1e300}`, 400, "at"},
		{"/v1/features/v", `{"rows":7}`, 400, "BH105"},
		{"/v1/features/v", `null`, 400, "BH105"},
	} {
		status, text, err := l.post(q.path, "", []byte(q.body), nil)
		if err != nil || status != q.status || !strings.Contains(string(text), q.says) || strings.Contains(string(text), "BH117") {
			t.Errorf("%s %.60s…: %d %.300s %v; want %d, %s", q.path, q.body, status, text, err, q.status, q.says)
		}
	}
	slowClients(t, strings.TrimPrefix(l.url, "http://"))
	// A second server on the same folder is refused, and says why.
	second := bornOf(t, os.Args[0], dir, []string{childClock + "=" + c.file.Name()})
	<-second.Done()
	if text := second.text(); !strings.Contains(text, "another process has the online store open") {
		t.Errorf("a second server says\n%s", text)
	}
	if status, text, err := l.post("/v1/events/e", "", fmt.Appendf(nil, `{"id":9,"k":"a","ts":%d}`, c.now()-1000), nil); err != nil || status != 200 || !strings.Contains(string(text), `"accepted":1`) {
		t.Errorf("afterwards: %d %s %v", status, text, err)
	}
	l.Stop()
	logOfNoRows(t, l.text(), secret)
	if text := l.text(); strings.Contains(text, "panic") || strings.Contains(text, "goroutine ") || !strings.Contains(text, "all that was accepted is kept") {
		t.Errorf("it said\n%s", l.LogTail(40))
	}
}

// slowClients begin requests that they do not end, half-close, and go away; others are answered meanwhile.
func slowClients(t *testing.T, address string) {
	t.Helper()
	for _, text := range []string{
		"POST /v1/ev", "POST /v1/events/e HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"id\"", "POST /v1/features/v HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET / HTTP/9.9\r\n\r\n", "POST /v1/events/e HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Minute))
		answer, err := io.ReadAll(conn)
		if first, _, _ := strings.Cut(string(answer), "\r\n"); err != nil || len(answer) > 0 && !strings.Contains(first, " 4") && !strings.Contains(first, " 505") {
			t.Errorf("%.40q is answered with %.200q, %v", text, answer, err)
		}
		conn.Close()
	}
}

// logOfNoRows sees that a log at info and above is a line of JSON each, and holds no value of a row.
func logOfNoRows(t *testing.T, log, secret string) {
	t.Helper()
	lines := 0
	for line := range strings.Lines(log) {
		var entry struct {
			Level string `json:"level"`
			Msg   string `json:"msg"`
			Time  string `json:"time"`
		}
		if !strings.HasPrefix(line, "{") {
			continue // what `up` says to people
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Level == "" || entry.Msg == "" || entry.Time == "" {
			t.Errorf("no line of the log: %v %s", err, line)
		}
		lines++
		if strings.Contains(line, secret) && entry.Level != "DEBUG" {
			t.Errorf("the log holds a row's value: %s", line)
		}
	}
	if lines == 0 {
		t.Errorf("it has no log:\n%s", log)
	}
}
