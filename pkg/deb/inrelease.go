package deb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/detinstall/detinstall/internal/openpgp"
	"github.com/detinstall/detinstall/pkg"
	"github.com/detinstall/detinstall/pkg/tree"
)

// signed is the root of a repository's chain of trust as it was read.
type signed struct {
	name    string // "InRelease" or "Release"
	file    []byte // as it was signed
	plain   []byte // what may be parsed
	signers []openpgp.Signer
}

// readRelease gets InRelease, or else Release with Release.gpg, and checks signature and contents. For an unsigned
// repository without either it leaves x.release nil.
func (x *indexReader) readRelease(ctx context.Context) error {
	x.verified = pkg.Verified{Repo: x.repo}
	ring, err := x.keyring()
	if err != nil {
		return err
	}
	s, err := x.inRelease(ctx, ring)
	if errors.Is(err, fs.ErrNotExist) {
		s, err = x.releaseGPG(ctx, ring)
	}
	if errors.Is(err, fs.ErrNotExist) && x.repo.Unsigned {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", x.what("neither InRelease nor Release"), err)
	}
	if err != nil {
		return x.named(s.name, err)
	}
	if x.release, err = ParseReleaseFile(s.plain); err != nil {
		return pkg.Distrust(x.what(s.name), "%w", err)
	}
	x.verified.Index, x.verified.Date = tree.Sum(s.file), x.release.Date
	for _, signer := range s.signers {
		x.verified.Fingerprint = append(x.verified.Fingerprint, signer.Primary)
	}
	slices.Sort(x.verified.Fingerprint)
	x.verified.Fingerprint = slices.Compact(x.verified.Fingerprint)
	if x.release.stale(x.opt) {
		x.verified.Stale = x.release.ValidUntil
	}
	return x.release.checkTrust(x.what(s.name), x.repo, x.opt)
}

func (x *indexReader) inRelease(ctx context.Context, ring *openpgp.Keyring) (signed, error) {
	s := signed{name: "InRelease"}
	var err error
	if s.file, err = x.bytes(ctx, s.name, openpgp.MaxFile); err != nil {
		return s, err
	}
	s.plain, s.signers, err = openpgp.VerifyClearsigned(s.file, ring, x.at())
	if err != nil && x.repo.Unsigned {
		s.plain, err = openpgp.Cleartext(s.file)
	}
	if err != nil {
		err = pkg.Distrust(x.what(s.name), "%w", err)
	}
	return s, err
}

func (x *indexReader) releaseGPG(ctx context.Context, ring *openpgp.Keyring) (signed, error) {
	s := signed{name: "Release"}
	var err error
	if s.file, err = x.bytes(ctx, s.name, openpgp.MaxFile); err != nil {
		return s, err
	}
	s.plain = s.file
	sig, err := x.bytes(ctx, "Release.gpg", maxSignature)
	if errors.Is(err, fs.ErrNotExist) && !x.repo.Unsigned {
		return s, pkg.Distrust(x.what(s.name), "not signed: no InRelease, no Release.gpg")
	}
	if err == nil {
		if s.signers, err = openpgp.VerifyDetached(s.file, sig, ring, x.at()); err != nil {
			err = pkg.Distrust(x.what(s.name), "%w", err)
		}
	}
	if x.repo.Unsigned {
		err = nil
	}
	return s, err
}

// maxSignature bounds Release.gpg.
const maxSignature = 1 << 20

// at is the time at which signatures must be valid; the zero time leaves that to them.
func (x *indexReader) at() time.Time {
	if x.opt.Now == 0 {
		return time.Time{}
	}
	return time.Unix(x.opt.Now, 0)
}

func (x *indexReader) keyring() (*openpgp.Keyring, error) {
	var rings []*openpgp.Keyring
	for _, k := range x.repo.Keys {
		ring, err := openpgp.ReadKeyring(k.Data)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.Name, err)
		}
		rings = append(rings, ring)
	}
	return openpgp.Join(rings...), nil
}
