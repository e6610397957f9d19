package report

import (
	"strings"
	"unicode/utf8"
)

// columns lays cells of text out under each other. The first column is aligned
// left, the others right. The zero value is empty and ready for use.
type columns struct {
	indent string
	rows   [][]cell
}

// cell is a piece of text and the style that it is shown in.
type cell struct {
	text  string
	style style
}

func (c *columns) add(cells ...cell) { c.rows = append(c.rows, cells) }

// head adds a row of column titles.
func (c *columns) head(titles ...string) {
	row := make([]cell, len(titles))
	for i, t := range titles {
		row[i] = cell{t, faint}
	}
	c.add(row...)
}

// lines are the rows, each as wide as its columns are.
func (c *columns) lines(paint func(string, style) string) []string {
	var widths []int
	for _, row := range c.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.text))
		}
	}
	out := make([]string, 0, len(c.rows))
	for _, row := range c.rows {
		var b strings.Builder
		b.WriteString(c.indent)
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell.text))
			switch {
			case i > 0:
				b.WriteString("  " + pad + paint(cell.text, cell.style))
			case len(row) == 1:
				b.WriteString(paint(cell.text, cell.style))
			default:
				b.WriteString(paint(cell.text, cell.style) + pad)
			}
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}

// wrapped breaks a paragraph into lines of at most so many characters, or of
// one word where that is longer. A moment, "t = 42 s", stays on one line.
func wrapped(text string, width int) []string {
	const glue = "\x00"
	text = strings.ReplaceAll(text, "t = ", "t"+glue+"="+glue)
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		word = strings.ReplaceAll(word, glue, " ")
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// shortened cuts a text that is longer than n characters.
func shortened(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
