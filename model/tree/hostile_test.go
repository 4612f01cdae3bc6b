package tree

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// changed is a file with one part in place of another, everywhere.
func changed(t *testing.T, file, old, with string) []byte {
	t.Helper()
	data := archive()[file]
	if data == nil {
		data = ships()[file]
	}
	out := bytes.ReplaceAll(data, []byte(old), []byte(with))
	if bytes.Equal(out, data) {
		t.Fatalf("%s has no %q", file, old)
	}
	return out
}

// ubjOf is an object of UBJSON whose learner is a value.
func ubjOf(value string) []byte { return []byte("{i\x07learner" + value + "}") }

// sized is a number of 8 bytes as UBJSON writes it.
func sized(n int64) string {
	return "L" + string(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// ensembleOf is an ONNX model of one node with attributes of whole numbers, over an input of so many columns.
func ensembleOf(op string, width int64, ints map[string][]int64) []byte {
	field := func(b []byte, n protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), inner)
	}
	varint := func(b []byte, n protowire.Number, v int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
	}
	node := field(field(field(field(nil, 1, []byte("x")), 2, []byte("y")), 4, []byte(op)), 7, []byte("ai.onnx.ml"))
	for name, values := range ints {
		a := field(nil, 1, []byte(name))
		for _, v := range values {
			a = varint(a, 8, v)
		}
		if len(values) == 1 {
			a = varint(a, 3, values[0])
		}
		node = field(node, 5, a)
	}
	shape := field(nil, 1, varint(nil, 1, width))
	tensor := field(varint(nil, 1, onnxFloat), 2, shape)
	in := field(field(nil, 1, []byte("x")), 2, field(nil, 1, tensor))
	graph := field(field(nil, 1, node), 11, in)
	return field(varint(nil, 1, 8), 7, graph)
}

