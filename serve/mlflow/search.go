package mlflow

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
)

// found is something that a search found, with what it is searched and ordered by.
type found struct {
	texts   map[string]string
	numbers map[string]int64
	tags    []tag
	is      any
}

// search is one of the two searches.
type search struct {
	searched keys
	ordered  keys
	order    []string // where the call says none
	last     []string // decides between those that are equal by what the call says
	results  int64    // a page has where the call does not say
	most     int64    // a page has at most
}

var modelSearch = search{
	searched: keys{"name": false, "creation_timestamp": true, "last_updated_timestamp": true}, ordered: keys{"name": false, "creation_timestamp": true, "last_updated_timestamp": true},
	last: []string{"name"}, results: 100, most: 1000,
}

var versionSearch = search{
	searched: keys{"name": false, "version_number": true, "run_id": false, "source_path": false, "creation_timestamp": true, "last_updated_timestamp": true},
	ordered:  keys{"name": false, "version_number": true, "creation_timestamp": true, "last_updated_timestamp": true},
	order:    []string{"last_updated_timestamp DESC"}, last: []string{"name", "version_number DESC"}, results: 10_000, most: 200_000,
}

func (r *registry) searchModels(ctx context.Context, q url.Values) (any, error) {
	run := func() (all []found, err error) {
		err = r.each(ctx, func(versions []*catalog.ModelVersion, aliases map[string]int64) error {
			m, err := r.model(ctx, versions, aliases)
			if err != nil {
				return err
			}
			all = append(all, found{texts: map[string]string{"name": m.Name}, numbers: map[string]int64{"creation_timestamp": m.Created, "last_updated_timestamp": m.Updated}, is: m})
			return nil
		})
		return all, err
	}
	return modelSearch.page(q, "registered_models", run)
}

func (r *registry) searchVersions(ctx context.Context, q url.Values) (any, error) {
	run := func() (all []found, err error) {
		err = r.each(ctx, func(versions []*catalog.ModelVersion, aliases map[string]int64) error {
			for _, v := range versions {
				m := r.version(v, aliases)
				all = append(all, found{
					texts:   map[string]string{"name": m.Name, "run_id": m.Run, "source_path": m.Source},
					numbers: map[string]int64{"version_number": v.Number, "creation_timestamp": m.Created, "last_updated_timestamp": m.Updated}, tags: m.Tags, is: m})
			}
			return nil
		})
		return all, err
	}
	return versionSearch.page(q, "model_versions", run)
}

// each hands over the versions of each model, newest first.
func (r *registry) each(ctx context.Context, do func([]*catalog.ModelVersion, map[string]int64) error) error {
	all, err := r.models.ModelVersions(ctx, "")
	if err != nil {
		return err
	}
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(v *catalog.ModelVersion) bool { return v.Model != all[0].Model })
		if n < 0 {
			n = len(all)
		}
		aliases, err := r.models.Aliases(ctx, all[0].Model, time.Now())
		if err == nil {
			err = do(all[:n], aliases)
		}
		if err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// page is what a search answers: those for which the filter holds, in their order, from where the token says.
func (s *search) page(q url.Values, field string, run func() ([]found, error)) (any, error) {
	for name := range q {
		if !slices.Contains([]string{"filter", "order_by", "max_results", "page_token"}, name) {
			return nil, invalid("a search has no %.40q: it has filter, order_by, max_results, page_token", name)
		}
	}
	clauses, err := parseFilter(q.Get("filter"), s.searched)
	if err != nil {
		return nil, err
	}
	compare, err := s.comparison(q["order_by"])
	if err != nil {
		return nil, err
	}
	limit := s.results
	if text := q.Get("max_results"); text != "" {
		if limit, err = strconv.ParseInt(text, 10, 64); err != nil || limit < 1 || limit > s.most {
			return nil, invalid("max_results %.40q: write a number from 1 to %d", text, s.most)
		}
	}
	of := sha256.Sum256([]byte(fmt.Sprintf("%s %q %q", field, q.Get("filter"), q["order_by"])))
	from, err := startOf(q.Get("page_token"), of[:8])
	if err != nil {
		return nil, err
	}
	all, err := run()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f found) bool {
		return slices.ContainsFunc(clauses, func(c clause) bool { return !c.holds(f.texts, f.numbers, f.tags) })
	})
	slices.SortStableFunc(all, compare)
	from = min(from, uint64(len(all)))
	to := min(from+uint64(limit), uint64(len(all)))
	out := []any{}
	for _, f := range all[from:to] {
		out = append(out, f.is)
	}
	answer := map[string]any{field: out}
	if to < uint64(len(all)) {
		answer["next_page_token"] = base64.RawURLEncoding.EncodeToString(binary.AppendUvarint(slices.Clone(of[:8]), to))
	}
	return answer, nil
}

// startOf is where a page begins. A token is good for the search that gave it, with the same filter and order.
func startOf(token string, of []byte) (uint64, error) {
	if token == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= len(of) {
		return 0, invalid("page_token %.40q is none of this server's", token)
	}
	if !slices.Equal(b[:len(of)], of) {
		return 0, invalid("page_token is of a search with another filter or order_by")
	}
	from, n := binary.Uvarint(b[len(of):])
	if n != len(b)-len(of) {
		return 0, invalid("page_token %.40q is none of this server's", token)
	}
	return from, nil
}

// comparison is the order that a call asks for.
func (s *search) comparison(orders []string) (func(a, b found) int, error) {
	if len(orders) == 0 {
		orders = s.order
	}
	type by struct {
		key      string
		numeric  bool
		backward bool
	}
	var all []by
	for _, text := range slices.Concat(orders, s.last) {
		words := strings.Fields(text)
		if len(words) == 0 || len(words) > 2 || len(words) == 2 && !slices.Contains([]string{"ASC", "DESC"}, strings.ToUpper(words[1])) {
			return nil, invalid("order_by %.60q: write a name, and ASC or DESC", text)
		}
		key := strings.Trim(strings.TrimPrefix(words[0], "attribute."), "`\"")
		numeric, ok := s.ordered[key]
		if !ok {
			return nil, invalid("order_by %.60q is nothing that can be ordered by: %s are", key, s.ordered.names())
		}
		all = append(all, by{key, numeric, len(words) == 2 && strings.EqualFold(words[1], "DESC")})
	}
	return func(a, b found) int {
		for _, o := range all {
			c := cmp.Compare(a.texts[o.key], b.texts[o.key])
			if o.numeric {
				c = cmp.Compare(a.numbers[o.key], b.numbers[o.key])
			}
			if o.backward {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	}, nil
}
