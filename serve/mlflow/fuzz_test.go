package mlflow_test

import (
	"net/url"
	"testing"

	"github.com/bighead-ml/bighead/serve/mlflow"
)

// FuzzSearch sends filters, orders and tokens of all kinds: each is answered or refused as the caller's.
func FuzzSearch(f *testing.F) {
	f.Add("name LIKE 'a%' AND tags.`a b` != \"x\"", "name DESC", "AAAA")
	f.Add("version_number NOT IN ('1', '2')", "attribute.`name`", "")
	f.Add("name IN (", "", "\x00")
	f.Fuzz(func(t *testing.T, filter, order, token string) {
		s := world(t, mlflow.Options{})
		for _, path := range []string{models, versions} {
			if a := ask(t, s, "GET", path+"search", url.Values{"filter": {filter}, "order_by": {order}, "page_token": {token}}); a.status != 200 && a.status != 400 {
				t.Errorf("%d %s", a.status, a.Text)
			}
		}
	})
}
