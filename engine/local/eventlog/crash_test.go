package eventlog

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// callers append in the child, each so many events: not so many that its clock, which goes on with each, passes the day for which copies are
// known, however late it is killed.
const (
	callers     = 4
	callersLast = 90
	mostKills   = 60

	betweenRounds, betweenEvents = 100_000, 200_000 // ms

	_ = uint(value.DayMS - mostKills*betweenRounds - callers*callersLast*betweenEvents) // is not negative
)

// The child of TestKilledProcessesLoseNothing: four callers append, and one seals without end. It prints "try n" before an event is
// appended, and "ok n" once that has returned.
func crashingChild(dir string, round int) error {
	idsInMemory = 50
	clock := newClock()
	clock.Add(int64(round) * betweenRounds)
	o := testOptions(clock)
	o.SegmentBytes = 4000
	log, err := Open(dir, testSchema, o)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(word string, id string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(word, id)
	}
	for c := range callers {
		go func() {
			for n := range callersLast {
				id := fmt.Sprintf("%d-%d-%d", round, c, n)
				say("try", id)
				// The event before comes again with it, as from a caller that was not answered.
				events := []event{{id, testNow, int64(n), 1}, {fmt.Sprintf("%d-%d-%d", round, c, max(n-1, 0)), testNow, int64(max(n-1, 0)), 1}}
				if _, err := log.Append(context.Background(), arriving(Pushed, nil, events...)); err != nil {
					panic(err)
				}
				say("ok", id)
				clock.Add(betweenEvents)
			}
		}()
	}
	for {
		log.Release(log.Next())
		if err := log.Seal(context.Background()); err != nil {
			return err
		}
	}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("BIGHEAD_EVENTLOG_CHILD"); dir != "" {
		round, err := strconv.Atoi(os.Getenv("BIGHEAD_EVENTLOG_ROUND"))
		if err == nil {
			err = crashingChild(dir, round)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestKilledProcessesLoseNothing kills a process that appends and seals, again and again, at a moment that is random, and looks each time
// whether all that was acknowledged is there once, and nothing that was never tried.
func TestKilledProcessesLoseNothing(t *testing.T) {
	kills := mostKills
	if testing.Short() {
		kills = 8
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	tried, acked := map[string]bool{}, map[string]bool{}
	sealed := 0
	for round := range kills {
		killOne(t, dir, round, 1+rng.IntN(120), time.Duration(rng.IntN(20_000))*time.Microsecond, tried, acked)
		if files, err := listSealed(dir); err != nil {
			t.Fatal(err)
		} else {
			sealed = len(files)
		}
		afterKill(t, dir, tried, acked)
		if t.Failed() {
			t.Fatalf("after kill %d", round+1)
		}
	}
	t.Logf("%d kills; %d events tried, %d acknowledged, %d files sealed", kills, len(tried), len(acked), sealed)
	if sealed == 0 || len(acked) < kills {
		t.Errorf("%d acknowledged events and %d sealed files: the children did not get to work", len(acked), sealed)
	}
}

// killOne runs a child until it has said so many lines and a little longer.
func killOne(t *testing.T, dir string, round, lines int, longer time.Duration, tried, acked map[string]bool) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "BIGHEAD_EVENTLOG_CHILD="+dir, fmt.Sprint("BIGHEAD_EVENTLOG_ROUND=", round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(out)
	for n := 1; scan.Scan(); n++ { // also what was said before it died
		word, id, _ := strings.Cut(scan.Text(), " ")
		switch word {
		case "try":
			tried[id] = true
		case "ok":
			acked[id] = true
		}
		if n == lines {
			time.AfterFunc(longer, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	if complaint.Len() > 0 {
		t.Fatalf("the child of round %d: %s", round, complaint.String())
	}
}

// afterKill opens the log and compares.
func afterKill(t *testing.T, dir string, tried, acked map[string]bool) {
	t.Helper()
	idsInMemory = 50
	defer func() { idsInMemory = 0 }()
	clock := newClock()
	l := open(t, dir, testOptions(clock))
	defer l.Close()
	table, err := l.Table(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	inTable := map[string]int{}
	r, err := table.Scan(context.Background(), scanOf("id"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if b == nil {
			if err.Error() != "EOF" {
				t.Fatal(err)
			}
			break
		}
		for _, id := range b.Columns[0].Strs {
			inTable[id]++
		}
	}
	inLog := map[string]int{}
	for _, rec := range readAll(t, l, l.First()) {
		for _, id := range rec.Rows.Columns[0].Strs {
			inLog[id]++
		}
	}
	for id := range acked {
		if inTable[id] != 1 || inLog[id] != 1 {
			t.Errorf("%s was acknowledged, and is %d times in the table and %d times in the log", id, inTable[id], inLog[id])
		}
	}
	for id, n := range inTable {
		if !tried[id] || n != 1 || inLog[id] != 1 {
			t.Errorf("%s is %d times in the table and %d times in the log; tried: %v", id, n, inLog[id], tried[id])
		}
	}
	// All of them are known as copies.
	for id := range inTable {
		n, _ := strconv.Atoi(id[strings.LastIndex(id, "-")+1:])
		v, err := l.writer.ids.index.Look(identify(arriving(Pushed, nil, event{id, testNow, int64(n), 1})).entry(0), testNow-value.DayMS)
		if err != nil || v.String() != "copy" {
			t.Fatalf("%s comes again and is %v, %v", id, v, err)
		}
	}
}
