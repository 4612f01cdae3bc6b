package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// featuresAnswer is the answer of POST /v1/features/{view} (docs/interface.md §6).
type featuresAnswer struct {
	View        string   `json:"view"`
	Fingerprint string   `json:"fingerprint"`
	At          string   `json:"at"`
	Features    []string `json:"features"`
	Rows        []struct {
		Values []json.RawMessage `json:"values"`
		Status json.RawMessage   `json:"status"`
		Error  *problemDocument  `json:"error"`
	} `json:"rows"`
}

func (c *cli) getCommand() *cobra.Command {
	var at, server *string
	cmd := &cobra.Command{
		Use:   "get VIEW key=value…",
		Short: "Ask for one vector of features as they are online now",
		Long:  "Ask the server of this project, another with --server, or, where none runs, the online store itself. Values are those of the definitions that were applied.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes VIEW and a key=value for each of its keys, such as `bighead get departure carrier=UA`", cmd.CommandPath())
			}
			return nil
		},

		ValidArgsFunction: c.complete(viewNames, rowNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.openApplied(cmd.Context())
			if err != nil {
				return err
			}
			v, err := find("view", a.typed.Views, func(v *feature.View) string { return v.Name }, args[0])
			if err != nil {
				return err
			}
			body, err := getBody(v, args[1:], *at)
			if err != nil {
				return err
			}
			k, done, err := c.reach(cmd.Context(), a.Project, *server)
			if err != nil {
				return err
			}
			defer done()
			var answer featuresAnswer
			if err := k.call(cmd.Context(), "POST", "/v1/features/"+url.PathEscape(v.Name), "application/json", bytes.NewReader(body), &answer); err != nil {
				return err
			}
			return c.printVector(v, &answer)
		},
	}
	at = cmd.Flags().String("at", "", "the time of the question; the past is refused, since an online store cannot look back (default: now)")
	server = serverFlag(cmd.Flags().String)
	return cmd
}

// getBody is the request for one row.
func getBody(v *feature.View, pairs []string, at string) ([]byte, error) {
	needed := make([]string, 0, len(v.Keys)+len(v.Request))
	for _, k := range slices.Concat(v.Keys, v.Request) {
		if !k.Optional {
			needed = append(needed, k.Name)
		}
	}
	row, err := parseKey(v, "this view", needed, pairs)
	if err != nil {
		return nil, err
	}
	body := []byte(`{"rows":[{`)
	for i, name := range slices.Sorted(maps.Keys(row)) {
		if i > 0 {
			body = append(body, ',')
		}
		body = value.AppendJSON(body, value.OfString(name))
		body = append(body, ':')
		body = value.AppendJSON(body, row[name])
	}
	body = append(body, `}],"status":true`...)
	if at != "" {
		t, ok := value.ParseTimestamp(at)
		if !ok {
			return nil, usagef("--at %q is no time: write it as 2013-03-01T12:00:00Z", at)
		}
		body = fmt.Appendf(body, `,"at":%q`, value.FormatTimestamp(t))
	}
	return append(body, '}'), nil
}

// printVector prints each value with its status, and of those that are empty in which interval there was nothing.
func (c *cli) printVector(v *feature.View, answer *featuresAnswer) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(answer)
	}
	if len(answer.Rows) != 1 {
		return fmt.Errorf("one row was asked for, %d were answered", len(answer.Rows))
	}
	row := answer.Rows[0]
	if row.Error != nil {
		return mistakef("%s", row.Error)
	}
	statuses, err := statusesOf(row.Status, len(row.Values))
	if err != nil {
		return err
	}
	at, _ := value.ParseTimestamp(answer.At)
	fmt.Fprintln(c.stdout, answer.View, asOf(answer.At))
	t := newTable("feature", "value", "status")
	t.right[1] = true
	for i, name := range answer.Features {
		t.add(name, shortened(string(row.Values[i])), statuses[i]+cause(v, name, statuses[i], at))
	}
	if err := t.print(c.stdout); err != nil {
		return err
	}
	switch partial := slices.Contains(statuses, "partial"); {
	case partial && at == value.MinTimestamp:
		fmt.Fprintln(c.stderr, "note: nothing is known yet: push events, or bighead backfill --online")
	case partial:
		fmt.Fprintln(c.stderr, "note: of a part of what is partial nothing is known: `bighead status` says of which time, and the cure")
	}
	if v.Fingerprint != answer.Fingerprint {
		fmt.Fprintf(c.stderr, "note: %s is served in the version %s; applied is %s\n", v.Name, feature.Short(answer.Fingerprint), feature.Short(v.Fingerprint))
	}
	return nil
}

// asOf says which time an answer is of. By the clock of the events there is none before the first.
func asOf(at string) string {
	if at == value.FormatTimestamp(value.MinTimestamp) {
		return "before the first event (its clock is that of the events)"
	}
	return "as of " + at
}

// shownValue is how much of a value is printed; --json gives all of it.
const shownValue = 60

func shortened(text string) string {
	if r := []rune(text); len(r) > shownValue {
		return string(r[:shownValue]) + "…"
	}
	return text
}

// statusesOf reads a row's status: one word for all values, or one for each.
func statusesOf(raw json.RawMessage, n int) ([]string, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return slices.Repeat([]string{one}, n), nil
	}
	var all []string
	if err := json.Unmarshal(raw, &all); err != nil || len(all) != n {
		return nil, fmt.Errorf("the answer has no status for each value: %s", raw)
	}
	return all, nil
}

// cause says why a value is empty: the interval in which its key has no event.
func cause(v *feature.View, name, status string, at int64) string {
	if status != "empty" {
		return ""
	}
	i := slices.IndexFunc(v.Columns, func(c feature.ViewColumn) bool { return c.Name == name })
	if i < 0 || v.Columns[i].Feature == nil {
		return ""
	}
	col := v.Columns[i]
	src := v.Joins[col.Join].Group.Source
	if src.Kind != feature.Events {
		return ": no row of this key"
	}
	if at == value.MinTimestamp {
		return ": no event yet"
	}
	from, to := plan.NewWindow(col.Feature.Window, src.Delay).Bounds(at)
	if from == plan.MinTime {
		return ": no event before " + value.FormatTimestamp(to)
	}
	return fmt.Sprintf(": no event in [%s, %s)", value.FormatTimestamp(from), value.FormatTimestamp(to))
}

// exampleKeys is how a vector of the view is asked for on a command line.
func exampleKeys(v *feature.View) string {
	var out []string
	for _, k := range slices.Concat(v.Keys, v.Request) {
		if !k.Optional {
			out = append(out, k.Name+"=…")
		}
	}
	return strings.Join(out, " ")
}
