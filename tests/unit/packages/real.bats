# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2030,SC2031 # tests are functions
#
# scripts/dependencies.sh with the real package managers, apt, dnf and zypper, and archives on this
# machine; what it needs is missing because pkg-config looks nowhere else. dependencies.bats has every
# distribution.

bats_require_minimum_version 1.5.0
load ../../assert
load ../../archives

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	TREE=$BATS_TEST_DIRNAME/../../..
	export PKG_CONFIG_LIBDIR=$PWD/root/pc
	mkdir -p root/pc
}

# libraries FIELD [driver] - "PACKAGE NAME", what pkg-config has to find for 'make', of a family
libraries() {
	awk -v field="$1:" -v more="${2-build}" '
		/^Need: / { name = "" }
		/^For: / { wanted = / build/ || index($0, more) }
		/^Found: pkg-config / && wanted { name = $3 }
		$1 == field && name { for (i = 2; i <= NF; i++) print $i, name }' "$TREE/share/packages"
}

# ---- apt ----

# apt_machine - an apt of its own, that installs below root/ from archive/; nothing is installed
apt_machine() {
	local package library
	mkdir -p root/var/lib/dpkg/{updates,info,triggers} state/lists/partial cache/archives/partial archive
	touch root/var/lib/dpkg/{status,available}
	printf '#!/bin/sh\nexec dpkg --root=%s --force-not-root --force-bad-path --log=/dev/null "$@"\n' "$PWD/root" >dpkg
	chmod +x dpkg
	cat >apt.conf <<-END
		Dir::State "$PWD/state";
		Dir::State::status "$PWD/root/var/lib/dpkg/status";
		Dir::Cache "$PWD/cache";
		Dir::Etc "$PWD/etc";
		Dir::Log "$PWD/state";
		Dir::Bin::dpkg "$PWD/dpkg";
		APT::Sandbox::User "root";
		DPkg::Pre-Install-Pkgs "";
		DPkg::Post-Invoke "";
		APT::Update::Post-Invoke "";
	END
	mkdir -p etc/{apt.conf.d,preferences.d,trusted.gpg.d,sources.list.d}
	echo "deb [trusted=yes] file:$PWD/archive ./" >etc/sources.list
	export APT_CONFIG=$PWD/apt.conf
	libraries Debian driver | while read -r package library; do deb "$package" "$library"; done
	release
}

# deb PACKAGE LIBRARY [FIELD] - a package with nothing but what pkg-config finds
deb() {
	mkdir -p "deb/$1"/{DEBIAN,pc}
	printf 'Name: %s\nVersion: 99\nDescription: one\n' "$2" >"deb/$1/pc/$2.pc"
	printf '%s\n' "Package: $1" 'Version: 1' "Architecture: all" 'Maintainer: a <a@b>' ${3:+"$3"} 'Description: one' \
		>"deb/$1/DEBIAN/control"
	dpkg-deb --root-owner-group -b "deb/$1" "archive/$1.deb" >/dev/null
}

# release [VALID_UNTIL] - the archive's lists
release() {
	local package
	cd archive || return
	for package in *.deb; do
		dpkg-deb -f "$package"
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$package")" \
			"$(sha256sum "$package" | cut -d' ' -f1)"
	done >Packages
	{
		printf 'Origin: here\nSuite: here\nDate: %s\n' "$(date -Ru -d '10 days ago')"
		[[ -z ${1-} ]] || printf 'Valid-Until: %s\n' "$(date -Ru -d "$1")"
		printf 'SHA256:\n %s %s Packages\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)"
	} >Release
	cd .. || return
}

# debian COMMAND... - on a machine that is Debian
debian() {
	as_distribution debian 12 "$@"
}

@test "apt: what is missing is installed; then nothing is" {
	apt_machine
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 0)) || fail "$output" "$stderr"
	[[ $output == "Installing packages: "*libmnl-dev*libjansson-dev* ]] || fail "$output"
	equal '' "$(diff <(libraries Debian driver | cut -d' ' -f2 | sort) <(find root/pc -name '*.pc' -printf '%f\n' | sed 's/.pc$//' | sort))"
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	equal '' "$output" "the second time"
}

@test "apt: an expired Release file is told, and gone round" {
	apt_machine
	release '1 day ago'
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 0)) || fail "$output" "$stderr"
	[[ $stderr == *"The Release file is out of date of: file:$PWD/archive/./Release"*"Acquire::Check-Valid-Until=false"* ]] || fail "$stderr"
	[[ -e root/pc/libmnl.pc ]]
}

