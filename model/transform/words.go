package transform

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bighead-ml/bighead/value"
	"golang.org/x/text/unicode/norm"
)

// The tokens of a text: it is brought into normal form C, each code point is made lower by its simple mapping (never into several), and a
// token is a longest run of two or more letters, marks, numbers and underscores (L, M, N, _). A capital sigma at the end of a word becomes ς, as
// Unicode and Python have it; models that were fitted before that was so have σ for it. A list's strings are tokens as they are.
//
// scikit-learn's are other at two edges: it makes lower by the full mapping, which turns İ into two code points, and breaks words at marks.
const tokensDoc = "A text is brought into normal form C and made lower by the simple mapping of each code point, but `Σ` at the end of a word, which becomes `ς`; a token is a longest run of two or more letters, marks, numbers and underscores. The strings of a list are " +
	"tokens as they are. (scikit-learn's tokens are others where making lower gives several code points, as of `İ`, and where there are marks.)"

// tokens calls what with each token of a cell; scratch is used and given back. The bytes are good during the call alone.
func tokens(c *value.Column, i int, scratch []byte, finalSigma bool, what func(token []byte)) []byte {
	if c.Nulls.Get(i) {
		return scratch
	}
	if c.Type.Kind == value.KindList {
		for k := range c.Values[i].Len() {
			if e := c.Values[i].At(k); !e.IsNull() {
				scratch = append(scratch[:0], e.Str()...)
				what(scratch)
			}
		}
		return scratch
	}
	text := c.Strs[i]
	if !ascii(text) {
		text = norm.NFC.String(text)
	}
	b, n := scratch[:0], 0 // the token so far, and its code points
	for at, r := range text {
		if r == '_' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) {
			lower := unicode.ToLower(r)
			if finalSigma && r == 'Σ' && ends(text, at) {
				lower = 'ς'
			}
			b, n = utf8.AppendRune(b, lower), n+1
			continue
		}
		if n > 1 {
			what(b)
		}
		b, n = b[:0], 0
	}
	if n > 1 {
		what(b)
	}
	return b
}

// ends reports whether the sigma at a place of a text ends a word: Unicode's Final_Sigma (15.0.0, §3.13). A cased letter stands before it and none
// behind, what has no part in case not counted.
func ends(text string, at int) bool {
	before := strings.TrimRightFunc(text[:at], caseIgnorable)
	last, _ := utf8.DecodeLastRuneInString(before)
	if !cased(last) {
		return false
	}
	next, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(text[at+len("Σ"):], caseIgnorable))
	return !cased(next)
}

// cased is Unicode's Cased.
func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

// caseIgnorable is Unicode's Case_Ignorable: marks and signs within words, and the characters whose Word_Break is MidLetter, MidNumLet or Single_Quote.
func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", r)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// wordLearner counts the tokens of a column.
type wordLearner struct {
	words   map[string]*word
	rows    int64
	scratch []byte
	most    int64
	least   int64
	make    func(vocabulary []string, found func(string) *word, rows int64) op
}

type word struct {
	times int64 // how often it comes in all
	rows  int64 // in how many rows
	last  int64 // the row that it came in last
}

func (l *wordLearner) add(s *sample) error {
	for i := range s.n {
		row := s.first + int64(i)
		l.scratch = tokens(s.in[0], i, l.scratch, true, func(token []byte) {
			w := l.words[string(token)]
			if w == nil {
				w = &word{last: -1}
				l.words[string(token)] = w
			}
			w.times++
			if w.last != row {
				w.rows++
				w.last = row
			}
		})
	}
	l.rows += int64(s.n)
	if len(l.words) > maxDistinct {
		return fmt.Errorf("it has more than %d different words: take hashing over a list of them", maxDistinct)
	}
	return nil
}

func (l *wordLearner) finish() (op, []string, bool, error) {
	var chosen []string
	for _, text := range sortedKeys(l.words) {
		if l.words[text].rows >= l.least {
			chosen = append(chosen, text)
		}
	}
	if chosen == nil {
		return nil, nil, false, fmt.Errorf("no word comes in %d training rows: lower min_count, or drop it", l.least)
	}
	if int64(len(chosen)) > l.most {
		slices.SortStableFunc(chosen, func(a, b string) int { return int(min(1, max(-1, l.words[b].times-l.words[a].times))) })
		chosen = chosen[:l.most]
		slices.Sort(chosen)
	}
	return l.make(chosen, func(text string) *word { return l.words[text] }, l.rows), chosen, false, nil
}

var wordParams = []Param{
	{Name: "max_features", Doc: "how many words have a column: those that come most often, of equal ones the first by code point", Type: Whole, Default: "1000"},
	{Name: "min_count", Doc: "in how many training rows a word must come", Type: Whole, Default: "1"},
}

// draftWords adds a draft for each column of text.
func (b *binding) draftWords(t value.Type, make func(vocabulary []string, found func(string) *word, rows int64) op) {
	most, least := b.within("max_features", 1, maxColumns), b.within("min_count", 1, 1<<62)
	b.each(func(c bound) *draft {
		return &draft{out: c.family(t), open: true, learn: func(*budget) learner {
			return &wordLearner{words: map[string]*word{}, most: most, least: least, make: make}
		}}
	})
}

// vocabulary is words, ascending by code point.
type vocabulary struct {
	Words []string `json:"words"`
	// FinalSigma says that words were told apart as tokens are now; without it those are meant in which σ and ς differ from that.
	FinalSigma bool `json:"final_sigma,omitempty"`

	at map[string]int32
}

// newVocabulary are words that were learnt. Where none has a sigma, how it was made lower makes no difference, and the file says nothing of it.
func newVocabulary(words []string) vocabulary {
	return vocabulary{Words: words, FinalSigma: slices.ContainsFunc(words, func(w string) bool { return strings.ContainsAny(w, "σς") })}
}

func (v *vocabulary) index() error {
	if len(v.Words) == 0 || len(v.Words) > maxColumns || !ascending(v.Words) {
		return fmt.Errorf("%d words, or they are out of order", len(v.Words))
	}
	v.at = make(map[string]int32, len(v.Words))
	for i, w := range v.Words {
		v.at[strings.Clone(w)] = int32(i)
	}
	return nil
}
