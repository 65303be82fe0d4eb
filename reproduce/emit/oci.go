package emit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/detinstall/detinstall/pkg/tree"
)

// An Image is a tree with what an OCI image says of it. Only Tree counts for other outputs.
type Image struct {
	Tree    *tree.Sealed
	Arch    string // as Go spells it: amd64, arm64, arm, 386, ...
	Variant string // v7 for a Debian armhf, for example
	Env     []string
	Cmd     []string
}

// OCI writes an image layout (OCI image format specification 1.1, image-layout.md) of one
// image, or of an index of several, under the name tag. Each image has one layer, compressed with
// gzip; rootfs.diff_ids[0] is the digest of its tree. The only time in it is the epoch. annotations
// are added to those of the manifests and the index, which have org.opencontainers.image.created.
// The digests of the trees are returned in the order of images.
func (s *Stage) OCI(ctx context.Context, images []Image, annotations map[string]string) ([]tree.Digest, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed || s.target.Kind != KindOCI || len(images) == 0 {
		return nil, fmt.Errorf("write layout: stage is of kind %s, or closed, or there are no images", s.target.Kind)
	}
	l := &layout{dir: s.root, extra: annotations}
	if err := l.begin(); err != nil {
		return nil, err
	}
	defer unix.Close(l.blobs)
	var digests []tree.Digest
	var manifests []v1.Descriptor
	for _, im := range images {
		d, m, err := l.image(ctx, im)
		if err != nil {
			return nil, err
		}
		digests, manifests = append(digests, d), append(manifests, m)
	}
	return digests, l.end(s.target.Tag, manifests, images[0].Tree.Epoch())
}

// layout is an image layout in the making, in the directory dir.
type layout struct {
	dir   int
	blobs int // blobs/sha256
	extra map[string]string
}

func (l *layout) begin() error {
	for _, name := range []string{"blobs", "blobs/sha256"} {
		if err := unix.Mkdirat(l.dir, name, 0o777); err != nil {
			return &fs.PathError{Op: "create", Path: name, Err: err}
		}
	}
	fd, err := openDir(l.dir, "blobs/sha256")
	if err != nil {
		return &fs.PathError{Op: "open", Path: "blobs/sha256", Err: err}
	}
	l.blobs = fd
	return l.file(l.dir, v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion})
}

// image writes the blobs of one image and describes its manifest.
func (l *layout) image(ctx context.Context, im Image) (tree.Digest, v1.Descriptor, error) {
	layer, err := l.layer(ctx, im.Tree)
	if err != nil {
		return tree.Digest{}, v1.Descriptor{}, err
	}
	id, err := im.Tree.Digest() // known since the layer was written
	if err != nil {
		return id, v1.Descriptor{}, err
	}
	created := im.Tree.Epoch().UTC()
	platform := v1.Platform{Architecture: im.Arch, OS: "linux", Variant: im.Variant}
	config, err := l.json(v1.MediaTypeImageConfig, v1.Image{
		Created:  &created,
		Platform: platform,
		Config:   v1.ImageConfig{Env: im.Env, Cmd: im.Cmd},
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.Digest(id.String())}},
		History:  []v1.History{{Created: &created, CreatedBy: "detinstall"}},
	})
	if err != nil {
		return id, v1.Descriptor{}, err
	}
	m, err := l.json(v1.MediaTypeImageManifest, v1.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   v1.MediaTypeImageManifest,
		Config:      config,
		Layers:      []v1.Descriptor{layer},
		Annotations: l.annotations(created),
	})
	m.Platform = &platform
	return id, m, err
}

// layer writes the compressed tar of t. Tar, its digest, compression and the blob's digest
// are one pass.
func (l *layout) layer(ctx context.Context, t *tree.Sealed) (v1.Descriptor, error) {
	const tmp = "layer"
	f, err := l.create(l.blobs, tmp)
	if err != nil {
		return v1.Descriptor{}, err
	}
	h := sha256.New()
	var size int64
	err = Tar(ctx, writerFunc(func(p []byte) (int, error) {
		h.Write(p)
		n, err := f.Write(p)
		size += int64(n)
		return n, err
	}), t, KindTarGz)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := tree.Digest(h.Sum(nil))
	return v1.Descriptor{
		MediaType: v1.MediaTypeImageLayerGzip,
		Digest:    digest.Digest(d.String()),
		Size:      size,
	}, unix.Renameat(l.blobs, tmp, l.blobs, d.Hex())
}

// end writes the index of several images, and last of all index.json, without which there
// is no layout.
func (l *layout) end(tag string, manifests []v1.Descriptor, epoch time.Time) error {
	top := manifests[0]
	if len(manifests) > 1 {
		var err error
		top, err = l.json(v1.MediaTypeImageIndex, v1.Index{
			Versioned:   specs.Versioned{SchemaVersion: 2},
			MediaType:   v1.MediaTypeImageIndex,
			Manifests:   manifests,
			Annotations: l.annotations(epoch),
		})
		if err != nil {
			return err
		}
	}
	top.Annotations = map[string]string{v1.AnnotationRefName: tag}
	return l.file(l.dir, v1.ImageIndexFile, v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: []v1.Descriptor{top},
	})
}

func (l *layout) annotations(created time.Time) map[string]string {
	a := map[string]string{v1.AnnotationCreated: created.UTC().Format(time.RFC3339)}
	for k, v := range l.extra {
		a[k] = v
	}
	return a
}

// json writes v as a blob. Encoding is deterministic: fields in the order of the struct,
// maps sorted by key.
func (l *layout) json(mediaType string, v any) (v1.Descriptor, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := tree.Sum(b)
	return v1.Descriptor{
		MediaType: mediaType,
		Digest:    digest.Digest(d.String()),
		Size:      int64(len(b)),
	}, l.write(l.blobs, d.Hex(), b)
}

func (l *layout) file(dir int, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return l.write(dir, name, b)
}

func (l *layout) write(dir int, name string, b []byte) error {
	f, err := l.create(dir, name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// create makes the file name anew: two images may share a blob.
func (l *layout) create(dir int, name string) (io.WriteCloser, error) {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}
