package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
)

// askers are clients that ask an endpoint without a pause, and know what each version says to each row.
type askers struct {
	t      *testing.T
	url    string
	client pb.PredictionServiceClient
	want   map[int64][]float64 // by version and the row's y
	seen   [4]atomic.Int64     // rows answered by version
	roads  [2]atomic.Int64     // requests answered over HTTP and gRPC
	stop   atomic.Bool
	next   atomic.Int64
	asking sync.WaitGroup
}

// rowsOfRequest is how many rows each request has, each of another key: the keys decide which version answers.
const rowsOfRequest = 50

// yOf is the request field of the rows: which of the numbers has nothing to do with the key.
func yOf(i int) float64 { return float64(i)/4 - 2 }

const differentY = 17

// row is a row of its own: its key, and which y it has.
func (l *askers) row() (key string, y int) {
	n := l.next.Add(1)
	return fmt.Sprint("k", n%9973), int(n % differentY)
}

// begin has eight clients ask over HTTP and four over gRPC until end.
func (l *askers) begin() {
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	for range 8 {
		l.asking.Go(func() {
			for !l.stop.Load() && !l.t.Failed() {
				l.overHTTP(web)
			}
		})
	}
	for range 4 {
		l.asking.Go(func() {
			for !l.stop.Load() && !l.t.Failed() {
				l.overGRPC()
			}
		})
	}
}

func (l *askers) end() {
	l.stop.Store(true)
	l.asking.Wait()
}

func (l *askers) overHTTP(web *http.Client) {
	var body strings.Builder
	var ys []int
	for i := range rowsOfRequest {
		key, y := l.row()
		fmt.Fprintf(&body, `%s{"k":%q,"y":%v}`, []string{`{"rows":[`, ","}[min(i, 1)], key, yOf(y))
		ys = append(ys, y)
	}
	res, err := web.Post(l.url+"/v1/predict/late", "application/json", strings.NewReader(body.String()+"]}"))
	if err != nil {
		l.t.Error(err)
		return
	}
	defer res.Body.Close()
	var a predictAnswer
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil || res.StatusCode != http.StatusOK || len(a.Rows) != len(ys) {
		l.t.Errorf("%s, %d rows, %v", res.Status, len(a.Rows), err)
		return
	}
	for i, row := range a.Rows {
		score, err := strconv.ParseFloat(string(row.Prediction), 64)
		if err != nil || row.Error != nil || row.Version == nil || row.Degraded {
			l.t.Errorf("over HTTP: %+v, %v", row, err)
			return
		}
		l.answered(*row.Version, ys[i], score)
	}
	l.roads[0].Add(1)
}

func (l *askers) overGRPC() {
	q := &pb.PredictRequest{Endpoint: "late", Fields: []string{"k", "y"}}
	var ys []int
	for range rowsOfRequest {
		key, y := l.row()
		q.Rows = append(q.Rows, &pb.Row{Values: []*pb.Value{{Kind: &pb.Value_StringValue{StringValue: key}}, {Kind: &pb.Value_FloatValue{FloatValue: yOf(y)}}}})
		ys = append(ys, y)
	}
	a, err := l.client.Predict(context.Background(), q)
	if err != nil || len(a.GetRows()) != len(ys) {
		l.t.Errorf("over gRPC: %d rows, %v", len(a.GetRows()), err)
		return
	}
	for i, row := range a.GetRows() {
		if row.GetProblem() != nil || row.GetVersion() == 0 || row.GetDegraded() || len(row.GetScores()) != 1 {
			l.t.Errorf("over gRPC: %+v", row)
			return
		}
		l.answered(row.GetVersion(), ys[i], row.GetScores()[0])
	}
	l.roads[1].Add(1)
}

// answered compares a row's answer, to the bit, with what the version that says to have given it says without a server.
func (l *askers) answered(version int64, y int, score float64) {
	if want := l.want[version]; want == nil || want[y] != score {
		l.t.Errorf("version %d says %v where it says %v", version, score, want)
		return
	}
	l.seen[version].Add(1)
}

// more waits until a version has answered a thousand rows more, on either road.
func (l *askers) more(version int64) {
	l.t.Helper()
	from, web, calls := l.seen[version].Load(), l.roads[0].Load(), l.roads[1].Load()
	awaited(l.t, func() string {
		if l.t.Failed() {
			l.t.FailNow()
		}
		if l.seen[version].Load() < from+1000 || l.roads[0].Load() == web || l.roads[1].Load() == calls {
			return ""
		}
		return "there"
	})
}

// TestCanaryUnderLoad has twelve clients ask over HTTP and gRPC, without a pause, while a canary whose scores are shifted is deployed and taken back by
// itself, then a version that is good, which is rolled back by hand: no request fails, none is degraded, and every row is answered as one version answers it.
func TestCanaryUnderLoad(t *testing.T) {
	dir := smallProject(t, predictingFeatures)
	writeProject(t, dir, map[string]string{"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\ndeadline = \"10m\"\nclock = \"events\"\n[audit]\nsample = 0.0\n[log]\nlevel = \"error\"\n"})
	mustRun(t, dir, "apply", "--yes")
	mustRun(t, dir, "backfill", "--online", "--to", "2024-01-02") // so that it is known of the keys that nothing has happened to them
	l := &askers{t: t, want: map[int64][]float64{}}
	var rows []map[string]float64 // of keys that nothing has happened to
	for y := range differentY {
		rows = append(rows, map[string]float64{"g__x_sum_1h": math.NaN(), "g__x_last": 0, "y": yOf(y)})
	}
	for i, fixture := range []string{"lgb_binary", "xgb_binary", "lgb_numeric"} {
		registerVersion(t, dir, fixture, nil)
		l.want[int64(i+1)] = ownAnswers(t, dir, artifactsOfVersions(t, dir, i+1)[i], rows...)
	}
	mustRun(t, dir, "deploy", "m@1", "--to", "late")
	up := startUp(t, dir)
	conn, err := grpc.NewClient(up.grpc(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l.url, l.client = up.url, pb.NewPredictionServiceClient(conn)
	l.begin()
	defer l.end()
	l.more(1)
	mustRun(t, dir, "deploy", "m@2", "--to", "late", "--canary")
	var back catalog.Traffic
	awaited(t, func() string {
		var changes []catalog.Traffic
		if err := json.Unmarshal([]byte(mustRun(t, dir, "models", "history", "--endpoint", "late", "--json")), &changes); err != nil || t.Failed() {
			t.Fatal(err)
		}
		if back = changes[0]; back.Canary != nil {
			return ""
		}
		return back.Reason
	})
	if !strings.HasPrefix(back.Reason, "canary m@2 rolled back: scores shifted: ") || back.By != "bighead up" || back.Rollback == nil {
		t.Errorf("%+v", back)
	}
	l.more(1)
	mustRun(t, dir, "deploy", "m@3", "--to", "late")
	l.more(3)
	mustRun(t, dir, "rollback", "late")
	l.more(1)
	l.end()
	if l.seen[2].Load() < 50 { // now that who asked has the answers
		t.Errorf("the canary was rolled back after %d rows", l.seen[2].Load())
	}
	last := l.seen[3].Load()
	l.overHTTP(http.DefaultClient)
	l.overGRPC()
	if l.seen[3].Load() != last {
		t.Error("version 3 still answers after it was rolled back")
	}
	t.Logf("rows by version %d, %d, %d; requests over HTTP %d, gRPC %d", l.seen[1].Load(), l.seen[2].Load(), l.seen[3].Load(), l.roads[0].Load(), l.roads[1].Load())
}