@test "apt: no network" {
	apt_machine
	echo 'deb [trusted=yes] http://127.0.0.1:9/debian bookworm main' >etc/sources.list
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 1)) || fail "$output" "$stderr"
	[[ $stderr == *"are not installed: "*libmnl*"apt-get install -y --no-install-recommends "*libmnl-dev*"in the archives"* ]] || fail "$stderr"
	# Lists that are there, and packages that are not
	echo "deb [trusted=yes] file:$PWD/archive ./" >etc/sources.list
	apt-get -qq update
	rm archive/*.deb
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 1)) && [[ $stderr == *"The archive cannot be reached."* ]] || fail "$stderr"
}

@test "apt: a package that no archive has" {
	apt_machine
	rm archive/libmnl-dev.deb
	release
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 1)) || fail "$output" "$stderr"
	[[ $stderr == *"Not all of these packages are in the archives that apt-get uses: "*universe*"  | E: Unable to locate package libmnl-dev"* ]] || fail "$stderr"
}

@test "apt: half-installed packages, and the commands that repair them" {
	apt_machine
	printf '%s\n' 'Package: half' 'Status: install ok unpacked' 'Architecture: all' 'Version: 1' 'Maintainer: a <a@b>' \
		'Depends: nowhere' 'Description: one' '' >root/var/lib/dpkg/status
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 1)) || fail "$output" "$stderr"
	[[ $stderr == *"half installed"*"  dpkg --configure -a && apt-get --fix-broken install"* ]] || fail "$stderr"
}

@test "a library of another architecture: one message, before meson and the linker have theirs" {
	local name
	mkdir lib # the linker goes on to the machine's own library, if there is one
	echo '.globl a; a: ret' | as --32 -o a.o -
	ld -m elf_i386 -shared -o lib/libforeign.so a.o
	for name in $(libraries Debian driver | cut -d' ' -f2); do
		printf 'Name: %s\nVersion: 99\nDescription: one\n' "$name" >"root/pc/$name.pc"
	done
	printf 'Libs: -L%s -lforeign\n' "$PWD/lib" >>root/pc/libmnl.pc
	run --separate-stderr debian "$TREE/scripts/dependencies.sh" build
	((status == 1)) || fail "$output" "$stderr"
	[[ $stderr == "Not of the architecture that cc compiles for ($(cc -dumpmachine)): $PWD/lib/libforeign.so"$'\n'* ]] || fail "$stderr"
}

# ---- dnf, zypper ----

# rpm_archive FIELD - a repository of a family's packages
rpm_archive() {
	local package library
	libraries "$1" | while read -r package library; do
		mkdir -p root/pc
		rpm_of "$package" '' "$PWD/root/pc/$library.pc"
	done
	libraries "$1" | cut -d' ' -f1 | sort -u >packages
	# shellcheck disable=SC2046
	repository base $(cat packages)
	repos <<<"base enabled"
}

# real ID VERSION FIELD - all of them get installed, by the manager of this distribution
real() {
	rpm_archive "$3"
	run --separate-stderr on "$1" "$2" "$TREE/scripts/dependencies.sh" build
	((status == 0)) || fail "$output" "$stderr"
	equal '' "$(diff packages installed)"
}

@test "dnf: Fedora and RHEL get what is missing" {
	real fedora 42 RHEL
	rm -rf root repositories repos rpms
	ID_LIKE="rhel centos fedora" real almalinux 9.4 RHEL
}

@test "zypper: SUSE gets what is missing" {
	ID_LIKE=suse real sles 15.6 SUSE
}

@test "dnf and zypper: a package that no repository has, and a repository that is not there" {
	rpm_archive RHEL
	rm -r repositories
	# shellcheck disable=SC2016
	grep -v libmnl-devel packages | xargs bash -c '. "$0"; repository base "$@"' "$BATS_TEST_DIRNAME/../../archives.bash"
	run --separate-stderr on fedora 42 "$TREE/scripts/dependencies.sh" build
	((status == 1)) && [[ $stderr == *"Not all of these packages are in the archives that dnf uses: see dnf repolist."*libmnl-devel* ]] || fail "$stderr"
	rm -r repositories
	run --separate-stderr on fedora 42 "$TREE/scripts/dependencies.sh" build
	((status == 1)) && [[ $stderr == *"The archive cannot be reached"* ]] || fail "$stderr"
}
