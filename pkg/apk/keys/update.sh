#!/bin/sh
# update.sh DISTRIBUTION-GPG-KEYS.deb
#
# Writes the keys of Alpine and postmarketOS that detinstall trusts into the folder of this script. Get the
# package from Debian stable with "apt-get download distribution-gpg-keys", which checks it. A key's file name is how
# signatures name it. Needs dpkg-deb.
set -eu
dir=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
dpkg-deb -x "$1" "$tmp"
rm -f "$dir"/*.rsa.pub
cp "$tmp"/usr/share/distribution-gpg-keys/alpine-linux/*.rsa.pub "$tmp"/usr/share/distribution-gpg-keys/postmarketos/*.rsa.pub "$dir"
chmod 644 "$dir"/*.rsa.pub
{
	echo "# Written by update.sh: where the keys come from."
	echo "$(dpkg-deb -f "$1" Package) $(dpkg-deb -f "$1" Version) sha256:$(sha256sum <"$1" | cut -d' ' -f1)"
} >"$dir/SOURCES"
