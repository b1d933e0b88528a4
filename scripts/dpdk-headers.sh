#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Fetch the headers that a DPDK driver needs, and applications do not, into BUILD.
# usage: dpdk-headers.sh BUILD [SUITE [ARCHITECTURE]]
#
# libdpdk-dev lacks the driver's half of the headers; the source package of exactly the same version
# has it. It goes to BUILD/dpdk-headers. An apt configuration of our own fetches it: the machine's
# sources with every "deb" read as "deb-src", and lists and files in a temporary directory. So the
# machine's apt state does not change, and apt itself verifies what it fetches.
#
# With SUITE it is the DPDK of that Debian suite, from whichever of the machine's archives has the
# suite (lab/lib.sh). BUILD/dpdk-sysroot then gets its application headers and libraries, unpacked:
# enough to compile the driver for that suite here. If the archive has the suite's packages but not
# its sources, the headers of the machine's own version are used, provided that
# dpdk-VERSION-to-VERSION.sed has the changes. ARCHITECTURE is Debian's name of another one than this
# machine's: then all that the driver needs is there, the C library too.
#
# Without SUITE, two of DPDK's example applications, which the tests run, go to
# BUILD/dpdk-headers/examples. If everything is there already, nothing is done.
set -eu

build=${1:?usage: dpdk-headers.sh BUILD [SUITE [ARCHITECTURE]]}
suite=${2:-}
architecture=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
headers="
lib/ethdev/ethdev_driver.h
lib/ethdev/ethdev_pci.h
lib/eal/include/dev_driver.h
lib/eal/include/bus_driver.h
drivers/bus/pci/bus_pci_driver.h
"
examples="
examples/skeleton/basicfwd.c
examples/l2fwd/main.c
"
# What the driver calls; the suite's own linker finds what these call in turn
libraries="bus_pci eal ethdev kvargs log mbuf mempool net pci ring"

# fail SENTENCE - say why there will be no driver, and what to do
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

mkdir -p "$build"
build=$(cd "$build" && pwd)
out=$build/dpdk-headers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log

# machine_version - of the DPDK that is installed
machine_version() {
	dpkg-query -W -f '${source:Version}' libdpdk-dev 2>/dev/null ||
		fail "cannot fetch DPDK's driver headers: libdpdk-dev is not installed" \
			"(apt-get install libdpdk-dev)"
}

# machine_source VERSION DIR - the machine's own source package, into DIR/dpdk
machine_source() (
	own=$2/apt
	mkdir -p "$own/lists/partial" "$own/cache/archives/partial" "$own/sources" "$2/dpdk"
	[ -z "${MACHINE_APT_CONFIG+set}" ] || export APT_CONFIG="$MACHINE_APT_CONFIG"
	eval "$(apt-config shell list Dir::Etc::SourceList/f parts Dir::Etc::SourceParts/d)"
	for file in "${list:-}" "${parts:-}"/*.list; do
		[ ! -r "$file" ] || sed -n 's/^[ \t]*deb\(-src\)\{0,1\}[ \t]/deb-src /p' "$file"
	done | sort -u >"$own/sources/one-line.list"
	for file in "${parts:-}"/*.sources; do
		[ ! -r "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$own/sources/${file##*/}"
	done
	set -- "$1" "$2" apt-get -qq -o Dir::Etc::SourceList=/dev/null \
		-o Dir::Etc::SourceParts="$own/sources" -o Dir::State::Lists="$own/lists" \
		-o Dir::Cache="$own/cache" -o Acquire::Languages=none -o APT::Sandbox::User=
	version=$1 source=$2/dpdk
	shift 2
	# Other archives may have no sources at all: what counts is whether DPDK's can be fetched.
	"$@" update >>"$log" 2>&1 || :
	cd "$source" && "$@" --download-only source "dpdk=$version" >>"$log" 2>&1
)

