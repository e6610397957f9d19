package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kafkasim.example/simd/internal/scenario"
)

// maxDepth is how deep a body may nest. A scenario takes six.
const maxDepth = 32

// members reads a JSON object that may have these members and no others, and
// returns what is there, undecoded. It is stricter than encoding/json: names
// count to the letter, none may come twice, and nothing may follow the object.
// The error is a *problem, with every unknown member in it.
func members(contentType string, body []byte, known ...string) (map[string]json.RawMessage, error) {
	if err := wantJSON(contentType); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, newProblem(http.StatusBadRequest, "", fault("body", "is empty", "a JSON object"))
	}
	if err := inspect(body); err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, newProblem(http.StatusUnprocessableEntity, "",
			fault("body", "is "+describeJSON(body), "a JSON object"))
	}
	var unknown []*huma.ErrorDetail
	for name := range object {
		if !slices.Contains(known, name) {
			unknown = append(unknown, fault("body."+clip(name), "is unknown", scenario.Nearest(name, known)))
		}
	}
	if unknown != nil {
		slices.SortFunc(unknown, func(a, b *huma.ErrorDetail) int { return strings.Compare(a.Location, b.Location) })
		return nil, newProblem(http.StatusUnprocessableEntity, "", unknown...)
	}
	return object, nil
}

func wantJSON(contentType string) error {
	media, _, err := mime.ParseMediaType(contentType)
	if contentType == "" || err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) {
		return nil
	}
	return newProblem(http.StatusUnsupportedMediaType, "", fault("header.Content-Type",
		fmt.Sprintf("is %q", clip(contentType)), "application/json (curl --json sends it)"))
}

// inspect walks through JSON once and refuses what the decoders behind it would
// take in silence or choke on: broken text, a name twice, nesting without end.
func inspect(body []byte) error {
	var all json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		where := ""
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			where = fmt.Sprintf(" at byte %d", syntax.Offset)
		}
		return newProblem(http.StatusBadRequest, "", fault("body", fmt.Sprintf("is not JSON%s: %s", where, err), ""))
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(body))}
	w.dec.UseNumber()
	if err := w.value("body", 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

type walker struct{ dec *json.Decoder }

func (w *walker) value(path string, depth int) error {
	if depth > maxDepth {
		return newProblem(http.StatusUnprocessableEntity, "",
			fault(clip(path), fmt.Sprintf("lies deeper than %d levels", maxDepth), ""))
	}
	token, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return w.object(path, depth)
	case json.Delim('['):
		for i := 0; w.dec.More(); i++ {
			if err := w.value(fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
		_, err = w.dec.Token()
	}
	return err
}

func (w *walker) object(path string, depth int) error {
	seen := map[string]bool{}
	for w.dec.More() {
		token, err := w.dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		at := path + "." + name
		if seen[name] {
			return newProblem(http.StatusUnprocessableEntity, "", fault(clip(at), "is given twice", ""))
		}
		seen[name] = true
		if err := w.value(at, depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// describeJSON names what a JSON text is, for a sentence.
func describeJSON(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a yes or no"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// clip keeps what a client sent short enough to be said back.
func clip(s string) string {
	const most = 120
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
