package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ErrNoClass says of a label that it is one, and of no class that the model knows.
var ErrNoClass = errors.New("none of the classes")

// LabelOf reads a label, which is JSON, as metrics take it: of classes the number of the true one, else the value. Of several classes one that
// the model does not know is ErrNoClass; anything else that cannot be a label of its task is another error, which is for people. classes is how many the
// model tells apart, where that is known; 0: it is not.
func (t Task) LabelOf(text string, names []string, classes int) (float64, error) {
	scalar, err := scalarOf(text)
	if err != nil {
		return 0, err
	}
	if t == Regression || t == Ranking {
		x, err := strconv.ParseFloat(scalar, 64)
		if err != nil || text[0] == '"' || math.IsInf(x, 0) || math.IsNaN(x) {
			return 0, fmt.Errorf("label %.60s is no number, which that of a %s is", text, t)
		}
		return x, nil
	}
	if i := classOf(scalar, names, classes); i >= 0 {
		return float64(i), nil
	}
	if t == Binary {
		if len(names) == 0 {
			names = []string{"0", "1"}
		}
		return 0, fmt.Errorf("label %.60s is none of the two classes, %s", text, strings.Join(names, " and "))
	}
	return 0, fmt.Errorf("label %.60s: %w", text, ErrNoClass)
}

// CheckLabel says why a text can be no model's label; nil: it can be one's.
func CheckLabel(text string) error {
	_, err := scalarOf(text)
	return err
}

// scalarOf is the text of a JSON string, number or truth value.
func scalarOf(text string) (string, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("label %.60q is no JSON: %w", text, err)
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case nil:
		return "", errors.New("label is null: leave the prediction out until its truth is known")
	}
	return "", errors.New("label is neither a truth value nor a number nor a string")
}

// classOf finds a class by its name, or by a number that is equal to its name; where classes have no names they are the numbers 0, 1, …
func classOf(scalar string, names []string, classes int) int {
	if i := slices.Index(names, scalar); i >= 0 {
		return i
	}
	x, err := strconv.ParseFloat(scalar, 64)
	if err != nil {
		return -1
	}
	if len(names) == 0 {
		if x == math.Trunc(x) && x >= 0 && x < float64(max(classes, 2)) {
			return int(x)
		}
		return -1
	}
	return slices.IndexFunc(names, func(n string) bool {
		y, err := strconv.ParseFloat(n, 64)
		return err == nil && x == y
	})
}
