package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

var plain = struct{ null, flag, number, infinite *regexp.Regexp }{
	null:     regexp.MustCompile(`^(|~|null|Null|NULL)$`),
	flag:     regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`),
	number:   regexp.MustCompile(`^[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$`),
	infinite: regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.nan|\.NaN|\.NAN)$`),
}

// scalar is a word that stands without quotes, read by YAML 1.2's core schema.
func scalar(word string, line int) *node {
	n := &node{kind: isText, text: word, line: line}
	switch {
	case plain.null.MatchString(word):
		n.kind, n.text = isNull, ""
	case plain.flag.MatchString(word):
		n.kind, n.text = isFlag, strings.ToLower(word)
	case plain.number.MatchString(word), plain.infinite.MatchString(word):
		n.kind = isNumber
	}
	return n
}

func readYAML(data []byte) (n *node, wrong *Error) {
	// The parser is somebody else's; that it should panic on some text nobody
	// has tried is no reason for a server to end.
	defer func() {
		if r := recover(); r != nil {
			n, wrong = nil, &Error{Problem: "cannot be read", Want: "valid YAML or JSON"}
		}
	}()
	if line := emptyLines(data); line > 0 {
		return nil, &Error{Problem: fmt.Sprintf("has more than %d empty lines in a row at line %d", maxEmpty, line), Want: "fewer", Line: line}
	}
	tokens := lexer.Tokenize(string(data))
	if wrong := simple(tokens); wrong != nil {
		return nil, wrong
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(err)
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		return &node{kind: isNull}, nil
	case 1:
		return fromAST(bodies[0], 0)
	}
	return nil, &Error{Problem: fmt.Sprintf("is %d YAML documents", len(bodies)), Want: "one"}
}

func syntaxError(err error) *Error {
	// An error of the parser's prints the text around it, which takes long
	// where the text is: its message is asked for by itself.
	var at yaml.Error
	if !errors.As(err, &at) {
		return &Error{Problem: "cannot be read: " + firstLine(err.Error()), Want: "valid YAML or JSON"}
	}
	e := &Error{Problem: "cannot be read: " + firstLine(at.GetMessage()), Want: "valid YAML or JSON"}
	if tk := at.GetToken(); tk != nil && tk.Position != nil {
		e.Line = tk.Position.Line
		e.Problem = fmt.Sprintf("cannot be read at line %d, column %d: %s", e.Line, tk.Position.Column, firstLine(at.GetMessage()))
	}
	return e
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// emptyLines is the line at which a run of empty ones has become too long, or 0.
func emptyLines(data []byte) int {
	line, run := 0, 0
	for text := range bytes.Lines(data) {
		line++
		if run++; len(bytes.TrimSpace(text)) > 0 {
			run = 0
		}
		if run > maxEmpty {
			return line
		}
	}
	return 0
}

// simple refuses, before anything recurses into it, what no scenario needs.
func simple(tokens token.Tokens) *Error {
	depth := 0
	keys := map[int]int{} // by column, since a list last began to its left
	for _, t := range tokens {
		what := ""
		switch t.Type {
		case token.AnchorType, token.AliasType:
			what = "anchors and aliases"
		case token.TagType:
			what = "tags"
		case token.MergeKeyType:
			what = "merge keys"
		case token.MappingKeyType:
			what = `keys that begin with "?"`
		case token.DirectiveType:
			what = "directives"
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				return tooDeep(t.Position.Line)
			}
		case token.SequenceEndType, token.MappingEndType:
			if depth--; depth < 0 {
				return &Error{Problem: fmt.Sprintf("closes a bracket at line %d, column %d, that was not opened", t.Position.Line, t.Position.Column), Want: "valid YAML or JSON", Line: t.Position.Line}
			}
		case token.MappingValueType:
			column := 0
			if t.Prev != nil && depth == 0 {
				column = t.Prev.Position.Column
			}
			if keys[column]++; depth == 0 && keys[column] > maxKeys {
				return &Error{Problem: fmt.Sprintf("has too many keys in a row at line %d", t.Position.Line), Want: fmt.Sprintf("at most %d", maxKeys), Line: t.Position.Line}
			}
		case token.SequenceEntryType:
			for column := range keys {
				if column > t.Position.Column {
					delete(keys, column)
				}
			}
			// A line may open a list in a list in a list: "- - - -".
			if t.Position.Column > 8*maxDepth {
				return tooDeep(t.Position.Line)
			}
		}
		if what != "" {
			return &Error{
				Problem: fmt.Sprintf("uses %s at line %d, column %d, which simd does not read", what, t.Position.Line, t.Position.Column),
				Want:    "plain mappings, lists and values; quotes around a text that begins with a special character",
				Line:    t.Position.Line,
			}
		}
	}
	return nil
}

