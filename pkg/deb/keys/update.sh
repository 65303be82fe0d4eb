#!/bin/sh
# update.sh DEBIAN-ARCHIVE-KEYRING.deb UBUNTU-KEYRING.deb
#
# Writes the archive keys that detinstall trusts into the folder of this script, as text. Get the
# packages from Debian stable with "apt-get download debian-archive-keyring ubuntu-keyring", which
# checks them. Debian's files are taken as they are; of Ubuntu's keyring only the archive's signing
# keys. Keys that Debian has removed are not taken. Needs dpkg-deb and gpg.
set -eu
dir=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
dpkg-deb -x "$1" "$tmp/debian"
dpkg-deb -x "$2" "$tmp/ubuntu"

rm -f "$dir"/*.asc
cp "$tmp"/debian/etc/apt/trusted.gpg.d/debian-archive-*.asc "$dir"
chmod 644 "$dir"/*.asc

ring=$tmp/ubuntu/usr/share/keyrings/ubuntu-archive-keyring.gpg
for key in 2012:790BC7277767219C42C86F933B4FE6ACC0B21F32 2018:F6ECB3762474EDA9D21B7022871920D1991BC93C; do
	gpg --homedir "$tmp" --no-default-keyring --keyring "$ring" --quiet --batch \
		--armor --export "${key#*:}" >"$dir/ubuntu-archive-${key%:*}.asc"
done

{
	echo "# Written by update.sh: where the keys come from."
	for deb in "$1" "$2"; do
		echo "$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version) sha256:$(sha256sum <"$deb" | cut -d' ' -f1)"
	done
} >"$dir/SOURCES"
