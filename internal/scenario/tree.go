package scenario

import (
	"encoding/json"
	"unicode/utf8"
)

const (
	maxText  = 4 << 20 // bytes of a scenario's text
	maxDepth = 20      // how deeply its lists and mappings may nest

	// The YAML parser's time grows with the square of some texts' lengths: those
	// of many keys, or of many empty lines. These keep it to a fraction of a second.
	maxYAML  = 64 << 10 // bytes
	maxKeys  = 1500     // keys in a row in one column
	maxEmpty = 100      // empty lines in a row
)

// kind is what a node of the tree is.
type kind uint8

const (
	isNull kind = iota
	isFlag
	isNumber
	isText
	isList
	isObject
)

func (k kind) String() string {
	return [...]string{"empty", "a truth value", "a number", "a text", "a list", "a mapping"}[k]
}

// node is a scenario as written, before anything is known about its fields.
// Scalars keep their spelling, so that no number is rounded before it is judged.
type node struct {
	kind  kind
	text  string   // of a scalar
	keys  []string // of an object, one for each of items
	items []*node  // of a list or an object
	line  int      // from 1; 0: was not read from a text
}

func text(s string) *node   { return &node{kind: isText, text: s} }
func number(s string) *node { return &node{kind: isNumber, text: s} }

// get is the value under key; nil when there is none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for i, k := range n.keys {
		if k == key {
			return n.items[i]
		}
	}
	return nil
}

// has says that key is there with something under it.
func (n *node) has(key string) bool {
	v := n.get(key)
	return v != nil && v.kind != isNull
}

// set puts v under key; nil takes the key away.
func (n *node) set(key string, v *node) {
	for i, k := range n.keys {
		if k != key {
			continue
		}
		if v == nil {
			n.keys = append(n.keys[:i:i], n.keys[i+1:]...)
			n.items = append(n.items[:i:i], n.items[i+1:]...)
		} else {
			n.items[i] = v
		}
		return
	}
	if v != nil {
		n.keys = append(n.keys, key)
		n.items = append(n.items, v)
	}
}

// equal says that two trees would be written the same.
func (n *node) equal(m *node) bool {
	if n == nil || m == nil {
		return n == m
	}
	if n.kind != m.kind || n.text != m.text || len(n.items) != len(m.items) {
		return false
	}
	for i := range n.items {
		if n.kind == isObject && n.keys[i] != m.keys[i] || !n.items[i].equal(m.items[i]) {
			return false
		}
	}
	return true
}

// readTree reads YAML or JSON. Anchors, aliases, tags and several documents are
// refused: a scenario needs none, and a few aliases can unfold to gigabytes.
func readTree(data []byte) (*node, *Error) {
	switch {
	case len(data) > maxText:
		return nil, &Error{Problem: "is " + grouped(int64(len(data))) + " bytes long", Want: "at most " + bytesOf(maxText)}
	case !utf8.Valid(data):
		return nil, &Error{Problem: "is not valid UTF-8", Want: "YAML or JSON in UTF-8"}
	case json.Valid(data):
		// JSON is YAML; but its own reader knows tabs and surrogate pairs better.
		return readJSON(data)
	}
	if len(data) > maxYAML {
		return nil, &Error{Problem: "is " + grouped(int64(len(data))) + " bytes of YAML", Want: "at most " + bytesOf(maxYAML) + ", or JSON"}
	}
	return readYAML(data)
}
