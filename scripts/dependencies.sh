#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# See that all is there that a target needs; what is missing is installed as the distribution's
# packages, as root or with sudo. Where that cannot be, one message names all that is missing, and
# the command that installs it.
# usage: dependencies.sh [--only-tell] [TARGET]
#
#   build (or make, install)	the program, and the driver where its parts are to be had
#   demo, lab, bench, fuzz	that, and what the target of this name runs
#   test			what the tests run, but for those in guests
#   check, check-all		all but fuzz and bench
#
# What is needed, and what its packages are called, is in share/packages, whose head explains it.
# What counts is whether it is there, not whether its package is installed: one from elsewhere will
# do. If nothing is missing, nothing is done, and no password is asked for.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
data=$here/../share/packages
tab=$(printf '\t')
newline='
'
tell=
[ "${1-}" != --only-tell ] || { tell=yes && shift; }
target=${1:-build}
# needed: what the target cannot do without; wanted: what it takes if it is to be had
wanted=
case $target in
build | make | install) target=make needed=build wanted=driver ;; # 'make' alone
demo) needed="build driver demo" ;;
lab) needed="build lab" wanted=driver ;;
bench) needed="build driver demo bench" ;;
fuzz) needed="build fuzz" wanted=driver ;;
test) needed="build demo test" wanted=driver ;; # no native ring without it
check | check-all) needed="build driver demo test lab arm64" ;;
*)
	sed -n '3,14s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log

# say SENTENCE... - to the user
say() {
	printf '%s\n' "$@" >&2
}

# fail SENTENCE... - and end
fail() {
	say "$@"
	exit 1
}

# ---- the distribution ----

# os_release NAME - the value of this variable
os_release() {
	for file in /etc/os-release /usr/lib/os-release; do
		[ -r $file ] || continue
		sed -n "s/^$1=//p" $file | tr -d "\"'" | tail -n 1
		return
	done
}

# family - sets $family, $names, $add, $else_do from the data; all are empty for an unknown one
family() {
	id=$(os_release ID)
	called=$(os_release PRETTY_NAME)
	family='' names='' add='' else_do=''
	for word in $id $(os_release ID_LIKE); do
		[ -n "$family" ] || IFS=$tab read -r family names add else_do <<-END || :
			$(awk -v "word=$word" '
				/^Family: / { family = $2 }
				/^Ids: / && family { for (i = 2; i <= NF; i++) if ($i == word) found = 1 }
				/^(Names|Add|Else): / && family {
					field = $1; sub(/^[^ ]* /, ""); value[field] = $0
				}
				/^$/ {
					if (found)
						print family "\t" value["Names:"] "\t" value["Add:"] "\t" value["Else:"]
					family = ""; found = 0
				}' "$data")
		END
	done
}

# needs PURPOSE... - one a line: name, what shows it, version, what if older, packages
needs() {
	awk -v "purposes=$*" -v "names=$names:" -v RS= -F '\n' '
		BEGIN { n = split(purposes, purpose, " ") }
		/^Need: / {
			split("", value)
			for (i = 1; i <= NF; i++)
				if (match($i, /^[A-Za-z-]+: /))
					value[substr($i, 1, RLENGTH - 1)] = substr($i, RLENGTH + 1)
			for (i = 1; i <= n; i++)
				if (index(" " value["For:"] " ", " " purpose[i] " ")) {
					least = value["At-Least:"]; older = value["Older:"]; packages = value[names]
					print value["Need:"] "\t" value["Found:"] "\t" (least ? least : "-") "\t" \
						(older ? older : "-") "\t" (packages ? packages : "-")
					break
				}
		}' "$data"
}

# ---- what is there ----

# is_before VERSION OTHER - is the first version the older one?
is_before() {
	awk -v "a=$1" -v "b=$2" 'BEGIN {
		n = split(a, x, /[^0-9]+/); m = split(b, y, /[^0-9]+/)
		for (i = 1; i <= n || i <= m; i++)
			if (x[i] + 0 != y[i] + 0)
				exit !(x[i] + 0 < y[i] + 0)
		exit 1 }'
}

# compiler - the one that meson will take; sets $cc
compiler() {
	for cc in ${CC:-cc gcc clang}; do
		! command -v "$cc" >/dev/null || return 0
	done
	return 1
}

# clang_runtime - does clang have the library that fuzz targets are linked with?
clang_runtime() {
	command -v clang >/dev/null &&
		echo 'int LLVMFuzzerTestOneInput(const char *a, unsigned long n); int LLVMFuzzerTestOneInput(const char *a, unsigned long n) { return a && n ? 0 : 0; }' |
		clang -fsanitize=fuzzer,address -x c -o "$work/fuzz" - 2>/dev/null
}

