package report

import "github.com/detinstall/detinstall/triggers/hooks"

// column is a kind of things that scripts come to.
type column struct {
	Name  string
	Class string // left, later, duty or noop
	Doc   string
	Count int // in all packages
}

// kinds says of every kind of duties what it is, sorted by name.
var kinds = []struct {
	kind hooks.Kind
	doc  string
}{
	{hooks.Alternative, "a name for the best of several programs (update-alternatives)"},
	{hooks.Capability, "privileges of a program (setcap)"},
	{hooks.Debconf, "an answer that debconf remembers"},
	{hooks.Directory, "a directory with mode and owner"},
	{hooks.Diversion, "a shipped file that is laid elsewhere (dpkg-divert)"},
	{hooks.Edit, "a file that a package ships, with what scripts make of it"},
	{hooks.File, "a file, with all that scripts write into it"},
	{hooks.Group, "a group of accounts"},
	{hooks.IconCache, "the cache of an icon theme"},
	{hooks.Link, "a symbolic link"},
	{hooks.Member, "a user put into a group"},
	{hooks.Meta, "mode or owner of a shipped path"},
	{hooks.PHPModule, "a module of PHP that is enabled (php_invoke)"},
	{hooks.Shell, "a login shell listed in /etc/shells"},
	{hooks.Statoverride, "mode and owner that dpkg shall keep"},
	{hooks.Sysusers, "accounts that sysusers.d declares"},
	{hooks.SysV, "start and stop links of an init script (update-rc.d)"},
	{hooks.Tmpfiles, "paths that tmpfiles.d declares"},
	{hooks.Ucf, "a configuration file that ucf watches"},
	{hooks.Unit, "a systemd unit enabled, disabled or masked"},
	{hooks.User, "an account"},
	{hooks.XFonts, "the lists of a directory of X fonts"},
	{hooks.XMLCatalog, "an entry of an XML catalog"},
}

// columns sets the columns that anything stands in: leftovers, what is deferred, the kinds of duties by name, no-ops.
func (p *page) columns(r *Report) {
	count := map[hooks.Kind]int{}
	for _, x := range r.reading {
		for _, d := range x.Duties {
			count[d.Kind]++
		}
	}
	add := func(name, class, doc string, n int) {
		if n > 0 {
			p.Columns = append(p.Columns, column{name, class, doc, n})
		}
	}
	add("leftover", "left", "a line that could not be read: nobody does it", r.Summary.Leftovers)
	add("deferred", "later", "left to the first boot: secrets, identities, databases", r.Summary.Later)
	for _, k := range kinds {
		add(string(k.kind), "duty", k.doc, count[k.kind])
	}
	add("no-op", "noop", "a line that does nothing on a fresh installation, or that another trigger makes superfluous", r.Summary.Noops)
}
