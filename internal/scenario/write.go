package scenario

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// lineWidth is about how wide a line of YAML may grow.
const lineWidth = 100

// writeYAML writes an object. What fits on a line stands on one.
func writeYAML(root *node) []byte {
	var b bytes.Buffer
	writeBlock(&b, root, "", false)
	return b.Bytes()
}

// writeBlock writes the entries of an object or a list, one or more lines
// each. With inline, the first one continues a line that has begun.
func writeBlock(b *bytes.Buffer, n *node, indent string, inline bool) {
	for i, item := range n.items {
		if i > 0 || !inline {
			b.WriteString(indent)
		}
		head := "-"
		if n.kind == isObject {
			head = word(n.keys[i], true) + ":"
		}
		b.WriteString(head)
		flow := writeFlow(nil, item)
		nested := item.kind == isObject || item.kind == isList
		switch {
		case nested && len(item.items) > 0 && (!flat(item) || len(indent)+len(head)+len(flow) > lineWidth):
			if n.kind == isList {
				b.WriteByte(' ')
				writeBlock(b, item, indent+"  ", true)
			} else {
				b.WriteByte('\n')
				writeBlock(b, item, indent+"  ", false)
			}
			continue
		case item.kind == isText && len(item.text) > lineWidth-20 && foldable.MatchString(item.text):
			fold(b, item.text, indent+"  ")
			continue
		}
		b.WriteByte(' ')
		b.Write(flow)
		b.WriteByte('\n')
	}
}

// flat says that a list or mapping holds nothing that should get a line of its
// own: no mappings in a list, no lists or mappings of more than scalars.
func flat(n *node) bool {
	for _, item := range n.items {
		if item.kind == isObject && n.kind == isList {
			return false
		}
		for _, part := range item.items {
			if part.kind == isObject || part.kind == isList {
				return false
			}
		}
	}
	return true
}

// writeFlow appends a value as it stands on one line.
func writeFlow(b []byte, n *node) []byte {
	open, end := byte('['), byte(']')
	switch n.kind {
	case isText:
		return append(b, word(n.text, false)...)
	case isNull:
		return append(b, "null"...)
	case isFlag, isNumber:
		return append(b, n.text...)
	case isObject:
		open, end = '{', '}'
	}
	b = append(b, open)
	for i, item := range n.items {
		if i > 0 {
			b = append(b, ", "...)
		}
		if n.kind == isObject {
			b = append(b, word(n.keys[i], true)...)
			b = append(b, ": "...)
		}
		b = writeFlow(b, item)
	}
	return append(b, end)
}

// bare are words that mean themselves without quotes, wherever they stand;
// those that YAML takes for something else, scalar knows.
var bare = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+/-]*( [A-Za-z0-9_(][A-Za-z0-9_.+/()-]*)*$`)

// yaml11 are words that older readers take for truth values or nothing.
var yaml11 = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null|0x[0-9a-f]+|0o?[0-7]+|0b[01]+|[0-9.+e_-]+)$`)

// word writes a text, in quotes where it needs them. A key may be any of
// YAML 1.1's words: on is one of the format's own.
func word(s string, key bool) string {
	if bare.MatchString(s) && scalar(s, 0).kind == isText && (key && s == "on" || !yaml11.MatchString(s)) {
		return s
	}
	return quoted(s)
}

// quoted writes a text as JSON does, which YAML reads as well.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // cannot happen to a string
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// foldable are paragraphs of words, each apart from the next by one space or
// one line break.
var foldable = regexp.MustCompile(`^[^\s]+([ \n][^\s]+)*$`)

// fold writes a long text as a block: one paragraph is broken into lines where
// it suits, several keep their own.
func fold(b *bytes.Buffer, s, indent string) {
	style := ">-"
	if strings.Contains(s, "\n") {
		style = "|-"
	}
	b.WriteString(" " + style)
	width := lineWidth
	for i, w := range strings.SplitAfter(s, " ") {
		w = strings.TrimSuffix(w, " ")
		if style == "|-" {
			break
		}
		if i == 0 || width+1+len(w) > lineWidth {
			b.WriteString("\n" + indent + w)
			width = len(indent) + len(w)
			continue
		}
		b.WriteString(" " + w)
		width += 1 + len(w)
	}
	if style == "|-" {
		b.WriteString("\n" + indent + strings.ReplaceAll(s, "\n", "\n"+indent))
	}
	b.WriteByte('\n')
}

// writeJSON appends a value as JSON.
func writeJSON(b []byte, n *node) []byte {
	open, end := byte('['), byte(']')
	switch n.kind {
	case isText:
		return append(b, quoted(n.text)...)
	case isNull:
		return append(b, "null"...)
	case isFlag, isNumber:
		return append(b, n.text...)
	case isObject:
		open, end = '{', '}'
	}
	b = append(b, open)
	for i, item := range n.items {
		if i > 0 {
			b = append(b, ',')
		}
		if n.kind == isObject {
			b = append(append(b, quoted(n.keys[i])...), ':')
		}
		b = writeJSON(b, item)
	}
	return append(b, end)
}
