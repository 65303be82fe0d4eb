# Common ground of the scripts in this folder. Source it; it sets WORK, MIRROR, DETINSTALL.
set -euo pipefail
export LC_ALL=C
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=${DETINSTALL_BENCH_DIR:-/var/tmp/detinstall-bench}
DETINSTALL=$TOP/detinstall
FAILED=0
mkdir -p "$WORK"

# The host's Debian mirror: its address is read here, at run time, and written nowhere.
host_mirror() {
	{ sed -n "s/^URIs: *//p" /etc/apt/sources.list.d/*.sources 2>/dev/null || true
	  sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' /etc/apt/sources.list 2>/dev/null || true; } | grep -E '/debian/?$' | head -n 1 | sed 's#/$##'
}
MIRROR=$(host_mirror)
[ -n "$MIRROR" ] || { echo "SKIPPED: apt of this host is not configured for Debian" >&2; exit 0; }

# The sets that are measured, by name: what is installed over the base.
set_of() {
	case $1 in
	minbase) echo "" ;;
	erlang) echo erlang-base,elixir ;;
	server) echo nginx,postgresql,redis,openssh-server,systemd,systemd-sysv ;;
	langs) echo python3-full,nodejs,default-jre-headless,ca-certificates,curl,git ;;
	desktop) echo gedit,fontconfig,shared-mime-info,desktop-file-utils,dconf-gsettings-backend,adwaita-icon-theme,librsvg2-common ;;
	build) echo build-essential ;;
	web) echo apache2,libapache2-mod-php,libapache2-mod-wsgi-py3,libapache2-mod-fcgid,libapache2-mod-security2,libapache2-mod-xsendfile,javascript-common,php-mysql,php-xml ;;
	text) echo xml-core,docbook-xml,docbook-xsl,sgml-data,docbook-ebnf,docbook-mathml,libxml2-utils,xfonts-base,xfonts-75dpi,xfonts-100dpi,xfonts-scalable,xfonts-terminus,gsfonts-x11,dictionaries-common,aspell-en,ispell,iamerican,hunspell-en-us,hunspell-de-de,wamerican,wngerman ;;
	*) echo "no set $1" >&2; return 2 ;;
	esac
}

# A local mirror of one suite as it is today, with just the packages of the given sets, and a lock for each: WORK/mirror/SUITE, WORK/SUITE-SET.lock.yaml
local_mirror() { # SUITE SET...
	local suite=$1 dir=$WORK/mirror/$1 set; shift
	mkdir -p "$dir/dists/$suite/main/binary-amd64"
	curl -fsS -o "$dir/dists/$suite/InRelease" "$MIRROR/dists/$suite/InRelease"
	curl -fsS -o "$dir/dists/$suite/main/binary-amd64/Packages.xz" "$MIRROR/dists/$suite/main/binary-amd64/Packages.xz"
	local sum; sum=$(sha256sum "$dir/dists/$suite/main/binary-amd64/Packages.xz" | cut -d' ' -f1)
	mkdir -p "$dir/dists/$suite/main/binary-amd64/by-hash/SHA256"
	rm -f "$dir/dists/$suite/main/binary-amd64/by-hash/SHA256/"*
	ln -f "$dir/dists/$suite/main/binary-amd64/Packages.xz" "$dir/dists/$suite/main/binary-amd64/by-hash/SHA256/$sum"
	for set; do
		local lock=$WORK/$suite-$set.lock.yaml
		"$DETINSTALL" -q lock --repo "debian@$suite" --suite "$suite" --base minbase \
			$(pkgs_flag "$set") --lockfile "$lock" --cache "$WORK/cache" --mirror "debian=$MIRROR"
		locked_paths "$lock" | while read -r p; do
			[ -s "$dir/$p" ] || { mkdir -p "$dir/$(dirname "$p")"; curl -fsS -o "$dir/$p.part" "$MIRROR/$p" && mv "$dir/$p.part" "$dir/$p"; }
		done
	done
}

pkgs_flag() { local p; p=$(set_of "$1"); [ -z "$p" ] || echo "--pkgs $p"; }
locked_paths() { sed -nE 's/^ *- \{name: .* path: "?([^",}]+)"?,.*/\1/p' "$1"; }

# check NAME COMMAND...: prints ok or FAIL and keeps going.
check() {
	local name=$1; shift
	if "$@" >"$WORK/check.log" 2>&1; then echo "ok    $name"; else FAILED=$((FAILED + 1)); echo "FAIL  $name"; sed 's/^/      /' "$WORK/check.log" | tail -n 20; fi
}

tree_tar() { # the line of D5
	tar -b1 --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' \
		--pax-option=exthdr.name=%d/PaxHeaders.0/%f,delete=atime,delete=ctime -C "$1" -cf - .
}