func tooDeep(line int) *Error {
	return &Error{Problem: fmt.Sprintf("nests too deeply at line %d", line), Want: fmt.Sprintf("at most %d levels", maxDepth), Line: line}
}

func fromAST(from ast.Node, depth int) (*node, *Error) {
	line := 0
	tk := from.GetToken()
	if tk != nil && tk.Position != nil {
		line = tk.Position.Line
	}
	if depth > maxDepth {
		return nil, tooDeep(line)
	}
	switch from := from.(type) {
	case *ast.MappingNode:
		return fromPairs(from.Values, line, depth)
	case *ast.MappingValueNode:
		return fromPairs([]*ast.MappingValueNode{from}, line, depth)
	case *ast.SequenceNode:
		n := &node{kind: isList, line: line}
		for _, v := range from.Values {
			item, wrong := fromAST(v, depth+1)
			if wrong != nil {
				return nil, wrong
			}
			n.items = append(n.items, item)
		}
		return n, nil
	case *ast.LiteralNode:
		return &node{kind: isText, text: from.Value.Value, line: line}, nil
	case *ast.StringNode:
		if tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType {
			return &node{kind: isText, text: from.Value, line: line}, nil
		}
		return scalar(from.Value, line), nil
	case *ast.NullNode:
		return &node{kind: isNull, line: line}, nil
	case ast.ScalarNode:
		return scalar(tk.Value, line), nil
	}
	return nil, &Error{Problem: fmt.Sprintf("cannot be read at line %d: a %s is out of place", line, from.Type()), Want: "valid YAML or JSON", Line: line}
}

func fromPairs(pairs []*ast.MappingValueNode, line, depth int) (*node, *Error) {
	n := &node{kind: isObject, line: line}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		if s, ok := pair.Key.(*ast.StringNode); ok {
			key = s.Value
		}
		item, wrong := fromAST(pair.Value, depth+1)
		if wrong != nil {
			return nil, wrong
		}
		item.line = pair.Key.GetToken().Position.Line
		n.keys = append(n.keys, key)
		n.items = append(n.items, item)
	}
	return n, nil
}

func readJSON(data []byte) (*node, *Error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := fromJSON(dec, 0)
	if errors.Is(err, errDeep) {
		return nil, &Error{Problem: "nests too deeply", Want: fmt.Sprintf("at most %d levels", maxDepth)}
	}
	if err != nil && !errors.Is(err, io.EOF) { // cannot happen: the text is valid
		return nil, &Error{Problem: "cannot be read: " + err.Error(), Want: "valid YAML or JSON"}
	}
	return n, nil
}

var errDeep = errors.New("too deep")

func fromJSON(dec *json.Decoder, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	tk, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tk := tk.(type) {
	case json.Delim:
		n := &node{kind: isList}
		if tk == '{' {
			n.kind = isObject
		}
		for dec.More() {
			if n.kind == isObject {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, key.(string))
			}
			item, err := fromJSON(dec, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err := dec.Token() // the closing bracket
		return n, err
	case json.Number:
		return number(tk.String()), nil
	case string:
		return text(tk), nil
	case bool:
		return &node{kind: isFlag, text: fmt.Sprint(tk)}, nil
	}
	return &node{kind: isNull}, nil
}
