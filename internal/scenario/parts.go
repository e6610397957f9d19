package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// maxFields is far more than any object has.
const maxFields = 100

// field is a named value of an object.
type field struct {
	name     string
	value    value
	required bool
}

// object is a mapping with known fields. What is left out keeps its default.
type object[T any] struct {
	p      *T
	what   string // how messages call it
	fields func(*T) []field
	usual  func() T // the defaults, which need not be written
	// explain says more about a name that is no field; nil: the nearest is.
	explain func(name string) (problem, want string)
}

func (o object[T]) read(f *findings, path string, n *node) {
	if n.kind != isObject {
		f.add(path, is(n), o.wanted())
		return
	}
	if len(n.keys) > maxFields {
		f.add(path, "has "+grouped(int64(len(n.keys)))+" fields", o.wanted())
		return
	}
	fields := o.fields(o.p)
	for i, key := range n.keys {
		at := join(path, shown(key))
		f.lines[at] = n.items[i].line
		known := slices.IndexFunc(fields, func(fd field) bool { return fd.name == key })
		switch {
		case slices.Contains(n.keys[:i], key):
			f.add(at, "is there twice", "it once")
		case known < 0:
			problem, want := o.unknown(key)
			f.add(at, problem, want)
		case n.items[i].kind != isNull:
			fields[known].value.read(f, at, n.items[i])
		}
	}
	for _, fd := range fields {
		if fd.required && !n.has(fd.name) {
			f.lines[join(path, fd.name)] = n.line
			f.add(join(path, fd.name), "is missing", fd.value.wanted())
		}
	}
}

func (o object[T]) unknown(key string) (problem, want string) {
	if o.explain != nil {
		if problem, want = o.explain(key); problem != "" {
			return problem, want
		}
	}
	return "is no field of " + o.what, Nearest(key, names(o.fields(o.p)))
}

func (o object[T]) check(f *findings, path string) {
	for _, fd := range o.fields(o.p) {
		fd.value.check(f, join(path, fd.name))
	}
}

func (o object[T]) write() *node {
	n := &node{kind: isObject}
	usual := o.usual()
	defaults := o.fields(&usual)
	for i, fd := range o.fields(o.p) {
		if v := fd.value.write(); v != nil && (fd.required || !v.equal(defaults[i].value.write())) {
			n.set(fd.name, v)
		}
	}
	return n
}

func (o object[T]) wanted() string {
	return "a mapping with the fields " + strings.Join(names(o.fields(o.p)), ", ")
}

func names(fields []field) []string {
	list := make([]string, len(fields))
	for i, fd := range fields {
		list[i] = fd.name
	}
	return list
}

// join makes the path of a field of the object at path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// shown is a key as messages show it, whatever somebody wrote.
func shown(key string) string {
	if q := quote(key); key == "" || len(q) != len(key)+2 || q[1:len(q)-1] != key {
		return q
	}
	return key
}

// list is any number of values of one sort.
type list[T any] struct {
	p    *[]T
	of   func(*T) value
	most int
	what string // several of them, in words
}

func (l list[T]) read(f *findings, path string, n *node) {
	if n.kind != isList {
		f.add(path, is(n), l.wanted())
		return
	}
	*l.p = nil
	if len(n.items) > l.most {
		f.add(path, "has "+grouped(int64(len(n.items)))+" entries", l.wanted())
		return
	}
	if len(n.items) == 0 {
		return
	}
	*l.p = make([]T, len(n.items))
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		f.lines[at] = item.line
		l.of(&(*l.p)[i]).read(f, at, item)
	}
}

func (l list[T]) check(f *findings, path string) {
	if len(*l.p) > l.most {
		f.add(path, "has "+grouped(int64(len(*l.p)))+" entries", l.wanted())
		return
	}
	for i := range *l.p {
		l.of(&(*l.p)[i]).check(f, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (l list[T]) write() *node {
	n := &node{kind: isList}
	for i := range *l.p {
		n.items = append(n.items, l.of(&(*l.p)[i]).write())
	}
	return n
}

func (l list[T]) wanted() string {
	return fmt.Sprintf("a list of up to %s %s", grouped(int64(l.most)), l.what)
}

// optional is a value that may not be there at all.
type optional[T any] struct {
	p     **T
	of    func(*T) value
	usual func() T // what its own fields default to once it is there
}

func (o optional[T]) read(f *findings, path string, n *node) {
	v := o.usual()
	o.of(&v).read(f, path, n)
	*o.p = &v
}

func (o optional[T]) check(f *findings, path string) {
	if *o.p != nil {
		o.of(*o.p).check(f, path)
	}
}

func (o optional[T]) write() *node {
	if *o.p == nil {
		return nil
	}
	return o.of(*o.p).write()
}

func (o optional[T]) wanted() string {
	v := o.usual()
	return o.of(&v).wanted()
}
