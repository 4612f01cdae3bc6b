package local

import (
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/value"
)

// coder gives the strings of one column codes while a source is read, so that a row holds a number and no string: half the memory, no
// work for the garbage collector, and no hashing later. When all have been seen, codes become ranks, which compare as the strings do.
//
// It is for columns whose strings come again. One with more than maxTexts of them would be held in memory for nothing; then the source
// is read again with the strings as they are.
type coder struct {
	mu    sync.Mutex
	codes map[string]int32
	bytes int
	most  int // strings
	full  bool

	texts []string // by code, and once sealed by rank
	ranks []int32  // by code
}

// The most distinct strings that a coder holds, and their bytes.
const (
	maxTexts     = 1 << 18
	maxTextBytes = 16 << 20
)

// errTexts ends a scan in which a coder has met too many strings.
var errTexts = errors.New("too many distinct strings")

func newCoder(o Options) *coder {
	c := &coder{codes: map[string]int32{}, most: maxTexts}
	if o.Texts > 0 {
		c.most = o.Texts
	}
	return c
}

// code is the code of a string, a new one where it is new, and the string as the coder holds it.
func (c *coder) code(s string) (int32, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if code, ok := c.codes[s]; ok {
		return code, c.texts[code], nil
	}
	if len(c.texts) == c.most || c.bytes+len(s) > maxTextBytes {
		c.full = true
		return 0, "", errTexts
	}
	s = strings.Clone(s) // it may be a view of a whole page
	code := int32(len(c.texts))
	c.codes[s], c.bytes = code, c.bytes+len(s)
	c.texts = append(c.texts, s)
	return code, s, nil
}

// seal makes the ranks. It may be called more than once.
func (c *coder) seal() {
	if c.codes == nil {
		return
	}
	slices.Sort(c.texts)
	c.ranks = make([]int32, len(c.texts))
	for rank, s := range c.texts {
		c.ranks[c.codes[s]] = int32(rank)
	}
	c.codes = nil
}

// ranked makes ranks of the codes of a column, in place.
func (c *coder) ranked(codes *value.Column) {
	if len(c.ranks) == 0 {
		return // all null
	}
	for i, code := range codes.Ints {
		codes.Ints[i] = int64(c.ranks[code])
	}
}

// text is the strings of ranks.
func (c *coder) text(t value.Type, ranks *value.Column) *value.Column {
	out := &value.Column{Type: t, N: ranks.N, Nulls: ranks.Nulls, Strs: make([]string, ranks.N)}
	for i, r := range ranks.Ints {
		if !ranks.Nulls.Get(i) {
			out.Strs[i] = c.texts[r]
		}
	}
	return out
}

// encoder is a coder for one goroutine: it remembers what it has asked.
type encoder struct {
	coder *coder
	seed  maphash.Seed
	slots []textSlot
	n     int
}

type textSlot struct {
	text string
	code int32 // + 1; 0: empty
}

func newEncoder(c *coder) *encoder {
	return &encoder{coder: c, seed: maphash.MakeSeed(), slots: make([]textSlot, 256)}
}

// encode is the codes of a column of strings.
func (e *encoder) encode(c *value.Column) (*value.Column, error) {
	out := &value.Column{Type: value.Int, N: c.N, Nulls: c.Nulls, Ints: make([]int64, c.N)}
	for i, s := range c.Strs {
		if c.Nulls.Get(i) {
			continue
		}
		code, err := e.code(s)
		if err != nil {
			return nil, err
		}
		out.Ints[i] = int64(code)
	}
	return out, nil
}

func (e *encoder) code(s string) (int32, error) {
	for i := int(maphash.String(e.seed, s)) & (len(e.slots) - 1); ; i = (i + 1) & (len(e.slots) - 1) {
		switch slot := &e.slots[i]; {
		case slot.code == 0:
			code, text, err := e.coder.code(s)
			if err != nil {
				return 0, err
			}
			e.n++
			*slot = textSlot{text, code + 1}
			if 2*e.n > len(e.slots) {
				e.grow()
			}
			return code, nil
		case slot.text == s:
			return slot.code - 1, nil
		}
	}
}

func (e *encoder) grow() {
	old := e.slots
	e.slots = make([]textSlot, 2*len(old))
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		i := int(maphash.String(e.seed, s.text)) & (len(e.slots) - 1)
		for e.slots[i].code != 0 {
			i = (i + 1) & (len(e.slots) - 1)
		}
		e.slots[i] = s
	}
}

// encoders are those of one goroutine, with what it has encoded of the batch at hand: several jobs ask for the same columns.
type encoders struct {
	of   map[*coder]*encoder
	done map[*value.Column]*value.Column
}

func newEncoders() *encoders {
	return &encoders{of: map[*coder]*encoder{}, done: map[*value.Column]*value.Column{}}
}

func (es *encoders) encode(c *coder, column *value.Column) (*value.Column, error) {
	if out := es.done[column]; out != nil {
		return out, nil
	}
	e := es.of[c]
	if e == nil {
		e = newEncoder(c)
		es.of[c] = e
	}
	out, err := e.encode(column)
	if err == nil {
		es.done[column] = out
	}
	return out, err
}

// giveCoders hands the jobs of a scan the coders of their columns.
func (r *run) giveCoders(group []*job) {
	made := map[string]*coder{}
	for _, j := range group {
		for i, coded := range j.layout.coded {
			if text := j.layout.exprs[i].String(); coded {
				if made[text] == nil {
					made[text] = newCoder(r.options)
				}
				j.layout.coders[i] = made[text]
			}
		}
	}
}

// plainText is the key of a source's column or expression whose strings stay strings.
func (j *job) plainText(i int) string { return j.source.Name + "\x00" + j.layout.exprs[i].String() }

// withoutCoders notes the columns whose coders have met too many strings.
func (r *run) withoutCoders(group []*job) {
	for _, j := range group {
		for i, c := range j.layout.coders {
			if c != nil && c.full {
				r.plain[j.plainText(i)] = true
			}
		}
	}
}
