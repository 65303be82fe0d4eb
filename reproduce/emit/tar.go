package emit

import (
	"context"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/detinstall/detinstall/pkg/tree"
)

// Tar writes t as a tar in the form k: KindTar (the canonical tar, whose sha256 is the digest),
// KindTarGz or KindTarZst. The same tree gives the same bytes, whatever the machine, as long as the
// version of the compressor is the same. Every body is read once and verified; t knows
// its digest afterwards.
func Tar(ctx context.Context, w io.Writer, t *tree.Sealed, k Kind) error {
	w = cancelable(ctx, w)
	switch k {
	case KindTarGz:
		z := newGzip(w)
		return closeAfter(z, t.WriteTar(z))
	case KindTarZst:
		z, err := newZstd(w)
		if err != nil {
			return err
		}
		return closeAfter(z, t.WriteTar(z))
	}
	return t.WriteTar(w)
}

// closeAfter closes z also after an error, and returns the one that came first: z tells
// its own reason for refusing a write only when it is closed.
func closeAfter(z io.Closer, err error) error {
	e := z.Close()
	if e != nil && (err == nil || err == errGzip) {
		return e
	}
	return err
}

// newZstd returns an encoder whose bytes are shaped by the version of klauspost/compress and
// by what stands here. It has one thread: more could change the bytes.
func newZstd(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w,
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(8<<20),
		zstd.WithEncoderCRC(true))
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// cancelable returns a writer that fails once ctx is done.
func cancelable(ctx context.Context, w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return w.Write(p)
	})
}
