package apk

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/detinstall/detinstall/internal/archive"
	"github.com/detinstall/detinstall/pkg"
)

// openADBIndex reads an index of format 3. It becomes the text that an index of format 2 would be.
func openADBIndex(file []byte, keys []pkg.Key, unsigned bool) (index, error) {
	f, err := openADB(bytes.NewReader(file), int64(len(file)), schemaIndex, maxIndexMetadata, pkg.Limits{})
	if err != nil {
		return index{}, err
	}
	defer f.Close()
	signers, err := f.verify(keys)
	if err != nil && !unsigned {
		return index{}, err
	}
	if f.next != nil {
		return index{}, refuse("", "more than metadata and signatures in an index")
	}
	d := &values{data: f.metadata}
	root := d.root()
	x := index{signers: signers, fileNames: oneLine(root.text(indexFileNames))}
	list := root.object(indexPackages)
	// Values are shared: text of many times the size of what it is made of means harm.
	limit := min(64*len(f.metadata)+1<<20, maxIndex)
	for n := 1; n <= list.len(); n++ {
		if err := x.add(list.object(n)); err != nil {
			return index{}, refuse("", "package %d: %v", n, err)
		}
		if len(x.text) > limit {
			return index{}, refuse("", "metadata of %d bytes grow to more than %d", len(f.metadata), limit)
		}
	}
	if d.err != nil {
		return index{}, d.err
	}
	return x, nil
}

// add adds the package that o describes.
func (x *index) add(o object) error {
	info, err := readInfo(o)
	if err != nil {
		return err
	}
	if err := info.setUnique(o.d.bytes(o.slot(infoHash))); err != nil {
		return err
	}
	if x.fileNames != "" {
		if _, err := info.fileName(x.fileNames); err != nil {
			return err
		}
	}
	x.text = info.appendRecord(x.text)
	return o.d.err
}

// setUnique takes in the hash that an index has for a package.
func (i *Info) setUnique(hash []byte) error {
	switch len(hash) {
	case len(i.Checksum):
		copy(i.Checksum[:], hash)
	case len(i.Unique):
		copy(i.Unique[:], hash)
	default:
		return fmt.Errorf("package %s: unsupported checksum of %d bytes", i.Name, len(hash))
	}
	return nil
}

// fileName returns the path of a package's file, relative to its repository's base, where an index says how its files are
// called: in words like "${arch}/${name}-${version}.apk" and "${hash:8}/...", which is cut to eight characters.
func (i *Info) fileName(spec string) (string, error) {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(spec, "${")
		b.WriteString(text)
		if !found {
			break
		}
		word, after, closed := strings.Cut(rest, "}")
		name, width, cut := strings.Cut(word, ":")
		value, known := map[string]string{"name": i.Name, "version": i.Version, "arch": i.Arch, "hash": i.hash()}[name]
		if !closed || !known {
			return "", refuse(spec, "unknown word in what the index says of names of files")
		}
		if cut {
			n, err := strconv.ParseUint(width, 10, 16)
			if err != nil {
				return "", refuse(spec, "malformed width in what the index says of names of files")
			}
			value = value[:min(uint64(len(value)), n)]
		}
		b.WriteString(value)
		spec = after
	}
	path, err := archive.Clean(b.String())
	if err == nil && (path == "." || strings.Contains(b.String(), "://") || strings.ContainsAny(path, "?#")) {
		err = refuse(b.String(), "the index does not say a path below the repository")
	}
	return path, err
}

// hash is the package's identity in hexadecimal.
func (i *Info) hash() string {
	if i.Unique.IsZero() {
		return fmt.Sprintf("%x", i.Checksum[:])
	}
	return fmt.Sprintf("%x", i.Unique[:])
}