// TestHostile reads files that say more than they have: each is refused with words on what it is, and has not been believed before.
func TestHostile(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		// Depth.
		"UBJSON in itself":           {ubjOf(strings.Repeat("[", 1<<20)), "values are nested more than 64 deep"},
		"objects of UBJSON":          {ubjOf(strings.Repeat("{i\x01a", 1<<18)), "values are nested more than 64 deep"},
		"XGBoost's JSON in itself":   {[]byte(`{"learner":` + strings.Repeat("[", 1<<20)), "exceeded max depth"},
		"objects of XGBoost's JSON":  {[]byte(strings.Repeat(`{"learner":`, 1<<18)), "exceeded max depth"},
		"CatBoost's JSON in itself":  {[]byte(`{"scale_and_bias":1,"features_info":` + strings.Repeat("[", 1<<20)), "exceeded max depth"},
		"a key of XGBoost's in JSON": {changed(t, "xgb_reg.xgb.json", `"left_children":[1,`, `"left_children":[`+strings.Repeat("[", 1<<16)), "exceeded max depth"},
		// Lengths.
		"a typed array":         {ubjOf("[$d#" + sized(1<<40)), "a length is 1099511627776 where"},
		"a typed array of 2^61": {ubjOf("[$D#" + sized(1<<61)), "a length is 2305843009213693952 where"},
		"an array":              {ubjOf("[#" + sized(1<<33)), "a length is 8589934592 where"},
		"an array below 0":      {ubjOf("[#" + sized(-1)), "a length is -1 where"},
		"a text":                {ubjOf("S" + sized(1<<31)), "a length is 2147483648 where"},
		"values of no bytes":    {ubjOf("[$Z#" + sized(1<<40)), "'Z' as the type of all values"},
		"an object of nulls":    {ubjOf("{#" + sized(1<<40)), "a length is 1099511627776 where"},
		// Counts.
		"features of XGBoost":       {bytes.ReplaceAll(changed(t, "xgb_reg.xgb.json", `"num_feature":"13","num_target"`, `"num_feature":"2147483647","num_target"`), []byte(`"feature_names":["f0","f1","f2","f3","f4","f5","f6","f7","f8","f9","c0","c1","c2"]`), []byte(`"feature_names":[]`)), "at most 65536 features may be without"},
		"classes of XGBoost":        {changed(t, "xgb_multi.xgb.json", `"num_class":"3"`, `"num_class":"2147483647"`), "2147483647 outputs"},
		"classes beyond 32 bits":    {changed(t, "xgb_multi.xgb.json", `"num_class":"3"`, `"num_class":"99999999999"`), "where a number from 0 is expected"},
		"targets of XGBoost":        {changed(t, "xgb_reg.xgb.json", `"num_target":"1"`, `"num_target":"2147483647"`), "2147483647 outputs: at most 65536 are run"},
		"vectors of XGBoost":        {bytes.ReplaceAll(changed(t, "xgb_vector_leaf.xgb.json", `"num_target":"3"`, `"num_target":"65536"`), []byte(`"size_leaf_vector":"3"`), []byte(`"size_leaf_vector":"65536"`)), "base_score has 3 numbers for 65536 outputs"},
		"vectors, and one base":     {vectors(t), "size_leaf_vector is 65536 for 65536 outputs"},
		"a far category":            {changed(t, "xgb_cat.xgb.json", `"categories":[1,`, `"categories":[2147483647,`), "category 2147483647 is not in [0, 2^24)"},
		"categories from afar":      {changed(t, "xgb_cat.xgb.json", `"categories_segments":[`, `"categories_segments":[9223372036854775807,`), "categories_segments"},
		"leaves of LightGBM":        {changed(t, "lgb_numeric.lgb.txt", "num_leaves=12", "num_leaves=2147483647"), "leaf_value= has 12 numbers where 2147483647 are expected"},
		"features of LightGBM":      {changed(t, "lgb_numeric.lgb.txt", "max_feature_idx=12", "max_feature_idx=2147483646"), "13 feature_names where max_feature_idx=2147483646"},
		"classes of LightGBM":       {bytes.ReplaceAll(changed(t, "lgb_numeric.lgb.txt", "num_class=1", "num_class=2147483647"), []byte("num_tree_per_iteration=1"), []byte("num_tree_per_iteration=2147483647")), "2147483647 outputs: at most 65536 are run"},
		"sets of LightGBM":          {changed(t, "lgb_binary.lgb.txt", "\nnum_cat=", "\nnum_cat=214748"), "cat_boundaries= has"},
		"bounds of LightGBM's sets": {changed(t, "lgb_binary.lgb.txt", "\ncat_boundaries=0 ", "\ncat_boundaries=2147483647 "), "cat_boundaries go from 2147483647"},
		"linear leaves":             {changed(t, "lgb_linear_tree.lgb.txt", "\nnum_features=", "\nnum_features=2147483647 "), "num_features= has"},
		"targets of ONNX":           {ensembleOf("TreeEnsembleRegressor", 3, map[string][]int64{"n_targets": {1 << 40}}), "1099511627776 targets"},
		"targets of ONNX 5":         {ensembleOf("TreeEnsemble", 3, map[string][]int64{"n_targets": {1 << 40}}), "1099511627776 targets"},
		"columns of ONNX":           {ensembleOf("TreeEnsembleRegressor", 1<<40, map[string][]int64{"n_targets": {1}}), "the input has 1099511627776 features"},
		"a column of ONNX":          {ensembleOf("TreeEnsembleRegressor", 0, map[string][]int64{"n_targets": {1}, "nodes_featureids": {1 << 50}}), "the input has 1125899906842625 features"},
		"a root of ONNX 5":          {ensembleOf("TreeEnsemble", 3, map[string][]int64{"n_targets": {1}, "tree_roots": {1 << 50}}), "node 1125899906842624 is none"},
		"features of CatBoost":      {changed(t, "regression.json", `"float_feature_index":`, `"float_feature_index":21474836`), "feature"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(c.data)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.300v, want %s", name, err, c.want)
		}
		// A message may quote little, and a document is rewritten and decoded: some times the file, and not what the file says.
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(100*len(c.data)+8<<20) {
			t.Errorf("%s: %d bytes were taken for a file of %d", name, took, len(c.data))
		}
	}
}

// vectors has leaves of 65536 numbers each, of which the file has few.
func vectors(t *testing.T) []byte {
	t.Helper()
	data := bytes.ReplaceAll(changed(t, "xgb_vector_leaf.xgb.json", `"num_target":"3"`, `"num_target":"65536"`), []byte(`"size_leaf_vector":"3"`), []byte(`"size_leaf_vector":"65536"`))
	at := bytes.Index(data, []byte(`"base_score":"`))
	end := at + len(`"base_score":"`) + bytes.IndexByte(data[at+len(`"base_score":"`):], '"')
	return append(append(bytes.Clone(data[:at]), `"base_score":"5E-1`...), data[end:]...)
}
