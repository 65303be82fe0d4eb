package triggers

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/detinstall/detinstall/internal/certificate"
	"github.com/detinstall/detinstall/pkg/tree"
)

// caCertificates is what the postinst of ca-certificates, update-ca-certificates(8) and openssl-rehash(1) do.
func caCertificates() Trigger {
	return Trigger{
		Name: "ca-certificates",
		Doc: "ca-certificates lists all its certificates as trusted, links them, joins them to one file, and openssl rehash makes links by subject. " +
			"The same, without the hooks in /etc/ca-certificates/update.d, of which Java's has a trigger of its own.",
		For: []string{"deb"},
		Reads: []string{caShare + "/**", caLocal + "/**", "usr/local", caConf, certsDir + "/*",
			"usr/sbin/update-ca-certificates", "usr/bin/openssl"},
		Owns: []string{caConf, caLocal, certsDir, certsDir + "/*.pem", certsDir + "/ca-certificates.crt", certsDir + "/????????.*"},
		Run:  makeCACertificates,
	}
}

const (
	caShare  = "usr/share/ca-certificates"
	caLocal  = "usr/local/share/ca-certificates"
	caConf   = "etc/ca-certificates.conf"
	certsDir = "etc/ssl/certs"

	largestCertificate = 1 << 20
)

func makeCACertificates(in Input) ([]Change, error) {
	if !exists(in.FS, "usr/sbin/update-ca-certificates") {
		return nil, nil
	}
	conf, err := caConfiguration(in)
	if conf == nil || err != nil {
		return nil, err
	}
	var out []Change
	if !exists(in.FS, caConf) {
		out = append(out, file(caConf, 0o644, conf))
	}
	if fi, err := fs.Stat(in.FS, "usr/local"); err == nil && !exists(in.FS, caLocal) {
		d := dir(caLocal, fi.Mode()&(fs.ModePerm|fs.ModeSetgid|fs.ModeSetuid|fs.ModeSticky))
		d.Node.Group = fi.Sys().(tree.Node).Group
		out = append(out, d)
	}
	if !exists(in.FS, certsDir) {
		out = append(out, dir(certsDir, 0o755))
	}
	sources, err := caSources(in.FS, conf)
	if err != nil || len(sources) == 0 {
		return out, err
	}
	var bundle []byte
	pems := map[string]string{} // name of the link: certificate
	for _, name := range sources {
		b, err := readLimited(in.FS, name, largestCertificate)
		if err != nil {
			return nil, err
		}
		bundle = append(bundle, b...)
		if len(b) > 0 && b[len(b)-1] != '\n' {
			bundle = append(bundle, '\n')
		}
		pems[pemName(name)] = name
	}
	names := sortedKeys(pems)
	for _, name := range names {
		if !exists(in.FS, certsDir+"/"+name) {
			out = append(out, link(certsDir+"/"+name, "/"+pems[name]))
		}
	}
	out = append(out, file(certsDir+"/ca-certificates.crt", 0o644, bundle))
	links, err := rehash(in.FS, pems)
	return append(out, links...), err
}

// caConfiguration returns ca-certificates.conf: what a package ships, else the comment that the postinst has between
// the marks of a here-document, and all certificates; nil if there is no such script. The question whether to trust new
// certificates is answered with yes, as the template has it.
func caConfiguration(in Input) ([]byte, error) {
	if exists(in.FS, caConf) {
		return readLimited(in.FS, caConf, largestCertificate)
	}
	var head string
	for _, p := range in.Packages {
		for _, s := range p.Scripts {
			if _, after, ok := strings.Cut(string(s.Body), "cat > /"+caConf+" <<EOF\n"); ok && s.Phase == "postinst" {
				head, _, ok = strings.Cut(after, "EOF\n")
				if !ok {
					return nil, fmt.Errorf("package %s: the text for /%s does not end", p.Package.Name, caConf)
				}
			}
		}
	}
	if head == "" {
		return nil, nil
	}
	names, err := certificatesBelow(in.FS, caShare)
	if err != nil {
		return nil, err
	}
	b := []byte(head)
	for _, n := range names {
		if !strings.ContainsAny(n, " \t,") { // the script takes those apart
			b = append(b, n[len(caShare)+1:]+"\n"...)
		}
	}
	return b, nil
}

// certificatesBelow returns the files called *.crt below dir, sorted. Links are not followed.
func certificatesBelow(fsys fs.FS, dir string) ([]string, error) {
	if !exists(fsys, dir) {
		return nil, nil
	}
	var names []string
	err := fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(name, ".crt") && !strings.Contains(name, "\n") {
			names = append(names, name)
		}
		return err
	})
	slices.Sort(names)
	return names, err
}

// caSources returns the paths of the certificates that conf trusts, then those of the administrator.
func caSources(fsys fs.FS, conf []byte) ([]string, error) {
	var names []string
	for line := range strings.Lines(string(conf)) {
		line = strings.Trim(line, " \t\n")
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		name := path.Join(caShare, line)
		if fi, err := fs.Stat(fsys, name); err == nil && fi.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	local, err := certificatesBelow(fsys, caLocal)
	return append(names, local...), err
}

// pemName is the name of a certificate's link.
func pemName(name string) string {
	base := strings.TrimSuffix(path.Base(name), ".crt")
	return strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").Replace(base) + ".pem"
}

// rehash makes the links by subject for certsDir with what is to be linked there, as openssl rehash does: files by name, those
// with exactly one certificate, each certificate once.
func rehash(fsys fs.FS, pems map[string]string) ([]Change, error) {
	files := map[string]string{}
	if entries, err := fs.ReadDir(fsys, certsDir); err == nil {
		for _, e := range entries {
			if e.Type().IsRegular() && slices.Contains([]string{".pem", ".crt", ".cer"}, path.Ext(e.Name())) {
				files[e.Name()] = certsDir + "/" + e.Name()
			}
		}
	}
	for name, target := range pems {
		if _, ok := files[name]; !ok {
			files[name] = target
		}
	}
	var out []Change
	next := map[uint32]int{}
	seen := map[[sha1.Size]byte]bool{}
	for _, name := range sortedKeys(files) {
		b, err := readLimited(fsys, files[name], largestCertificate)
		if err != nil {
			return nil, err
		}
		list, err := certificate.Decode(b)
		if errors.Is(err, certificate.ErrMalformed) || len(list) != 1 {
			continue
		}
		hash, err := list[0].SubjectHash()
		if err != nil || seen[sha1.Sum(list[0].Raw)] {
			continue
		}
		seen[sha1.Sum(list[0].Raw)] = true
		at := certsDir + "/" + certificate.LinkName(hash, next[hash])
		next[hash]++
		if !exists(fsys, at) {
			out = append(out, link(at, name))
		}
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// readLimited reads a file of at most limit bytes.
func readLimited(fsys fs.FS, name string, limit int64) ([]byte, error) {
	fi, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if fi.Size() > limit {
		return nil, fmt.Errorf("/%s: larger than %d bytes", tree.Quote(name), limit)
	}
	b, err := fs.ReadFile(fsys, name)
	return bytes.Clone(b), err
}
