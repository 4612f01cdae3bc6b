package mlflow

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// clause is one comparison of a filter; all of them must hold.
type clause struct {
	key    string
	tag    bool // key is a tag's
	op     string
	text   string
	number int64
	texts  []string       // of IN
	like   *regexp.Regexp // of LIKE and ILIKE
}

// promptTag is asked for by every search for models of MLflow's client, which keeps prompts beside models. There are none here.
const promptTag = "mlflow.prompt.is_prompt"

// keys are what can be searched by: whether it is a number.
type keys map[string]bool

func (k keys) names() string {
	var out []string
	for name := range k {
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

var tokens = regexp.MustCompile("^(?:'[^']*'|\"[^\"]*\"|`[^`]*`|[A-Za-z_][A-Za-z0-9_]*(?:\\.(?:`[^`]*`|\"[^\"]*\"|[A-Za-z0-9_./-]+))?|-?[0-9]+|!=|<=|>=|=|<|>|\\(|\\)|,)")

// maxFilter bounds a filter.
const maxFilter = 10_000

// parseFilter reads a filter: comparisons of the keys, joined by AND. Anything else is refused, with what it is.
func parseFilter(text string, known keys) ([]clause, error) {
	if len(text) > maxFilter {
		return nil, invalid("the filter is longer than %d bytes", maxFilter)
	}
	var words []string
	for rest := strings.TrimLeftFunc(text, unicode.IsSpace); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		w := tokens.FindString(rest)
		if w == "" {
			return nil, invalid("filter: %.40q cannot be read", rest)
		}
		words, rest = append(words, w), rest[len(w):]
	}
	var out []clause
	p := &filterParser{words: words, known: known}
	for len(p.words) > 0 {
		if len(out) > 0 {
			if w := p.next(); !strings.EqualFold(w, "AND") {
				return nil, invalid("filter: %.40q stands where AND is expected: comparisons are joined by AND alone", w)
			}
		}
		c, err := p.clause()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

type filterParser struct {
	words []string
	known keys
}

// next is the next word; "" at the end.
func (p *filterParser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w
}

func (p *filterParser) clause() (clause, error) {
	c, err := p.left()
	if err != nil {
		return c, err
	}
	c.op = strings.ToUpper(p.next())
	if c.op == "NOT" {
		c.op += " " + strings.ToUpper(p.next())
	}
	if p.known[c.key] && !c.tag {
		return p.numeric(c)
	}
	switch c.op {
	case "=", "!=":
		c.text, err = p.text(c)
	case "LIKE", "ILIKE":
		if c.text, err = p.text(c); err == nil {
			c.like = likePattern(c.text, c.op == "ILIKE")
		}
	case "IN", "NOT IN":
		c.texts, err = p.list(c)
	default:
		err = invalid("filter: %s %s: a text is compared by =, !=, LIKE, ILIKE, IN or NOT IN", c.key, c.op)
	}
	return c, err
}

// left is what is compared.
func (p *filterParser) left() (c clause, err error) {
	word := p.next()
	of, name, dotted := strings.Cut(word, ".")
	switch {
	case !dotted:
		c.key = strings.Trim(word, "`\"")
	case of == "tag" || of == "tags":
		return clause{key: strings.Trim(name, "`\""), tag: true}, nil
	case of == "attribute" || of == "attributes":
		c.key = strings.Trim(name, "`\"")
	default:
		return c, invalid("filter: %.60q is nothing that can be searched by: %s, and tags.NAME are", word, p.known.names())
	}
	if _, ok := p.known[c.key]; !ok {
		return c, invalid("filter: %.60q is nothing that can be searched by: %s, and tags.NAME are", c.key, p.known.names())
	}
	return c, nil
}

func (p *filterParser) numeric(c clause) (clause, error) {
	switch c.op {
	case "=", "!=", "<", "<=", ">", ">=":
	default:
		return c, invalid("filter: %s %s: a number is compared by =, !=, <, <=, > or >=", c.key, c.op)
	}
	word := p.next()
	n, err := strconv.ParseInt(strings.Trim(word, "'\""), 10, 64)
	if err != nil {
		return c, invalid("filter: %s is compared with %.40q, which is no number", c.key, word)
	}
	c.number = n
	return c, nil
}

func (p *filterParser) text(c clause) (string, error) {
	w := p.next()
	if len(w) < 2 || w[0] != '\'' && w[0] != '"' {
		return "", invalid("filter: %s is compared with %.40q: write a text in quotes, 'x'", c.key, w)
	}
	return w[1 : len(w)-1], nil
}

func (p *filterParser) list(c clause) ([]string, error) {
	if w := p.next(); w != "(" {
		return nil, invalid("filter: %s %s takes a list, ('a', 'b')", c.key, c.op)
	}
	var out []string
	for {
		text, err := p.text(c)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
		switch p.next() {
		case ",":
		case ")":
			return out, nil
		default:
			return nil, invalid("filter: the list of %s has no end", c.key)
		}
	}
}

// likePattern is SQL's: % is any text, _ any one character.
func likePattern(text string, foldCase bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)^")
	if foldCase {
		b.WriteString("(?i)")
	}
	for _, r := range text {
		switch r {
		case '%':
			b.WriteString(".*")
		case '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.MustCompile(b.String() + "$")
}

// holds reports whether a clause is true of something with these attributes and tags.
func (c *clause) holds(texts map[string]string, numbers map[string]int64, tags []tag) bool {
	if n, ok := numbers[c.key]; ok && !c.tag {
		switch c.op {
		case "=":
			return n == c.number
		case "!=":
			return n != c.number
		case "<":
			return n < c.number
		case "<=":
			return n <= c.number
		case ">":
			return n > c.number
		}
		return n >= c.number
	}
	text := texts[c.key]
	if c.tag {
		i := slices.IndexFunc(tags, func(t tag) bool { return t.Key == c.key })
		switch {
		case i >= 0:
			text = tags[i].Value
		case c.key == promptTag:
			text = "false"
		default:
			return false // as MLflow has it: what a thing has not is neither equal nor other
		}
	}
	switch c.op {
	case "=":
		return text == c.text
	case "!=":
		return text != c.text
	case "IN":
		return slices.Contains(c.texts, text)
	case "NOT IN":
		return !slices.Contains(c.texts, text)
	}
	return c.like.MatchString(text)
}