# there KIND NAME... - is it there? Sets $has to its version if it has one, and $brand if there are several
there() {
	kind=$1 has='' brand=''
	shift
	case $kind in
	command)
		for name; do
			command -v "$name" >/dev/null || continue
			case $name in
			meson | ninja*) has=$("$name" --version 2>/dev/null | head -n 1) ;;
			python3) has=$(python3 -c 'import sys; print(sys.version.split()[0])' 2>/dev/null) ;;
			clang) has=$(clang -dumpversion 2>/dev/null) ;;
			esac
			return 0
		done
		return 1
		;;
	pkg-config)
		command -v pkg-config >/dev/null && pkg-config --exists "$@" || return 1
		has=$(pkg-config --modversion "$1")
		;;
	compiler)
		compiler || return 1
		has=$($cc -dumpversion 2>/dev/null) || return 1
		brand=GCC
		! $cc --version 2>/dev/null | grep -q clang || brand=clang
		;;
	libc) has=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/.* //') && [ -n "$has" ] ;;
	kernel-headers)
		compiler || return 1
		has=$(printf '#include <linux/version.h>\nLINUX_VERSION_CODE\n' | $cc -E -P - 2>/dev/null | tail -n 1)
		[ "${has:-0}" -gt 0 ] 2>/dev/null || return 1
		has=$((has / 65536)).$((has / 256 % 256))
		;;
	header) compiler && echo "#include <$1>" | $cc -E - >/dev/null 2>&1 ;;
	file) [ -e "$1" ] ;;
	python) command -v python3 >/dev/null && python3 -c "import $1" 2>/dev/null ;;
	clang-runtime) clang_runtime ;;
	esac
}

# look PURPOSE... - sets $missing (lines of needs) and $old (sentences)
look() {
	missing='' old=''
	needs "$@" >"$work/needs"
	while IFS=$tab read -r what found least older packages; do
		# shellcheck disable=SC2086
		if ! there $found; then
			missing="$missing$what$tab$packages$newline"
			continue
		fi
		limit=${least##*"$brand "}
		if [ "$least" != - ] && [ -n "$has" ] && is_before "$has" "${limit%% *}"; then
			old="$old  $what: ${brand:+$brand }$has is installed, $least or newer is needed: $older.$newline"
		fi
	done <"$work/needs"
}

# ---- packages ----

# clang_version - of the clang that there is, or that would be installed
clang_version() {
	if command -v clang >/dev/null; then
		clang -dumpversion | sed 's/\..*//'
	else
		apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1
	fi
}

# packages - those of what is missing, each once, on one line
packages() {
	list=$(printf '%s' "$missing" | cut -f 2 | tr ' ' '\n' | grep -vx -e - | awk '!seen[$0]++' | tr '\n' ' ')
	case $list in
	*-VERSION-*)
		number=$(clang_version)
		# Until the lists of packages are there, it is not known; then comes a second round.
		list=$(printf '%s' "$list" | tr ' ' '\n' |
			if [ -n "$number" ]; then sed "s/-VERSION-/-$number-/"; else grep -v -e -VERSION-; fi | tr '\n' ' ')
		;;
	esac
	printf '%s' "${list% }"
}

# nameless - what is missing and has no package in this family
nameless() {
	printf '%s' "$missing" | awk -F '\t' '$2 == "-" { printf "%s%s", sep, $1; sep = ", " }'
}

# as_root COMMAND... - with sudo unless we are root; its messages are added to $log
as_root() {
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	[ "$(id -u)" -eq 0 ] || set -- sudo -- env DEBIAN_FRONTEND=noninteractive "$@"
	"$@" >>"$log" 2>&1
}

# install PACKAGE... - with the family's command; $log has its messages
install() (
	: >"$log"
	set -f # patterns in the command are dnf's
	if [ "$manager" = apt-get ]; then
		# The lists that are there may do. Another apt that runs is waited for.
		# shellcheck disable=SC2086
		as_root $add -qq -o DPkg::Lock::Timeout=300 "$@" && return
		: >"$log"
		as_root apt-get -qq update || update_expired
	fi
	# shellcheck disable=SC2086
	as_root $add "$@"
)

# update_expired - the lists of an archive whose Release file's time is over are good for building
update_expired() {
	expired=$(sed -n 's/.*Release file for \([^ ]*\) is \(expired\|not valid yet\).*/\1/p' "$log" | sort -u)
	[ -n "$expired" ] || return 0
	say "The Release file is out of date of: $expired" \
		"Its packages are used all the same, this once: apt-get -o Acquire::Check-Valid-Until=false update"
	as_root apt-get -qq -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false update || :
}

