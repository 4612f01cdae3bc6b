package transform

import (
	"errors"
	"strconv"

	"github.com/bighead-ml/bighead/value"
	"github.com/twmb/murmur3"
)

var hashing = &Kind{
	Name: "hashing",
	Doc: "All columns are hashed into `n` numbers, which needs no fitting and knows no unknown value: a string `v` of column `c` adds 1 at the place of `c=v`, each string of a list likewise, a number or a bool " +
		"adds itself at the place of `c`. The place is the absolute value of MurmurHash3 (x86, 32 bits, seed 0) of the UTF-8, modulo `n`; with `signed`, what is added is taken off where the hash is negative. Equals " +
		"scikit-learn's `FeatureHasher(input_type=\"dict\")` to the bit.",
	Names: "`{name}_0` to `{name}_{n-1}`.",
	Nulls: "A null adds nothing.",
	Takes: []value.Kind{value.KindBool, value.KindInt, value.KindFloat, value.KindString},
	Texts: true,
	Many:  true,
	Params: []Param{
		{Name: "n", Doc: "how many numbers", Type: Whole, Positional: true},
		{Name: "name", Doc: "what the columns' names begin with", Type: Text, Default: `"hash"`},
		{Name: "signed", Doc: "whether half of the values are taken off, so that those that fall together do not add up", Type: Truth, Default: "True"},
	},
	Examples: []Example{
		{In: []string{"c string: UA | AA | null", "x float: 0.5 | 2.0 | null"}, Args: `{"n": 3}`,
			Want: []string{"hash_0 float: 0.0 | 0.0 | 0.0", "hash_1 float: -1.0 | 0.0 | 0.0", "hash_2 float: 0.5 | 3.0 | 0.0"}},
	},
	draft: func(b *binding) {
		n := b.within("n", 1, maxColumns)
		d := &draft{in: b.columns}
		for i := range max(min(n, maxColumns), 0) {
			d.out = append(d.out, Column{Name: b.text("name") + "_" + strconv.FormatInt(i, 10), Type: value.Float})
		}
		o := &hasher{N: n, Signed: b.truth("signed")}
		for _, c := range b.columns {
			o.Names = append(o.Names, c.Name)
		}
		d.op = o
		b.add(d)
	},
	op: func() op { return new(hasher) },
}

// hasher is n numbers that values are added to. Names are those that are hashed, which a column keeps though it be renamed.
type hasher struct {
	N      int64    `json:"n"`
	Signed bool     `json:"signed"`
	Names  []string `json:"names"`
}

func (o *hasher) outputs(in []value.Type) ([]output, error) {
	if o.N < 1 || o.N > maxColumns || len(o.Names) != len(in) {
		return nil, errors.New("its size is out of range, or it names other columns")
	}
	return outputsOf(value.Float, int(o.N)), nil
}

func (o *hasher) apply(c *call) error {
	for j, in := range c.in {
		for i := range c.n {
			if in.Nulls.Get(i) {
				continue
			}
			switch in.Type.Kind {
			case value.KindString:
				o.add(c, i, 1, o.Names[j], "=", in.Strs[i])
			case value.KindList:
				for k := range in.Values[i].Len() {
					if e := in.Values[i].At(k); !e.IsNull() {
						o.add(c, i, 1, o.Names[j], "=", e.Str())
					}
				}
			default:
				if x, ok := numeral(in, i); ok && x != 0 {
					o.add(c, i, x, o.Names[j], "", "")
				}
			}
		}
	}
	for _, out := range c.out {
		for i := range c.n {
			out.put(i, out.Floats[i]) // sums may be too large (V2)
		}
	}
	return nil
}

func (o *hasher) add(c *call, row int, x float64, name, mark, text string) {
	c.scratch = append(append(append(c.scratch[:0], name...), mark...), text...)
	h := int64(int32(murmur3.Sum32(c.scratch)))
	place := max(h, -h) % o.N
	if o.Signed && h < 0 {
		x = -x
	}
	c.out[place].Floats[row] += x
}
