package lock

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/detinstall/detinstall/pkg/tree"
)

// header is the first line of every lock.
const header = "# detinstall lock: generated, do not edit\n"

// Marshal returns the canonical bytes of f: YAML, one line per package, every
// list sorted, LF line ends, a final newline. It does not change f.
func (f *File) Marshal() []byte {
	w := &writer{}
	w.buf.WriteString(header)
	w.field("", "lock", strconv.Itoa(f.Lock))
	w.field("", "tool", quote(f.Tool))
	w.field("", "request", f.Request.String())
	w.field("", "format", quote(f.Format))
	w.field("", "policy", quote(f.Policy))
	w.field("", "epoch", strconv.FormatInt(f.Epoch, 10))
	w.settings(&f.Settings)
	w.sources(f.Sources)
	w.ids(&f.IDs)
	w.waivers(f.Waivers)
	w.arches(f.Arches)
	return w.buf.Bytes()
}

type writer struct{ buf bytes.Buffer }

func (w *writer) field(indent, key, value string) {
	fmt.Fprintf(&w.buf, "%s%s: %s\n", indent, key, value)
}

func (w *writer) settings(s *Settings) {
	w.buf.WriteString("settings:\n")
	const in = "  "
	w.field(in, "base", quote(s.Base))
	w.field(in, "merged_usr", strconv.FormatBool(s.MergedUsr))
	w.flag("recommends", s.Recommends)
	w.flag("no_deps", s.NoDeps)
	w.flag("allow_devices", s.AllowDevices)
	w.flag("no_docs", s.NoDocs)
	if s.UnknownOwner != "" {
		w.field(in, "unknown_owner", quote(string(s.UnknownOwner)))
	}
	if s.Pending != "" {
		w.field(in, "pending", quote(s.Pending))
	}
	w.list(in, "langs", s.Langs)
	w.list(in, "exclude_paths", s.ExcludePaths)
	w.list(in, "include_paths", s.IncludePaths)
	if len(s.Answers) > 0 {
		w.buf.WriteString("  answers:\n")
		for _, a := range sorted(s.Answers, compareAnswers) {
			w.field("    ", quote(a.Question), quote(a.Value))
		}
	}
}

func (w *writer) flag(key string, set bool) {
	if set {
		w.field("  ", key, "true")
	}
}

func (w *writer) list(indent, key string, values []string) {
	if len(values) > 0 {
		w.field(indent, key, flowList(values))
	}
}

func (w *writer) sources(sources []Source) {
	w.buf.WriteString("sources:\n")
	for _, s := range sources {
		m := flow{}
		m.add("id", quote(s.ID))
		m.add("base", quote(s.Base))
		m.opt("snapshot", s.Snapshot)
		m.opt("suite", s.Suite)
		if len(s.Components) > 0 {
			m.add("components", flowList(s.Components))
		}
		m.add("date", quote(time.Unix(s.Date, 0).UTC().Format(time.RFC3339)))
		m.add("index", s.Index.String())
		if len(s.Keys) > 0 {
			m.add("keys", flowList(sorted(s.Keys, cmp.Compare)))
		}
		if s.Unsigned {
			m.add("unsigned", "true")
		}
		w.item("  ", m)
	}
}

func (w *writer) ids(ids *IDs) {
	if len(ids.Users)+len(ids.Groups) == 0 {
		return
	}
	w.buf.WriteString("ids:\n")
	w.idMap("users", ids.Users)
	w.idMap("groups", ids.Groups)
}

func (w *writer) idMap(key string, ids []ID) {
	if len(ids) == 0 {
		return
	}
	w.buf.WriteString("  " + key + ":\n")
	for _, id := range sorted(ids, compareIDs) {
		w.field("    ", quote(id.Name), strconv.FormatUint(uint64(id.ID), 10))
	}
}

func (w *writer) waivers(ws []Waiver) {
	if len(ws) == 0 {
		return
	}
	w.buf.WriteString("waivers:\n")
	for _, v := range sorted(ws, compareWaivers) {
		m := flow{}
		m.add("package", quote(v.Package))
		m.add("phase", quote(v.Phase))
		m.add("sha256", v.SHA256.Hex())
		m.opt("why", v.Why)
		w.item("  ", m)
	}
}

func (w *writer) arches(as []Arch) {
	w.buf.WriteString("arch:\n")
	for _, a := range sorted(as, compareArches) {
		w.buf.WriteString("  " + quote(a.Name) + ":\n    packages:\n")
		for _, p := range sorted(a.Packages, comparePackages) {
			w.item("      ", packageLine(p))
		}
		if len(a.Diversions) > 0 {
			w.buf.WriteString("    diversions:\n")
		}
		for _, d := range sorted(a.Diversions, compareDiversions) {
			m := flow{}
			m.add("path", quote(d.Path))
			m.add("to", quote(d.To))
			m.opt("package", d.Package)
			w.item("      ", m)
		}
		if len(a.Pending) > 0 {
			w.buf.WriteString("    pending:\n")
		}
		for _, s := range sorted(a.Pending, compareScripts) {
			m := flow{}
			m.add("package", quote(s.Package))
			m.add("phase", quote(s.Phase))
			m.add("sha256", s.SHA256.Hex())
			w.item("      ", m)
		}
	}
}

func packageLine(p Package) flow {
	m := flow{}
	m.add("name", quote(p.Name))
	m.add("version", quote(p.Version))
	m.add("arch", quote(p.Arch))
	m.opt("from", p.From)
	m.add("path", quote(p.Path))
	m.add("size", strconv.FormatInt(p.Size, 10))
	m.add("sha256", p.SHA256.Hex())
	if p.Requested {
		m.add("requested", "true")
	}
	return m
}

// flow is a YAML flow mapping in the making.
type flow struct{ strings.Builder }

func (m *flow) add(key, value string) {
	if m.Len() > 0 {
		m.WriteString(", ")
	}
	m.WriteString(key + ": " + value)
}

func (m *flow) opt(key, value string) {
	if value != "" {
		m.add(key, quote(value))
	}
}

func (w *writer) item(indent string, m flow) {
	w.buf.WriteString(indent + "- {" + m.String() + "}\n")
}

func flowList(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = quote(v)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// quote returns s as a YAML scalar that every reader takes for a string: plain
// where that is beyond doubt, else double-quoted.
func quote(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plain reports whether s starts with a letter, has no character with a
// meaning in YAML, and is no word that YAML 1.1 takes for something else.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789._+/@-", rune(s[i]))) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "", "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	return true
}

func sorted[T any](s []T, compare func(a, b T) int) []T {
	s = slices.Clone(s)
	slices.SortStableFunc(s, compare)
	return s
}

func compareAnswers(a, b Answer) int { return cmp.Compare(a.Question, b.Question) }
func compareIDs(a, b ID) int         { return cmp.Compare(a.Name, b.Name) }
func compareArches(a, b Arch) int    { return cmp.Compare(a.Name, b.Name) }

func compareDiversions(a, b Diversion) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Package, b.Package))
}

func compareWaivers(a, b Waiver) int {
	return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Phase, b.Phase), compareDigests(a.SHA256, b.SHA256))
}

func compareScripts(a, b Script) int {
	return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Phase, b.Phase), compareDigests(a.SHA256, b.SHA256))
}

func comparePackages(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Arch, b.Arch))
}

func compareDigests(a, b tree.Digest) int { return bytes.Compare(a[:], b[:]) }