# said PATTERN - did the package manager say so?
said() {
	grep -qE "$1" "$log"
}

# why_not - what to do after the package manager failed
why_not() {
	if said 'dpkg was interrupted|nmet dependencies|unmet dependencies|broken packages|half-(installed|configured)|not fully installed'; then
		say "Some packages are only half installed, or do not fit together. This repairs them:" \
			"  ${sudo}dpkg --configure -a && ${sudo}apt-get --fix-broken install"
	elif said 'nable to locate|No match for argument|not found in package names|matching packages|no installation candidate|nable to find a match'; then
		say "Not all of these packages are in the archives that $manager uses: $else_do."
	elif said 'esolving|resolve host|onnect to|etwork is unreachable|timed out|Failed to fetch|Cannot download|Curl error|Failed to download|Valid metadata not found|Failed to synchronize'; then
		say "The archive cannot be reached. See to the network, or to the archives that $manager uses, and" \
			"run '$make' again; or install the packages by other means."
	elif said 'Read-only file system'; then
		say "The file system is read-only: add the packages to the image that this machine is made of."
	fi
	[ ! -s "$log" ] || {
		echo "$manager said:"
		grep -v '^[[:space:]]*$' "$log" | tail -n 5 | sed 's/^/  | /'
	} >&2
}

# ---- what is told ----

# list_missing - what is missing, by its own name
list_missing() {
	printf '%s' "$missing" | awk -F '\t' '{ printf "%s%s", sep, $1; sep = ", " }'
}

# tell - all that is missing, and the line that installs it
tell() {
	say "'$make' needs these, and they are not installed: $(list_missing)."
	list=$(packages)
	if [ -z "$family" ]; then
		say "How $system calls their packages is not known here; libraries are needed with their headers."
	elif [ "$installed" = yes ]; then
		say "Their packages are installed ($list), and they are still not found: are the packages" \
			"of another architecture, or do PATH and PKG_CONFIG_PATH lead elsewhere?"
	elif [ -n "$list" ]; then
		say "On $system this installs them:" "  $sudo$add $list"
	fi
	none=$(nameless)
	[ -z "$family" ] || [ -z "$none" ] || say "$system has no package of: $none."
}

# ---- and now ----

# bring PURPOSE... - install what is missing; false: something still is
bring() {
	look "$@"
	tried='' installed=''
	while list=$(packages) && [ -n "$list" ]; do
		[ "$list" != "$tried" ] || installed=yes
		[ -z "$installed$tell" ] && command -v "$manager" >/dev/null || return 1
		[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || return 1
		tried=$list
		echo "Installing packages: $list"
		# shellcheck disable=SC2086
		install $list || return 1
		look "$@"
	done
	[ -z "$missing" ]
}

# foreign - is a library, as pkg-config finds it, one of another architecture? Then fail
foreign() {
	# shellcheck disable=SC2086
	needs $needed | awk -F '\t' '{ n = split($2, word, " "); if (word[1] == "pkg-config") for (i = 2; i <= n; i++) print word[i] }' |
		sort -u >"$work/libraries"
	compiler && [ -s "$work/libraries" ] || return 0
	# shellcheck disable=SC2046
	echo 'int main(void) { return 0; }' |
		LC_ALL=C $cc -x c -o "$work/linked" - $(xargs pkg-config --libs <"$work/libraries") 2>"$log" && return
	wrong=$(sed -n 's/.*skipping incompatible \([^ ]*\) when.*/\1/p; s/.*: error adding symbols: file in wrong format.*/&/p' "$log" |
		sort -u | tr '\n' ' ')
	[ -z "$wrong" ] || fail "Not of the architecture that $cc compiles for ($($cc -dumpmachine)): ${wrong% }" \
		"Install the packages of this architecture, or see where PKG_CONFIG_PATH leads."
}

family
manager=${add%% *}
system=${called:-this system}
case $target in
make) make='make' ;;
*) make="make $target" ;;
esac
sudo=
[ "$(id -u)" -eq 0 ] || sudo='sudo '
: >"$log"
# shellcheck disable=SC2086
bring $needed || {
	tell
	why_not
	exit 1
}
[ -z "$old" ] || fail "'$make' needs newer versions:" "${old%"$newline"}"
foreign
[ -n "$wanted" ] || exit 0
bring "$wanted" || :
[ -z "$missing" ] || say "The driver for DPDK is not built: these are not installed: $(list_missing)."
[ -z "$old" ] || say "The driver for DPDK is not built:" "${old%"$newline"}"
