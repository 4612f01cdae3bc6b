package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bighead-ml/bighead/feature"
)

// predictAnswer is the answer of POST /v1/predict/{endpoint} (docs/interface.md §6).
type predictAnswer struct {
	Endpoint string         `json:"endpoint"`
	Model    string         `json:"model"`
	At       string         `json:"at"`
	Features []string       `json:"features,omitempty"`
	Rows     []predictedRow `json:"rows"`
	Timing   struct {
		Features json.Number `json:"features_ms"`
		Model    json.Number `json:"model_ms"`
	} `json:"timing"`
}

type predictedRow struct {
	Prediction     json.RawMessage            `json:"prediction,omitempty"`
	Class          string                     `json:"class,omitempty"`
	Classes        []string                   `json:"classes,omitempty"`
	ID             string                     `json:"prediction_id,omitempty"`
	Version        *int64                     `json:"version"`
	Degraded       bool                       `json:"degraded"`
	Reason         string                     `json:"reason,omitempty"`
	ShareDefaulted json.Number                `json:"share_defaulted,omitempty"`
	Status         json.RawMessage            `json:"status,omitempty"`
	Values         []json.RawMessage          `json:"values,omitempty"`
	Inputs         map[string]json.RawMessage `json:"inputs,omitempty"`
	Contributions  map[string]json.RawMessage `json:"contributions,omitempty"`
	Bias           json.RawMessage            `json:"bias,omitempty"`
	Unexplained    string                     `json:"unexplained,omitempty"`
	Error          *problemDocument           `json:"error,omitempty"`
}

func (c *cli) predictCommand() *cobra.Command {
	var server, at *string
	var explain bool
	cmd := &cobra.Command{
		Use:   "predict ENDPOINT key=value…",
		Short: "Ask an endpoint for the prediction of one row",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes ENDPOINT and a key=value for each key and request field of its view", cmd.CommandPath())
			}
			return nil
		},

		ValidArgsFunction: c.complete(endpointNames, endpointRowNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := c.openApplied(cmd.Context())
			if err != nil {
				return err
			}
			e, err := find("endpoint", a.typed.Endpoints, func(e *feature.Endpoint) string { return e.Name }, args[0])
			if err != nil {
				return err
			}
			body, err := getBody(e.Model.TrainingSet.View, args[1:], *at)
			if err != nil {
				return err
			}
			if explain {
				body = append(body[:len(body)-1], `,"explain":true}`...)
			}
			k, done, err := c.reach(cmd.Context(), a.Project, *server)
			if err != nil {
				return err
			}
			defer done()
			var answer predictAnswer
			if err := k.call(cmd.Context(), "POST", "/v1/predict/"+url.PathEscape(e.Name), "application/json", bytes.NewReader(body), &answer); err != nil {
				return err
			}
			return c.printPrediction(&answer)
		},
	}
	cmd.Flags().BoolVar(&explain, "explain", false, "print what went into the model, and what each column added to its margin")
	at = cmd.Flags().String("at", "", "the time of the question; the past is refused, since an online store cannot look back (default: now)")
	server = serverFlag(cmd.Flags().String)
	return cmd
}

func (c *cli) printPrediction(a *predictAnswer) error {
	if c.json {
		return json.NewEncoder(c.stdout).Encode(a)
	}
	if len(a.Rows) != 1 {
		return fmt.Errorf("one row was asked for, %d were answered", len(a.Rows))
	}
	row := a.Rows[0]
	if row.Error != nil {
		return mistakef("%s", row.Error)
	}
	by := "its fallback"
	if row.Version != nil {
		by = fmt.Sprintf("%s@%d", a.Model, *row.Version)
	}
	text := string(row.Prediction)
	if row.Class != "" {
		text = row.Class + " " + text
	}
	fmt.Fprintf(c.stdout, "%s %s: %s\n  %s, prediction %s, features %s ms, model %s ms\n", a.Endpoint, asOf(a.At), text, by, row.ID, a.Timing.Features, a.Timing.Model)
	if row.Degraded {
		fmt.Fprintf(c.stdout, "  degraded: %s (share defaulted %s)\n", row.Reason, row.ShareDefaulted)
	}
	if row.Inputs == nil {
		return nil
	}
	return c.printInputs(a, row)
}

// printInputs prints the view's values and, where they are others, what went into the model.
func (c *cli) printInputs(a *predictAnswer, row predictedRow) error {
	statuses, err := statusesOf(row.Status, len(row.Values))
	if err != nil {
		return err
	}
	t := newTable("column", "value", "status", "into the model", "added to the margin")
	t.right[1], t.right[3], t.right[4] = true, true, true
	for i, name := range a.Features {
		t.add(name, shortened(string(row.Values[i])), statuses[i], string(row.Inputs[name]), string(row.Contributions[name]))
		delete(row.Inputs, name)
	}
	var made []string
	for name := range row.Inputs {
		made = append(made, name)
	}
	slices.Sort(made)
	for _, name := range made {
		t.add(name, "", "", string(row.Inputs[name]), string(row.Contributions[name]))
	}
	if err := t.print(c.stdout); err != nil || row.Unexplained == "" {
		if err == nil {
			fmt.Fprintf(c.stdout, "and the bias, which is no column's: %s\n", row.Bias)
		}
		return err
	}
	fmt.Fprintf(c.stdout, "what each column added is not known: %s\n", row.Unexplained)
	return nil
}

func endpointNames(l *loaded, _ []string) []string {
	return namesOf(l.typed.Endpoints, func(e *feature.Endpoint) string { return e.Name }, nil)
}

// endpointRowNames are the keys and request fields of the endpoint that stands first.
func endpointRowNames(l *loaded, args []string) []string {
	for _, e := range l.typed.Endpoints {
		if e.Name == args[0] {
			return notGiven(e.Model.TrainingSet.View.Asked(), args[1:])
		}
	}
	return nil
}
