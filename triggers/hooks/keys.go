package hooks

import "slices"

// sshKeygen is ssh-keygen(1), whose keys are made on the first boot: who asks for them meanwhile does not get to know whether they are there.
func sshKeygen(w *walker, c invocation) (truth, flow) {
	w.deferred(c.line, hostKeys)
	w.printValue(value{later: hostKeys})
	args, ok := c.texts()
	if i := slices.Index(args, "-f"); ok && i >= 0 && i+1 < len(args) && !slices.Contains(args, "-l") {
		w.blur(args[i+1])
		w.blur(args[i+1] + ".pub")
	}
	return yes, next
}

// blur makes it unknown what is at p, without a leftover: somebody else has named it.
func (w *walker) blur(p string) {
	at, ok := w.locate(p, true)
	if _, t := w.look(p, true); ok && at != "." && t != yes {
		w.disk.nodes[at] = &entry{kind: murky, changed: true, reading: w.reading}
	}
}
