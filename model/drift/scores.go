package drift

import "strconv"

// Scores are a model's answers, as they were met: one number each, or of several classes the likeliest and how likely that is. By class each would be a
// column of its own, of thousands.
type Scores struct {
	width   int
	classes []string
	score   *Values // or the greatest probability
	class   *Values
}

// The names of what is measured of scores.
const (
	ScoreName       = "score"
	ClassName       = "class"
	ProbabilityName = "probability of the class"
)

// NewScores are none yet, of so many numbers each; classes are their names, where they have any.
func NewScores(width int, classes []string) *Scores {
	return &Scores{width: width, classes: classes, score: NewValues(Number), class: NewValues(Category)}
}

// Add meets an answer. One of another width is missing.
func (s *Scores) Add(scores []float64) {
	switch {
	case len(scores) != s.width:
		s.score.AddMissing()
		if s.width > 1 {
			s.class.AddMissing()
		}
	case s.width == 1:
		s.score.AddNumber(scores[0])
	default:
		best := 0
		for k, x := range scores {
			if x > scores[best] {
				best = k
			}
		}
		s.score.AddNumber(scores[best])
		s.class.AddText(s.nameOf(best))
	}
}

func (s *Scores) nameOf(class int) string {
	if class < len(s.classes) {
		return s.classes[class]
	}
	return strconv.Itoa(class)
}

// named are the values by the names under which they are kept.
func (s *Scores) named() map[string]*Values {
	if s.width == 1 {
		return map[string]*Values{ScoreName: s.score}
	}
	return map[string]*Values{ClassName: s.class, ProbabilityName: s.score}
}

// Distributions are what is kept of the answers.
func (s *Scores) Distributions() []*Distribution {
	if s.width == 1 {
		return []*Distribution{s.score.Distribution(ScoreName, "")}
	}
	return []*Distribution{s.class.Distribution(ClassName, ""), s.score.Distribution(ProbabilityName, "")}
}

// Compare sets the answers against what was kept of others.
func (s *Scores) Compare(known []*Distribution, comparisons int) []*Comparison {
	var out []*Comparison
	for _, d := range known {
		if v := s.named()[d.Name]; v != nil {
			out = append(out, d.Compare(v, comparisons))
		}
	}
	return out
}