# suite_setup - an apt that has the suite; sets $version to that of its DPDK
suite_setup() {
	# shellcheck source=lab/lib.sh
	. "$here/../lab/lib.sh"
	ARCH=${architecture:-$ARCH}
	apt_setup "$work/suite"
	suite_source "$suite"
	suite_lines "$suite" "signed-by=$KEYRING" | sed 'p; s/^deb /deb-src /' >"$APT_DIR/etc/sources.list"
	apt-get -qq update >>"$log" 2>&1 || fail "cannot fetch the package lists of $suite from $MIRROR"
	version=$(apt-cache show libdpdk-dev 2>>"$log" | awk '
		/^Source:/ && NF > 2 { source = $3; gsub(/[()]/, "", source) }
		/^Version:/ { version = $2 }
		/^$/ { exit }
		END { print source ? source : version }')
	[ -n "$version" ] || fail "the suite $suite has no DPDK"
}

# suite_packages - what to compile and link against, unpacked into $work/sysroot
suite_packages() {
	packages=libdpdk-dev
	for library in $libraries; do
		name=librte-$(echo "$library" | tr _ -)
		packages="$packages $(apt-cache pkgnames "$name" | grep -Ex "${name}[0-9]+" || :)"
	done
	[ -z "$architecture" ] || packages="$packages libc6-dev libc6 linux-libc-dev libgcc-s1 libbsd-dev
		libbsd0 libmd-dev libmd0 libibverbs-dev libibverbs1 ibverbs-providers"
	mkdir -p "$work/packages"
	# shellcheck disable=SC2086
	(cd "$work/packages" && apt-get -qq download $packages >>"$log" 2>&1) ||
		fail "cannot fetch the packages of dpdk $version: $(why)"
	mkdir -p "$work/sysroot/usr/lib"
	ln -s usr/lib "$work/sysroot/lib"
	for package in "$work"/packages/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$work/sysroot"
	done
	# The rest of DPDK is not here, nor what its static libraries would need.
	find "$work/sysroot" -name 'librte_*.a' -delete
	directory=$(dirname "$(find "$work/sysroot" -name libdpdk.pc)")
	flags=
	for library in $libraries; do
		[ ! -e "$directory/../librte_$library.so" ] || flags="$flags -lrte_$library"
	done
	sed -i -e "s,=/usr,=$build/dpdk-sysroot/usr," -e '/^\(Requires\|Libs\).private:/d' \
		"$directory"/*.pc
	sed -i "s/^Libs:.*/Libs: -L\${libdir}$flags -Wl,--allow-shlib-undefined/" "$directory/libdpdk-libs.pc"
}

# suite_headers - $work/headers, of the suite's source or made from the machine's
suite_headers() {
	mkdir -p "$work/dpdk"
	if (cd "$work/dpdk" && apt-get -qq --download-only source "dpdk=$version" >>"$log" 2>&1); then
		# shellcheck disable=SC2086
		unpack $headers
		return
	fi
	old=$(machine_version) || exit 1
	changes=$here/dpdk-$(short "$old")-to-$(short "$version").sed
	[ -f "$changes" ] ||
		fail "cannot fetch the source of dpdk $version, whose driver headers are needed: $(why)"
	machine_source "$old" "$work" || fail "cannot fetch the source of dpdk $old: $(why)"
	# shellcheck disable=SC2086
	unpack $headers
	for file in $headers; do
		sed -i -f "$changes" "$work/headers/$file"
	done
}

# short VERSION - its first two numbers
short() {
	echo "$1" | grep -Eo '^[0-9]+\.[0-9]+'
}

# why - the last messages of apt
why() {
	grep '^[EW]:' "$log" | tail -n 3 | tr '\n' ' '
}

# unpack FILE... - from the source package to $work/headers
unpack() {
	mkdir -p "$work/headers"
	(
		for file; do
			set -- "$@" "*/$file"
			shift
		done
		tar -xf "$(ls "$work"/dpdk/dpdk_*.orig.tar.*z)" -C "$work/headers" --wildcards \
			--strip-components=1 "$@"
	) || fail "the source package of dpdk does not have all of these files: $*"
}

if [ -n "$suite" ]; then
	[ "$(cat "$out/suite" 2>/dev/null)" != "$suite${architecture:+ $architecture}" ] || exit 0
	suite_setup
	suite_packages
	suite_headers
	rm -rf "$build/dpdk-sysroot"
	mv "$work/sysroot" "$build/dpdk-sysroot"
else
	version=$(machine_version) || exit 1
	[ "$(printf '%s\n' 22.11 "$version" | sort -V | head -n 1)" = 22.11 ] ||
		fail "no headers of dpdk $version are fetched: the poll-mode driver needs 22.11 or newer"
	[ "$(cat "$out/version" 2>/dev/null)" != "$version" ] || [ ! -d "$out/examples" ] || exit 0
	machine_source "$version" "$work" ||
		fail "cannot fetch the source package dpdk $version, whose driver headers the poll-mode" \
			"driver needs. apt-get says: $(why)"
	# shellcheck disable=SC2086
	unpack $headers $examples
fi
rm -rf "$out"
mkdir "$out"
for file in $headers; do
	mv "$work/headers/$file" "$out/"
done
if [ -z "$suite" ]; then
	mkdir "$out/examples"
	for file in $examples; do
		mv "$work/headers/$file" "$out/examples/"
	done
fi
[ -z "$suite" ] || echo "$suite${architecture:+ $architecture}" >"$out/suite"
echo "$version" >"$out/version"
echo "Fetched the driver headers of dpdk $version"
