// Package detinstall installs distribution packages without running a line of
// their scripts, and gets the same bits every time, everywhere.
//
// [Resolve] turns a [Spec] into a lock: it reads and verifies the indexes,
// solves, and reads what only the packages hold. [Build] turns a lock into a
// sealed tree and is a pure function of the lock and of the bytes that it names
// by digest. Package reproduce/emit writes the tree.
//
// The package reads neither the clock nor the environment: what a resolution
// needs of them comes in [Ambient].
package detinstall

// Version is the version of this module. The lock records it.
const Version = "0.1.0"
