package hooks

// emacsState is where emacsen-common remembers what is ready to be set up.
const emacsState = "/var/lib/emacsen-common/state/"

// emacsInstall is emacs-package-install and emacs-install: they mark an add-on or a flavour of Emacs as installed, and compile
// the add-ons for the flavours.
func emacsInstall(w *walker, c invocation) (truth, flow) {
	o, ok := w.options(c, "preinst postinst")
	if !ok {
		return unknown, next
	}
	if o.has("preinst") {
		w.noop(c.line, "nothing is marked yet")
		return yes, next
	}
	dir := "package/installed/"
	if c.name == "emacs-install" {
		dir = "flavor/installed/"
	}
	if len(o.rest) != 1 {
		w.leftover(c.line, c.name+" without a name")
		return unknown, next
	}
	w.unknownOutput()
	w.deferred(c.line, "byte code of Emacs in /usr/share/emacs: made by "+c.name)
	if mark := emacsState + dir + o.rest[0]; w.exists(mark) != yes && !w.writeFile(known(mark), known(""), false, c.line) {
		return unknown, next
	}
	return yes, next
}
