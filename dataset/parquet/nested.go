package parquet

import (
	"errors"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/value"
)

// entries is how many levels of a nested leaf are read at once.
const entries = 2048

// cursor walks the entries of a leaf below a list, map or struct: a repetition level, a definition level, and a value where it is there.
type cursor struct {
	name   string
	chunk  *chunk
	counts *dataset.Counts
	reps   []byte
	defs   []byte
	cells  *value.Column
	i, n   int // next entry, entries there
	dense  int // next cell
	done   bool
}

// peek makes sure that an entry is there, unless the leaf is at its end.
func (c *cursor) peek() (rep, def int, err error) {
	if c.i == c.n && !c.done {
		if err := c.refill(); err != nil {
			return 0, 0, err
		}
	}
	if c.done {
		return 0, 0, nil
	}
	if c.chunk.leaf.maxRep > 0 {
		rep = int(c.reps[c.i])
	}
	return rep, int(c.defs[c.i]), nil
}

func (c *cursor) refill() error {
	if c.chunk.values == 0 && c.chunk.in.left() == 0 {
		c.done = true
		return nil
	}
	switch err := c.chunk.nextPage(); {
	case errors.Is(err, errRows): // empty pages at the end
		c.done = true
		return nil
	case err != nil:
		return err
	}
	n := min(entries, c.chunk.values)
	l := c.chunk.leaf
	if l.maxRep > 0 {
		c.reps = make([]byte, n)
		if _, err := c.chunk.rep.Levels(c.reps, 0); err != nil {
			return err
		}
	}
	present := n
	if l.maxDef > 0 {
		var err error
		if c.defs, present, err = c.chunk.definitions(n); err != nil {
			return err
		}
	} else {
		c.defs = make([]byte, n)
	}
	c.cells = value.NewColumn(l.conv.typ, present)
	var bad rejects
	if present > 0 {
		if err := c.chunk.fill(c.cells, 0, present, bad.add); err != nil {
			return err
		}
	}
	for i, b := range bad.at {
		c.cells.SetNull(b)
		c.counts.Null(c.name, bad.why[i], 1)
	}
	c.chunk.values -= n
	c.i, c.n, c.dense = 0, n, 0
	return nil
}

// take gives the entry's value, null where it is not there, and goes on.
func (c *cursor) take() (v value.Value, err error) {
	_, def, err := c.peek()
	if err != nil {
		return v, err
	}
	if c.done {
		return v, errRows
	}
	if def == c.chunk.leaf.maxDef {
		v = c.cells.At(c.dense)
		c.dense++
	}
	c.i++
	return v, nil
}

// nested puts the rows of a column together from the leaves below it (Dremel's assembly, Melnik et al. 2010, as recursive descent:
// the first leaf of each node tells what is there, and the others follow in step).
type nested struct {
	node    *node
	cursors map[*leaf]*cursor
}

var errLevels = errors.New("the levels of a nested column contradict each other")

// read gives the next n rows.
func (r *nested) read(n int) (*value.Column, error) {
	dst := value.NewColumn(r.node.typ, n)
	for i := range n {
		first := r.cursors[r.node.first]
		rep, _, err := first.peek()
		if err != nil {
			return nil, err
		}
		if first.done {
			return nil, errRows
		}
		if rep != 0 {
			return nil, errLevels
		}
		v, err := r.value(r.node)
		if err != nil {
			return nil, err
		}
		dst.Set(i, v)
	}
	return dst, nil
}

// value reads one value of a node.
func (r *nested) value(n *node) (value.Value, error) {
	if n.shape == shapeLeaf {
		return r.cursors[n.leaf].take()
	}
	_, def, err := r.cursors[n.first].peek()
	if err != nil {
		return value.Value{}, err
	}
	if def < n.def || n.shape != shapeStruct && def < n.elemDef {
		if err := r.pass(n); err != nil || def < n.def {
			return value.Value{}, err
		}
		if n.shape == shapeList {
			return value.OfList([]value.Value{}), nil
		}
		return value.OfMap(nil), nil
	}
	switch n.shape {
	case shapeStruct:
		return r.Structure(n)
	case shapeList:
		return r.List(n)
	}
	return r.mapping(n)
}

// pass goes over the one entry that each leaf below a null or empty node has.
func (r *nested) pass(n *node) (err error) {
	n.leaves(func(l *leaf) {
		if err == nil {
			_, err = r.cursors[l].take()
		}
	})
	return err
}

func (r *nested) Structure(n *node) (value.Value, error) {
	fields := make([]value.Entry, len(n.children))
	for i, c := range n.children {
		v, err := r.value(c)
		if err != nil {
			return value.Value{}, err
		}
		fields[i] = value.Entry{Key: c.name, Value: v}
	}
	return value.OfStruct(fields), nil
}

// more reports whether the next entry continues the list or map.
func (r *nested) more(n *node) (bool, error) {
	c := r.cursors[n.first]
	rep, _, err := c.peek()
	if err != nil || c.done {
		return false, err
	}
	if rep > n.rep {
		return false, errLevels
	}
	return rep == n.rep, nil
}

func (r *nested) List(n *node) (value.Value, error) {
	var elems []value.Value
	for more := true; more; {
		v, err := r.value(n.children[0])
		if err != nil {
			return value.Value{}, err
		}
		elems = append(elems, v)
		if more, err = r.more(n); err != nil {
			return value.Value{}, err
		}
	}
	return value.OfList(elems), nil
}

// mapping reads a map. An entry whose key is null (of an invalid text, counted) has no place in a map and is dropped.
func (r *nested) mapping(n *node) (value.Value, error) {
	var out []value.Entry
	for more := true; more; {
		key, err := r.value(n.children[0])
		if err != nil {
			return value.Value{}, err
		}
		v, err := r.value(n.children[1])
		if err != nil {
			return value.Value{}, err
		}
		if !key.IsNull() {
			out = append(out, value.Entry{Key: key.Str(), Value: v})
		}
		if more, err = r.more(n); err != nil {
			return value.Value{}, err
		}
	}
	return value.OfMap(out), nil
}
