package predict

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve"
)

// onTrial is a step at which a canary has a hundredth of the requests.
func onTrial() *trial {
	return &trial{traffic: &catalog.Traffic{Endpoint: "late", Model: "m", Canary: &catalog.Canary{Number: 2, Steps: []float64{0.01, 1}}}, canary: newSide(), others: newSide()}
}

// answers notes n rows of one side with scores by row. There are so many keys, and those of the sides differ.
func (t *trial) answers(canary bool, n, keys int, score func(i int) float64) {
	for i := range n {
		t.row(canary, i%keys, score(i))
	}
}

// row notes a request of one row. Its score is NaN where it is refused.
func (t *trial) row(canary bool, key int, score float64) {
	a := Answer{Version: 1, Scores: []float64{score}}
	if math.IsNaN(score) {
		a = Answer{Problem: &serve.Problem{Code: feature.CodeModelRefuses}}
	}
	if canary {
		key = -1 - key
	}
	t.note(canary, []Answer{a}, []int32{0}, []uint64{uint64(key)}, 0, time.Millisecond)
}

func (t *trial) now() verdict { return t.judged(Rules{}.filled(), time.Now()) }

func always(x float64) func(int) float64 { return func(int) float64 { return x } }

// spread are scores evenly spread from one to another.
func spread(from, to float64) func(int) float64 {
	return func(i int) float64 { return from + (to-from)*float64(i*37%100)/100 }
}

// TestTrial has sides answer, and says what becomes of the canary.
func TestTrial(t *testing.T) {
	refusing := func(one int) func(int) float64 {
		return func(i int) float64 {
			if i%one == 0 {
				return math.NaN()
			}
			return spread(0, 1)(i)
		}
	}
	class := func(class, p float64) func(int) float64 { // as scoreOf makes them
		return func(i int) float64 { return class + p + float64(i%10)*1e-4 }
	}
	for _, c := range []struct {
		name         string
		canary       func(int) float64
		rows, keys   int
		others       func(int) float64
		oRows, oKeys int
		back, waits  string // "": neither is it up
	}{
		{"equal", spread(0, 1), 600, 600, spread(0, 1), 2000, 2000, "", ""},
		{"of fifty keys", spread(0, 1), 600, 50, spread(0, 1), 2000, 50, "", ""},
		{"with a few requests", spread(0, 1), 499, 499, spread(0, 1), 2000, 2000, "", "asked 499 of the 500 requests of a step"},
		{"a champion with few requests", spread(0, 1), 600, 600, spread(0, 1), 99, 99, "", "others were asked 99 requests, and from 100 on"},
		{"a champion with none", always(0.9), 600, 600, nil, 0, 1, "", "others were asked 0 requests"},
		{"refuses all", always(math.NaN()), 600, 600, spread(0, 1), 2000, 2000, "refused share 1 over 600 requests, the others' 0 over 2000", ""},
		{"refuses one in ten", refusing(10), 600, 600, spread(0, 1), 2000, 2000, "refused share 0.1 over 600 requests, the others' 0 over 2000", ""},
		{"refuses as the others", refusing(10), 600, 600, refusing(10), 2000, 2000, "", ""},
		{"refuses less", refusing(100), 600, 600, refusing(3), 2000, 2000, "", ""},
		{"both refuse all", always(math.NaN()), 600, 600, always(math.NaN()), 2000, 2000, "", "has answered 0 requests, the others 0"},
		{"a caller's wrong key", always(math.NaN()), 600, 1, spread(0, 1), 2000, 2000, "", "has answered 0 requests"},
		{"one key", always(0.9), 600, 1, spread(0, 1), 2000, 2000, "", "sticky= of which there are more"},
		{"one key beside some", func(i int) float64 { return 0.5 }, 600, 1, spread(0, 1), 2000, 3, "", "most requests are of few keys"},
		{"one key of the others'", spread(0, 1), 300, 300, always(0.9), 120_000, 1, "", "asked 300 of 120300 requests, where its share is 0.01"},
		{"far from zero", spread(1_012_000, 1_012_400), 600, 600, spread(1_000_000, 1_000_400), 2000, 2000, "scores shifted: the distributions are 1.00 apart", ""},
		{"far below zero", spread(-1_000_000_400, -1_000_000_000), 600, 600, spread(-1_000_000_800, -1_000_000_400), 2000, 2000, "scores shifted", ""},
		{"near zero", spread(1e-6, 2e-6), 600, 600, spread(1.6e-6, 2.6e-6), 2000, 2000, "scores shifted", ""},
		{"near one", spread(0.970, 0.971), 600, 600, spread(0.998, 0.999), 2000, 2000, "scores shifted", ""},
		{"of class 700", class(700, 0.97), 600, 600, class(700, 0.6), 2000, 2000, "scores shifted", ""},
		{"of another class", class(701, 0.97), 600, 600, class(700, 0.97), 2000, 2000, "scores shifted", ""},
		{"constant", always(0.25), 600, 600, always(0.25), 2000, 2000, "", ""},
		{"infinite", always(math.Inf(1)), 600, 600, always(math.Inf(1)), 2000, 2000, "", ""},
		{"far away", always(math.Inf(-1)), 600, 600, always(math.Inf(1)), 2000, 2000, "scores shifted", ""},
	} {
		x := onTrial()
		x.answers(false, c.oRows, c.oKeys, c.others)
		x.answers(true, c.rows, c.keys, c.canary)
		v := x.now()
		if !strings.HasPrefix(v.back, c.back) || !strings.Contains(v.waits, c.waits) || (v.back == "") != (c.back == "") || (v.waits == "") != (c.waits == "") || v.up != (c.back == "" && c.waits == "") {
			t.Errorf("%s: %+v", c.name, v)
		}
		if status := x.status(Rules{}.filled(), time.Now()); status.Waits != v.waits || c.canary(0) != c.canary(0) && status.Refused == 0 {
			t.Errorf("%s: %+v", c.name, status)
		}
		if v.stuck != (c.waits != "" && !strings.Contains(c.waits, "of a step")) {
			t.Errorf("%s: %+v", c.name, v)
		}
		if v.stuck && !strings.Contains(v.waits, "bighead deploy m@2 --to late") {
			t.Errorf("%s waits without a cure: %s", c.name, v.waits)
		}
	}
}

