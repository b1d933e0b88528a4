# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2030,SC2031 # tests are functions
#
# scripts/dependencies.sh on machines of each distribution that have nothing but a shell: programs are
# stand-ins (see there), package managers record what they are told and bring what the package has.
# real.bats has the real package managers.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	TREE=$BATS_TEST_DIRNAME/../../..
	export MACHINE=$PWD/machine DATA=$TREE/share/packages STAND_IN=$BATS_TEST_DIRNAME/stand-in
	mkdir -p machine/{bin,pc,headers,modules,version,answers,keyrings}
	echo 0 >machine/uid
	local tool
	for tool in sh bash awk sed grep cut tr tail head mktemp rm cat dirname env ls touch mkdir sort xargs ln echo; do
		ln -s "$(type -P $tool)" machine/bin/
	done
	ln -s "$STAND_IN" machine/bin/id
	ln -s "$STAND_IN" machine/bin/getconf
}

# there PROGRAM... - on this machine too
there() {
	local program
	for program; do ln -sf "$STAND_IN" "machine/bin/$program"; done
}

# distribution ID VERSION_ID [ID_LIKE]
distribution() {
	printf '%s\n' "ID=$1" "VERSION_ID=\"$2\"" "PRETTY_NAME=\"$1 $2\"" "${3:+ID_LIKE=\"$3\"}" >os-release
}

# dependencies ARGUMENT... - on the machine; sets status, output and stderr
dependencies() {
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	# shellcheck disable=SC2016
	run --separate-stderr unshare -m "${user[@]}" bash -euc '
		mount --bind os-release "$(readlink -f /etc/os-release)"
		mount --bind machine/keyrings /usr/share/keyrings
		PATH=$MACHINE/bin exec sh "$@"' bash "$TREE/scripts/dependencies.sh" "$@"
}

# needed FIELD PURPOSE... - the packages of a family for these purposes
needed() {
	local field=$1
	shift
	awk -v field="$field:" -v purposes=" $* " '
		/^Need: / { for_it = "" }
		/^For: / { for (i = 2; i <= NF; i++) if (index(purposes, " " $i " ")) for_it = "yes" }
		$1 == field && for_it { for (i = 2; i <= NF; i++) print $i }' "$DATA" | sort -u
}

# brings MANAGER FIELD TARGET PURPOSE... - exactly these packages get installed, and then none
brings() {
	local manager=$1 field=$2 target=$3
	shift 3
	there "$manager"
	NAMES=$field dependencies "$target"
	((status == 0)) || fail "$target: $status" "$output" "$stderr"
	diff <(needed "$field" "$@") <(sort -u machine/installed)
	grep -q "^$manager .*install" machine/record
	rm machine/record
	dependencies "$target"
	((status == 0)) || fail "again: $status" "$output" "$stderr"
	[[ -z $output$stderr && ! -e machine/record ]] || fail "the second time: $output $stderr"
}

@test "make: each distribution's package manager installs the packages of its family, and only those for building" {
	local line
	while read -r manager field id version like; do
		rm -rf machine/{pc,headers,modules,version,record,installed}
		mkdir -p machine/{pc,headers,modules,version}
		find machine/bin -lname "$STAND_IN" ! -name id ! -name getconf -delete
		distribution "$id" "$version" "$like"
		brings "$manager" "$field" build build driver
		run ! grep -E 'clang|debootstrap|cmocka|bats' machine/installed
	done <<-END
		apt-get Debian debian 11
		apt-get Debian debian 13
		apt-get Debian ubuntu 20.04 debian
		apt-get Debian ubuntu 26.04 debian
		apt-get Debian linuxmint 22 ubuntu debian
		dnf RHEL rhel 8.9 fedora
		dnf RHEL almalinux 9.4 rhel centos fedora
		dnf RHEL rocky 10.0 rhel centos fedora
		dnf RHEL ol 9.4 fedora
		dnf RHEL fedora 42
		dnf RHEL amzn 2023 fedora
		tdnf Azure azurelinux 3.0
		tdnf Azure mariner 2.0
		zypper SUSE sles 15.6 suse
		zypper SUSE opensuse-leap 15.6 suse opensuse
		zypper SUSE opensuse-tumbleweed 20260101 opensuse suse
	END
}

