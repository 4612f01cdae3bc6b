package transform

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names that are made of values of rows (families) are told to frameworks, of which LightGBM takes none with characters that mean something in
// JSON, XGBoost none with brackets or <, and both write them into their files. So in a value's part of a name these, and what is no visible
// character, stand as the bytes of their UTF-8 in hexadecimal, as in an address: "a, b" is "a%2C b". It is done here, once, so that a column has
// one name everywhere: in the frames that are trained on, in files, in explanations. A percent sign stays as it is where nobody could take it for
// such a code, and a space where no other name has an underscore in its place, which is what LightGBM makes of it.
const refusedInNames = "\",:[]{}<"

// codedNames says so in the documentation of steps.
const codedNames = "Characters of it that LightGBM or XGBoost does not take in a name (`\" , : [ ] { } <`, control characters) stand as their codes, `a,b` as `a%2Cb`; later steps may write either."

// Unnamed is the first character of a column's name that LightGBM or XGBoost does not take; "": there is none.
func Unnamed(name string) string {
	for _, r := range name {
		if refused(r) {
			return string(r)
		}
	}
	return ""
}

func refused(r rune) bool {
	return strings.ContainsRune(refusedInNames, r) || r != ' ' && (unicode.IsControl(r) || unicode.IsSpace(r)) || r == utf8.RuneError
}

// memberNames are values as parts of names, each another.
func memberNames(values []string) []string {
	out := make([]string, len(values))
	as := map[string]int{} // how many are the same for LightGBM
	for i, v := range values {
		out[i] = memberName(v)
		as[underscored(out[i])]++
	}
	for i, name := range out {
		if as[underscored(name)] > 1 {
			out[i] = strings.ReplaceAll(name, " ", "%20")
		}
	}
	return out
}

func underscored(name string) string { return strings.ReplaceAll(name, " ", "_") }

// memberName is one of them.
func memberName(value string) string {
	if !strings.Contains(value, "%") && Unnamed(value) == "" {
		return value
	}
	var b strings.Builder
	for i, r := range value {
		_, size := utf8.DecodeRuneInString(value[i:])
		switch {
		case refused(r), r == '%' && coded(value[i:]):
			for _, c := range []byte(value[i : i+size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		default:
			b.WriteString(value[i : i+size])
		}
	}
	return b.String()
}

// coded reports whether a text begins with a code.
func coded(text string) bool {
	if len(text) < 3 || text[0] != '%' || strings.ToUpper(text[1:3]) != text[1:3] {
		return false
	}
	_, err := strconv.ParseUint(text[1:3], 16, 8)
	return err == nil
}

// spelled is a name with what its codes stand for: how a user who knows the values alone would write it.
func spelled(name string) string {
	if !strings.Contains(name, "%") {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if coded(name[i:]) {
			x, _ := strconv.ParseUint(name[i+1:i+3], 16, 8)
			b.WriteByte(byte(x))
			i += 2
			continue
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