// TestTrialHolds has a step that lasts.
func TestTrialHolds(t *testing.T) {
	x := onTrial()
	x.answers(false, 1000, 1000, spread(0, 1))
	x.answers(true, 600, 600, spread(0, 1))
	r, began := Rules{Hold: time.Hour}.filled(), time.UnixMilli(1_700_000_000_000)
	x.traffic.Canary.Since = began
	if v := x.judged(r, began.Add(time.Hour-1)); v.up || v.stuck || v.waits != "the step lasts until 2023-11-14T23:13:20Z" {
		t.Errorf("%+v", v)
	}
	if v := x.judged(r, began.Add(time.Hour)); !v.up {
		t.Errorf("%+v", v)
	}
}

// TestTrialFalseAlarms looks at equal versions after every twentieth row, as often as is decided, and counts those that are rolled back: scores of several
// shapes, spread over keys in several ways, and rows of which some are refused whoever is asked.
func TestTrialFalseAlarms(t *testing.T) {
	const pairs = 1000
	random := rand.New(rand.NewPCG(1, 2))
	shapes := []func() float64{random.Float64, random.NormFloat64, func() float64 { return 1e6 + random.ExpFloat64() }, func() float64 { return float64(random.IntN(3)) },
		func() float64 {
			if random.IntN(20) == 0 {
				return math.NaN()
			}
			return 0.97 + random.Float64()*0.03
		}}
	keys := []int{1, 20, 200, 100_000}
	back, up := 0, 0
	for pair := range pairs {
		x, shape, of := onTrial(), shapes[pair%len(shapes)], keys[pair/len(shapes)%len(keys)]
		known := [2]map[int]float64{{}, {}}
		row := func(side int) {
			key := random.IntN(of)
			if _, ok := known[side][key]; !ok {
				known[side][key] = shape()
			}
			x.row(side == 1, key, known[side][key]) // rows of a key are alike, and refused together
		}
		var v verdict
		for i := 0; i < 600 && v.back == "" && !v.up; i++ {
			for range 3 {
				row(0)
			}
			if row(1); i%20 == 19 {
				v = x.now()
			}
		}
		if v.up {
			up++
		}
		if v.back != "" {
			back++
			t.Logf("of %d keys: %s", of, v.back)
		}
	}
	t.Logf("of %d equal pairs %d rolled back, %d stepped up, the others wait", pairs, back, up)
	if back > 2 || up < pairs/2 {
		t.Errorf("%d rolled back, %d stepped up", back, up)
	}
}

