package triggers

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/detinstall/detinstall/internal/certificate"
	"github.com/detinstall/detinstall/internal/jks"
	"github.com/detinstall/detinstall/pkg/tree"
)

// javaCacerts is what the postinst of ca-certificates-java does.
func javaCacerts() Trigger {
	return Trigger{
		Name: "java-cacerts",
		Doc: "ca-certificates-java copies the trusted certificates to Java's key store. The same entries, " +
			"with the epoch as their date, sorted by alias.",
		For: []string{"deb"},
		Reads: []string{certsDir + "/*", certsDir + "/java", caShare + "/**", caLocal + "/**", "etc/default/cacerts",
			"usr/share/ca-certificates-java/*", "usr/lib/jvm/*/bin/java", "usr/lib/jvm/*/jre/bin/java"},
		Owns: []string{javaStore},
		Run:  makeJavaCacerts,
	}
}

const javaStore = certsDir + "/java/cacerts"

func makeJavaCacerts(in Input) ([]Change, error) {
	java, err := fs.Glob(in.FS, "usr/lib/jvm/*/bin/java")
	if err != nil {
		return nil, err
	}
	older, err := fs.Glob(in.FS, "usr/lib/jvm/*/jre/bin/java")
	if err != nil {
		return nil, err
	}
	if len(java)+len(older) == 0 || !exists(in.FS, "usr/share/ca-certificates-java/ca-certificates-java.jar") || exists(in.FS, javaStore) {
		return nil, nil // without Java, or a store, the script says so and goes
	}
	password, updates := "changeit", ""
	if exists(in.FS, "etc/default/cacerts") {
		b, err := readLimited(in.FS, "etc/default/cacerts", largestCertificate)
		if err != nil {
			return nil, err
		}
		updates = assigned(b, "cacerts_updates")
		if p := assigned(b, "storepass"); p != "" {
			password = p
		}
	}
	if updates != "yes" {
		return nil, nil
	}
	entries, err := javaEntries(in.FS)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	store, err := jks.Encode(entries, tree.Epoch(in.Lock.Epoch), password)
	if err != nil {
		return nil, err
	}
	return []Change{file(javaStore, 0o644, store)}, nil
}

// javaEntries returns the first certificate of every link NAME.pem to where trusted certificates are, as debian:NAME.pem.
func javaEntries(fsys fs.FS) ([]jks.Entry, error) {
	list, err := fs.ReadDir(fsys, certsDir)
	if err != nil {
		return nil, nil // no such directory
	}
	var entries []jks.Entry
	for _, e := range list {
		name := certsDir + "/" + e.Name()
		if e.Type()&fs.ModeSymlink == 0 || path.Ext(name) != ".pem" {
			continue
		}
		target, err := fs.ReadLink(fsys, name)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(target, "/"+caShare) && !strings.HasPrefix(target, "/"+caLocal) {
			continue
		}
		b, err := readLimited(fsys, name, largestCertificate)
		if err != nil {
			return nil, err
		}
		certs, err := certificate.Decode(b)
		if err != nil || len(certs) == 0 {
			return nil, fmt.Errorf("/%s: no certificate: %w", tree.Quote(name), err)
		}
		entries = append(entries, jks.Entry{Alias: "debian:" + e.Name(), DER: certs[0].Raw})
	}
	return entries, nil
}

// assigned returns the last plain value that a shell file assigns to a variable.
func assigned(b []byte, name string) string {
	value := ""
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			value = strings.Trim(v, `'"`)
		}
	}
	return value
}
