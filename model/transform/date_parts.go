package transform

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

var dateParts = &Kind{
	Name: "date_parts",
	Doc: "Numbers of a time as clocks and calendars in a zone show it: `weekday` is 0 on Mondays, `iso_year` and `iso_week` are those of ISO 8601 (weeks begin on Mondays, the first has the year's first Thursday), " +
		"`day_of_year` begins at 1. A date has no hour and no zone. Zones are those of `local()` in SQL, with its database; a pipeline keeps the version of its zone's table, and is refused where that is another.",
	Names: "`{column}_{part}`, in the order of `parts`.",
	Nulls: "A null is null in each.",
	Takes: []value.Kind{value.KindTimestamp, value.KindDate},
	Params: []Param{
		{Name: "parts", Doc: "which numbers", Type: TextList, Choices: partNames(), Positional: true},
		{Name: "zone", Doc: "where the clock stands, by its name in the IANA database", Type: Text, Default: `"UTC"`},
	},
	Examples: []Example{
		{In: []string{"t timestamp: 2024-01-01T03:30:00Z | null"}, Args: `{"parts": ["year", "hour", "weekday"], "zone": "America/New_York"}`,
			Want: []string{"t_year int: 2023 | null", "t_hour int: 22 | null", "t_weekday int: 6 | null"}},
		{In: []string{"d date: 2021-01-03 | 2021-01-04"}, Args: `{"parts": ["iso_year", "iso_week"]}`,
			Want: []string{"d_iso_year int: 2020 | 2021", "d_iso_week int: 53 | 1"}},
	},
	draft: datePartsDraft,
	op:    func() op { return new(parts) },
}

var datePart = []struct {
	name  string
	clock bool // not of a date
	of    func(time.Time) int
}{
	{"year", false, time.Time.Year},
	{"quarter", false, func(t time.Time) int { return (int(t.Month()) + 2) / 3 }},
	{"month", false, func(t time.Time) int { return int(t.Month()) }},
	{"day", false, time.Time.Day},
	{"weekday", false, func(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }},
	{"day_of_year", false, time.Time.YearDay},
	{"iso_year", false, func(t time.Time) int { y, _ := t.ISOWeek(); return y }},
	{"iso_week", false, func(t time.Time) int { _, w := t.ISOWeek(); return w }},
	{"hour", true, time.Time.Hour},
	{"minute", true, time.Time.Minute},
	{"second", true, time.Time.Second},
}

func partNames() []string {
	var names []string
	for _, p := range datePart {
		names = append(names, p.name)
	}
	return names
}

func datePartsDraft(b *binding) {
	o := &parts{Parts: b.texts("parts"), Zone: b.text("zone")}
	zone, err := expr.LoadZone(o.Zone)
	if err != nil {
		b.reportName(-1, "zone", o.Zone, expr.ZoneNames(), "%s", err)
		return
	}
	if len(o.Parts) == 0 || len(o.Parts) > len(datePart) {
		b.reportArg("parts", `write ["hour", "weekday"]`, "date_parts makes no part, or one twice")
		return
	}
	o.Version = zone.Version()
	b.each(func(c bound) *draft {
		d := &draft{op: o}
		for _, name := range o.Parts {
			if c.Type.Kind == value.KindDate && isClock(name) {
				b.report(c.asked, "parts", "take it out, or the column", "%q is a date, which has no %s", c.Name, name)
				return nil
			}
			d.out = append(d.out, Column{Name: c.Name + "_" + name, Type: value.Int})
		}
		return d
	})
}

func isClock(name string) bool {
	i := slices.Index(partNames(), name)
	return i >= 0 && datePart[i].clock
}

// parts are numbers of a time in a zone.
type parts struct {
	Parts   []string `json:"parts"`
	Zone    string   `json:"zone"`
	Version string   `json:"zone_version"`

	zone expr.Zone
	of   []func(time.Time) int
}

func (o *parts) outputs(in []value.Type) ([]output, error) {
	zone, err := expr.LoadZone(o.Zone)
	if err != nil {
		return nil, err
	}
	if zone.Version() != o.Version {
		return nil, fmt.Errorf("the table of time zone %s is another than the one it was fitted with: train it again", o.Zone)
	}
	of := make([]func(time.Time) int, 0, len(datePart))
	for _, name := range o.Parts {
		i := slices.Index(partNames(), name)
		if i < 0 || in[0].Kind == value.KindDate && datePart[i].clock || len(of) == len(datePart) {
			return nil, errors.New("its parts are not those of the column's type")
		}
		of = append(of, datePart[i].of)
	}
	o.zone, o.of = zone, of
	return outputsOf(value.Int, len(of)), nil
}

func (o *parts) apply(c *call) error {
	in := c.in[0]
	for i := range c.n {
		if in.Nulls.Get(i) {
			for _, out := range c.out {
				out.null(i)
			}
			continue
		}
		ms := in.Ints[i]
		if in.Type.Kind == value.KindDate {
			ms *= value.DayMS
		} else {
			ms += o.zone.Offset(ms)
		}
		t := time.UnixMilli(ms).UTC()
		for j, of := range o.of {
			c.out[j].Ints[i] = int64(of(t))
		}
	}
	return nil
}