@test "RHEL and its derivatives use the repositories that are disabled at first, Fedora does not" {
	distribution rocky 9.4 "rhel centos fedora"
	there dnf
	NAMES=RHEL dependencies build
	grep -q 'dnf install -y .*setopt=crb.enabled=1' machine/record
	rm -r machine/{pc,record} && mkdir machine/pc
	distribution fedora 42
	NAMES=RHEL dependencies build
	run ! grep setopt machine/record
}

@test "make demo, make test, make check and make fuzz each ask for what they run" {
	distribution debian 12
	brings apt-get Debian demo build driver demo
	[[ ! -e machine/bin/bats ]]
	brings_more() {
		rm -f machine/installed
		NAMES=Debian dependencies "$1"
		((status == 0)) || fail "$1: $status" "$output" "$stderr"
	}
	brings_more test
	grep -qx bats machine/installed && run ! grep -x debootstrap machine/installed
	brings_more check
	grep -qx debootstrap machine/installed && run ! grep -E 'clang-rt|gnuplot' machine/installed
	echo 16 >machine/version/clang-package
	there apt-cache
	brings_more fuzz
	grep -qx libclang-rt-16-dev machine/installed
}

@test "clang's library is the one of the clang that is there" {
	distribution debian 13
	brings apt-get Debian build build driver
	touch machine/pc/cmocka
	echo 99 >machine/pc/cmocka
	there clang
	echo 19.1.7 >machine/version/clang
	rm machine/installed
	NAMES=Debian dependencies fuzz
	((status == 0)) || fail "$output" "$stderr"
	equal libclang-rt-19-dev "$(cat machine/installed)"
}

@test "without root and sudo: one message has all that is missing, and the line that installs it" {
	distribution fedora 42
	there dnf meson
	echo 1000 >machine/uid
	dependencies build
	((status == 1)) || fail "$status"
	[[ ! -e machine/record && -z $output ]] || fail "$output"
	[[ $stderr == "'make' needs these, and they are not installed: a C compiler, "*"libmnl, "*"zlib."* ]] || fail "$stderr"
	[[ $stderr != *Meson* && $stderr != *cmocka* ]] || fail "$stderr"
	[[ $stderr == *"On fedora 42 this installs them:"$'\n'"  sudo dnf install -y gcc glibc-devel "*" zlib-devel" ]] || fail "$stderr"
}

@test "with sudo it is asked" {
	distribution sles 15.6 suse
	there zypper sudo
	echo 1000 >machine/uid
	NAMES=SUSE dependencies build
	((status == 0)) || fail "$output" "$stderr"
	grep -q '^sudo -- env DEBIAN_FRONTEND=noninteractive zypper --non-interactive install gcc ' machine/record
}

@test "--only-tell installs nothing" {
	distribution azurelinux 3.0
	there tdnf
	dependencies --only-tell demo
	((status == 1)) || fail "$status"
	[[ ! -e machine/record && $stderr == *"  tdnf install -y gcc "*" dpdk"* ]] || fail "$stderr"
}

@test "an unknown distribution: what is missing, by its own name" {
	distribution arch rolling
	there pacman
	dependencies build
	((status == 1)) || fail "$status"
	[[ $stderr == "'make' needs these, and they are not installed: a C compiler, "*" libmnl, "*"How arch rolling calls their packages is not known here"* ]] ||
		fail "$stderr"
}

@test "an unknown distribution that has all of it: nothing is asked" {
	distribution debian 12
	brings apt-get Debian build build driver
	distribution arch rolling
	dependencies build
	((status == 0)) && [[ -z $stderr ]] || fail "$stderr"
}

@test "a package manager that is not there: the line is told all the same" {
	distribution debian 12
	dependencies build
	((status == 1)) && [[ $stderr == *"  apt-get install -y --no-install-recommends gcc "* ]] || fail "$stderr"
}

# older FILE VERSION TEXT
older() {
	distribution sles 15.4 suse
	there zypper
	NAMES=SUSE dependencies build
	echo "$2" >"machine/version/$1"
	dependencies build
	((status == 1)) || fail "$1 $2: $status"
	[[ $stderr == "'make' needs newer versions:"*"$3"* ]] || fail "$stderr"
}

