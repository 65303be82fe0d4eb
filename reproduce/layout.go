package reproduce

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/detinstall/detinstall/internal/decompress"
	"github.com/detinstall/detinstall/pkg/tree"
)

// A layoutRef names one image of an OCI image layout. What is empty does not matter.
type layoutRef struct{ dir, tag, arch string }

// parseRef reads DIR[:TAG][@ARCH]. A colon or at sign before the last slash belongs to DIR; so
// does all of it if there is a directory of that name.
func parseRef(ref string) layoutRef {
	if isLayout(ref) {
		return layoutRef{dir: ref}
	}
	r := layoutRef{dir: ref}
	if i := strings.LastIndexByte(r.dir, '@'); i >= 0 && !strings.Contains(strings.TrimSuffix(r.dir[i:], variant(r.dir[i:])), "/") {
		r.dir, r.arch = r.dir[:i], r.dir[i+1:]
	}
	if i := strings.LastIndexByte(r.dir, ':'); i >= 0 && !strings.Contains(r.dir[i:], "/") {
		r.dir, r.tag = r.dir[:i], r.dir[i+1:]
	}
	return r
}

// variant returns the "/v7" of "@arm/v7".
func variant(s string) string {
	if i := strings.Index(s, "/v"); i >= 0 && len(s) <= i+3 {
		return s[i:]
	}
	return ""
}

// isLayout reports whether the directory dir is an OCI image layout.
func isLayout(dir string) bool {
	for _, name := range []string{v1.ImageLayoutFile, v1.ImageIndexFile} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !fi.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// openLayout reads the one layer of the image that ref names.
func openLayout(ref layoutRef, scratch string) (*tree.Sealed, io.Closer, error) {
	t, c, err := ref.open(scratch)
	if err != nil {
		return nil, nil, inside("oci:"+ref.dir, err)
	}
	return t, c, nil
}

func (r layoutRef) open(scratch string) (*tree.Sealed, io.Closer, error) {
	if !isLayout(r.dir) {
		return nil, nil, &FormError{Path: r.dir, Reason: "is no OCI image layout"}
	}
	image, err := r.find()
	if err != nil {
		return nil, nil, err
	}
	var m v1.Manifest
	if err := r.json(image, &m); err != nil {
		return nil, nil, err
	}
	var config v1.Image
	if err := r.json(m.Config, &config); err != nil {
		return nil, nil, err
	}
	if len(m.Layers) != 1 || len(config.RootFS.DiffIDs) != 1 {
		return nil, nil, &FormError{Path: r.dir, Reason: fmt.Sprintf("the image has %d layers; only one of a single layer can be read as a tree", len(m.Layers))}
	}
	return r.layer(m.Layers[0], string(config.RootFS.DiffIDs[0]), scratch)
}

// find looks for the image in index.json and in the indexes that it names.
func (r layoutRef) find() (v1.Descriptor, error) {
	b, err := os.ReadFile(filepath.Join(r.dir, v1.ImageIndexFile))
	if err != nil {
		return v1.Descriptor{}, err
	}
	var index v1.Index
	if err := json.Unmarshal(b, &index); err != nil {
		return v1.Descriptor{}, fmt.Errorf("%s: %w", v1.ImageIndexFile, err)
	}
	var names []string
	var found []v1.Descriptor
	for _, d := range index.Manifests {
		if tag := d.Annotations[v1.AnnotationRefName]; r.tag == "" || tag == r.tag {
			if err := r.collect(d, tag, 0, &found, &names); err != nil {
				return v1.Descriptor{}, err
			}
		}
	}
	slices.Sort(names)
	switch len(found) {
	case 0:
		return v1.Descriptor{}, &FormError{Path: r.dir, Reason: fmt.Sprintf("no image has the tag %q and the architecture %q", r.tag, r.arch)}
	case 1:
		return found[0], nil
	}
	return v1.Descriptor{}, &FormError{Path: r.dir, Reason: "holds several images: " + strings.Join(names, ", ")}
}

// collect appends the images that d is or leads to, and what to call them.
func (r layoutRef) collect(d v1.Descriptor, tag string, depth int, found *[]v1.Descriptor, names *[]string) error {
	if d.MediaType == v1.MediaTypeImageIndex {
		var index v1.Index
		if depth > 4 {
			return errors.New("indexes are nested too deep")
		}
		if err := r.json(d, &index); err != nil {
			return err
		}
		for _, sub := range index.Manifests {
			if err := r.collect(sub, tag, depth+1, found, names); err != nil {
				return err
			}
		}
		return nil
	}
	arch := ""
	if d.Platform != nil {
		arch = strings.TrimSuffix(d.Platform.Architecture+"/"+d.Platform.Variant, "/")
	}
	if r.arch == "" || r.arch == arch {
		*found = append(*found, d)
		*names = append(*names, fmt.Sprintf("oci:%s:%s@%s", r.dir, tag, arch))
	}
	return nil
}

// blob opens what d describes and checks its size and digest.
func (r layoutRef) blob(d v1.Descriptor) (*os.File, error) {
	want, err := tree.ParseDigest(string(d.Digest))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(r.dir, "blobs", "sha256", want.Hex()))
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if got := tree.Digest(h.Sum(nil)); err == nil && (n != d.Size || got != want) {
		err = fmt.Errorf("blob %s: is damaged: %d bytes, %s", want, n, got)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// maxJSON is far more than any manifest has.
const maxJSON = 16 << 20

func (r layoutRef) json(d v1.Descriptor, v any) error {
	if d.Size > maxJSON {
		return fmt.Errorf("blob %s: %d bytes are too many", d.Digest, d.Size)
	}
	f, err := r.blob(d)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, d.Size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	return nil
}

// layer reads a layer, whose uncompressed form must have the digest diffID.
func (r layoutRef) layer(d v1.Descriptor, diffID, scratch string) (*tree.Sealed, io.Closer, error) {
	f, err := r.blob(d)
	if err != nil {
		return nil, nil, err
	}
	size := d.Size
	head := make([]byte, 6)
	if _, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		f.Close()
		return nil, nil, err
	}
	if k := decompress.Sniff(head); k != decompress.None {
		spool, n, err := unpack(f, size, k, scratch)
		f.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("layer %s: %w", d.Digest, err)
		}
		f, size = spool, n
	}
	t, err := checkedTar(f, size, diffID)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("layer %s: %w", d.Digest, err)
	}
	return t, f, nil
}

func checkedTar(f *os.File, size int64, diffID string) (*tree.Sealed, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, size)); err != nil {
		return nil, err
	}
	if got := tree.Digest(h.Sum(nil)).String(); got != diffID {
		return nil, fmt.Errorf("is %s, but diff_ids says %s", got, diffID)
	}
	t, err := tree.FromTar(f, size)
	if err != nil {
		return nil, err
	}
	for n := range t.All() {
		if name := n.Path[strings.LastIndexByte(n.Path, '/')+1:]; strings.HasPrefix(name, ".wh.") {
			return nil, &fs.PathError{Op: "read", Path: tree.Quote(n.Path), Err: errors.New("whiteouts are not understood")}
		}
	}
	return t, nil
}
