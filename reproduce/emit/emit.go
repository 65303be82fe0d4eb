// Package emit writes sealed trees: as directories, tars, OCI image layouts and cpio archives.
//
// Bodies go into a [Stage] while packages are decoded, on the output's own file system, and
// are moved from there, so each is written once. Nothing appears at the output until
// everything is there.
//
//	stage, err := emit.Begin("root", emit.StageOptions{})
//	if err != nil { ... }
//	defer stage.Abort()
//	content, err := stage.Put(r, size) // many times, concurrently
//	// ... build and seal a tree of these contents ...
//	res, err := emit.Write(ctx, stage, []emit.Image{{Tree: sealed}}, emit.Options{})
//	fmt.Println(res.Digests[0])
//
// The package writes what a tree says and nothing else: it does not sort, clamp or invent, and reads
// neither the clock nor the environment.
package emit

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Options say how [Write] writes.
type Options struct {
	Dir         DirOptions
	Cpio        CpioOptions
	Annotations map[string]string // of OCI images
	Stdout      io.Writer         // where "-" goes
}

// Result is what [Write] did.
type Result struct {
	Digests []tree.Digest // of the trees, in order
	Applied *Applied      // KindDir only: what the host did not allow
}

// Write writes images to the output of s and publishes it. Several images need an OCI
// layout. After an error the caller calls [Stage.Abort], as always, and nothing is left.
func Write(ctx context.Context, s *Stage, images []Image, opt Options) (Result, error) {
	if len(images) == 0 || len(images) > 1 && s.target.Kind != KindOCI {
		return Result{}, &OutputError{Path: s.target.Path, Reason: fmt.Sprintf("takes one tree, not %d; an oci: layout takes several", len(images))}
	}
	var res Result
	var err error
	switch s.target.Kind {
	case KindDir:
		res.Digests = make([]tree.Digest, 1)
		res.Digests[0], res.Applied, err = s.WriteDir(ctx, images[0].Tree, opt.Dir)
	case KindOCI:
		res.Digests, err = s.OCI(ctx, images, opt.Annotations)
	default:
		res.Digests = make([]tree.Digest, 1)
		res.Digests[0], err = s.stream(ctx, images[0].Tree, opt)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = s.Publish()
	}
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// stream writes the outputs that are one file, or no file at all.
func (s *Stage) stream(ctx context.Context, t *tree.Sealed, opt Options) (tree.Digest, error) {
	w := opt.Stdout
	if s.target.Kind == KindStdout {
		if w == nil {
			return tree.Digest{}, errors.New("output -: there is no standard output")
		}
	} else {
		f, err := s.outFile()
		if err != nil {
			return tree.Digest{}, err
		}
		defer f.Close()
		w = f
	}
	var err error
	if s.target.Kind == KindCpio {
		err = Cpio(ctx, w, t, opt.Cpio)
	} else {
		err = Tar(ctx, w, t, s.target.Kind)
	}
	if err != nil {
		return tree.Digest{}, err
	}
	if f, ok := w.(io.Closer); ok && s.target.Kind != KindStdout {
		if err := f.Close(); err != nil {
			return tree.Digest{}, err
		}
	}
	return t.Digest() // a tar has computed it on the way
}