// TestSample has samples of parts add up to one of all, with each row as likely in it as any other, by way of what processes tell each other.
func TestSample(t *testing.T) {
	var all sample
	const parts, rows = 20, 500
	for part := range parts {
		var s sample
		for i := range rows {
			s.draw(uint64(part*rows+i), float64(part), true)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var told sample
		if err := json.Unmarshal(text, &told); err != nil {
			t.Fatal(err)
		}
		all.add(&told)
	}
	of := [parts]int{}
	for i, r := range all.rows {
		of[int(r.score)]++
		if i > 0 && all.rows[(i-1)/2].draw < r.draw {
			t.Fatal("the rows are no heap")
		}
	}
	for part, n := range of {
		if n < sampleSize/parts/2 || n > sampleSize/parts*2 { // 51, give or take 7
			t.Errorf("of part %d there are %d rows of %d", part, n, len(all.rows))
		}
	}
	if w := all.worth(true); len(all.rows) != sampleSize || w != sampleSize || all.worth(false) != w {
		t.Errorf("%d rows are worth %v", len(all.rows), w)
	}
}

// TestSampleWorth counts rows by their keys.
func TestSampleWorth(t *testing.T) {
	var s sample
	if s.worth(true) != 0 || !math.IsInf(s.chance(&s), 1) {
		t.Error("none are worth something")
	}
	for i := range 40 {
		s.draw(uint64(i%10), 0, true)
	}
	for range 360 {
		s.draw(0, 0, false)
	}
	if a, b := s.worth(true), s.worth(false); math.Abs(a-10) > 1e-9 || math.Abs(b-400.0*400/(364*364+9*16)) > 1e-9 {
		t.Errorf("%v, %v", a, b)
	}
}

// TestSampleOddScores are told to another process as they are, also those that JSON has no number for.
func TestSampleOddScores(t *testing.T) {
	x := onTrial()
	for _, score := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 5e-324, -0.0} {
		x.canary.Sample.draw(1, score, true)
	}
	text, err := json.Marshal([]Counted{x.take()})
	if err != nil {
		t.Fatal(err)
	}
	var told []Counted
	if err := json.Unmarshal(text, &told); err != nil || len(told) != 1 || len(told[0].Canary.Sample.rows) != 5 {
		t.Fatalf("%v %s", err, text)
	}
	if s := told[0].Canary.Sample; s.distance(&s) != 0 {
		t.Error("scores are apart from themselves")
	}
}

// TestSideOfOlder takes in what an older bighead counts: its rows and failures, and no score of a histogram that cannot be compared.
func TestSideOfOlder(t *testing.T) {
	var told []Counted
	if err := json.Unmarshal([]byte(`[{"traffic":3,"canary":{"rows":200,"failed":50,"times":{"1300":200},"calls":200,"scores":{"1056":150},"scored":150},"others":{"rows":900,"failed":0,"times":{"1300":900},"calls":900,"scores":{"1051":900},"scored":900}}]`), &told); err != nil {
		t.Fatal(err)
	}
	x := onTrial()
	x.canary.add(&told[0].Canary)
	x.others.add(&told[0].Others)
	if v := x.now(); v.back != "error share 0.25 over 200 requests, the others' 0 over 900" {
		t.Errorf("%+v", v)
	}
	x.canary.Failed = 0
	if v := x.now(); v.back != "" || v.up {
		t.Errorf("%+v", v)
	}
}