@test "an old Meson: what was found, what is wanted, what helps" {
	older meson 0.49.2 "  Meson: 0.49.2 is installed, 0.53.0 or newer is needed: python3 -m pip install --user meson, "
}

@test "an old compiler, old headers and an old library" {
	older cc 7 "  a C compiler: GCC 7 is installed, GCC 8 or clang 10 or newer is needed: install a newer one beside it"
	echo "clang version 9.0.1" >machine/version/brand
	older cc 9.0.1 "  a C compiler: clang 9.0.1 is installed, "
	older kernel $((4 * 65536 + 12 * 256)) "  the kernel's headers: 4.12 is installed, 4.18 or newer is needed"
	older getconf 2.26 "  glibc: 2.26 is installed, 2.28 or newer is needed"
}

@test "clang 10 and GCC 8 will do" {
	distribution sles 15.4 suse
	there zypper
	NAMES=SUSE dependencies build
	echo 8 >machine/version/cc
	dependencies build
	((status == 0)) || fail "$stderr"
	echo "clang version 10.0.0" >machine/version/brand
	echo 10.0.0 >machine/version/cc
	dependencies build
	((status == 0)) || fail "$stderr"
}

@test "an old DPDK, or none: the rest is built, and the reason is told" {
	distribution ubuntu 20.04 debian
	brings apt-get Debian build build driver
	echo 19.11.14 >machine/pc/libdpdk
	dependencies build
	((status == 0)) || fail "$status"
	[[ $stderr == "The driver for DPDK is not built:"*"19.11.14 is installed, 22.11 or newer is needed: 'manakin dpdk install'"* ]] || fail "$stderr"
	NAMES=Debian dependencies demo
	((status == 1)) && [[ $stderr == *"19.11.14"* ]] || fail "$stderr"
	rm machine/pc/libdpdk
	echo 'case "$*" in *libdpdk-dev*) echo "E: Unable to locate package libdpdk-dev"; exit 100 ;; esac' >machine/answers/apt-get
	dependencies build
	((status == 0)) && [[ $stderr == "The driver for DPDK is not built: these are not installed: DPDK's libraries." ]] || fail "$stderr"
}

@test "a package that has not what it should: said, and not tried for ever" {
	distribution debian 12
	there apt-get
	NAMES=Nothing dependencies build
	((status == 1)) || fail "$status"
	[[ $stderr == *"Their packages are installed ("*"and they are still not found: "* ]] || fail "$stderr"
	(($(grep -c install machine/record) == 1)) || fail "$(cat machine/record)"
}

# refused MANAGER ID ANSWER TEXT - the manager fails with this answer; the text is told
refused() {
	distribution "$2" 9
	there "$1"
	printf 'echo "%s" >&2\nexit 1\n' "$3" >"machine/answers/$1"
	dependencies build
	((status == 1)) || fail "$3: $status"
	[[ $stderr == *"they are not installed"*"$4"*"$1 said:"*"  | $3"* ]] || fail "$stderr"
}

@test "what package managers refuse has its sentence" {
	refused dnf rhel "Error: Unable to find a match: libmnl-devel" "some of them are in EPEL"
	refused dnf rhel "No match for argument: libmnl-devel" "some of them are in EPEL"
	refused dnf fedora "Curl error (6): Could not resolve hostname for x" "The archive cannot be reached"
	refused tdnf azurelinux "Error(1011) : No matching packages" "azurelinux-repos-extended"
	refused zypper sles "No provider of 'libmnl-devel' found. Package 'libmnl-devel' not found in package names." "SUSEConnect"
	refused apt-get debian "E: dpkg was interrupted, you must manually run dpkg" "dpkg --configure -a && apt-get --fix-broken install"
	refused zypper sles "Read-only file system" "The file system is read-only"
}

@test "a build directory that cannot be written to: one message" {
	mkdir ro
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	# shellcheck disable=SC2016
	run --separate-stderr unshare -m "${user[@]}" bash -euc '
		mount --bind ro ro && mount -o remount,bind,ro ro
		exec "$1" "$PWD/ro/build" build' bash "$TREE/scripts/configure.sh"
	((status == 1)) && [[ $stderr == "Nothing can be built in $PWD/ro/build: "*"make BUILD=DIR" ]] || fail "$stderr"
}
