# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# lib.sh - what the lab's recipes share: progress, and packages of any suite of Debian or Ubuntu.
#
# Theory of operation
# -------------------
# A recipe prints what it is doing on standard output, one line per step. Everything else
# (apt, debootstrap, mke2fs) prints to standard error. The last line of a recipe that fails
# begins with "error: ".
#
# No archive is named here. The archives that this machine's own apt uses are asked
# in turn whether they have the suite, and then those that debootstrap would take. apt itself
# lists the former, so every format of sources that apt reads is understood, and apt itself
# fetches, with the machine's proxies and credentials. Nothing of the machine's apt state is
# changed: lists and packages go to a directory of the recipe's own.

ARCH=amd64

step() {
	printf '%s\n' "$*"
}

# fail SENTENCE - say why and end the recipe
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# need COMMAND PACKAGE - end the recipe unless COMMAND is installed
need() {
	command -v "$1" >/dev/null || fail "$1 is not installed: apt-get install $2"
}

# apt_setup DIR - an apt whose state lives under DIR; exports APT_CONFIG and http(s)_proxy
#
# Only the Acquire section of the machine's configuration is kept: packages are fetched as
# on this machine, but without its hooks and caches, which are not made for another suite.
apt_setup() {
	APT_DIR=$1
	MACHINE_APT_CONFIG=${APT_CONFIG:-}
	mkdir -p "$APT_DIR/state/lists/partial" "$APT_DIR/cache/archives/partial" "$APT_DIR/etc"
	: >"$APT_DIR/state/status"
	: >"$APT_DIR/etc/sources.list"
	apt-config dump Acquire >"$APT_DIR/etc/apt.conf"
	cat >>"$APT_DIR/etc/apt.conf" <<-EOF
		Dir::State "$APT_DIR/state";
		Dir::State::status "$APT_DIR/state/status";
		Dir::Cache "$APT_DIR/cache";
		Dir::Etc::Main "/dev/null";
		Dir::Etc::Parts "/dev/null";
		Dir::Etc::SourceList "$APT_DIR/etc/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		APT::Architecture "$ARCH";
		APT::Architectures { "$ARCH"; };
		APT::Install-Recommends "false";
		APT::Get::Assume-Yes "true";
		Acquire::Languages "none";
	EOF
	if [ "$(id -u)" -eq 0 ]; then # the user _apt may not look into the cache
		echo 'APT::Sandbox::User "root";' >>"$APT_DIR/etc/apt.conf"
	fi
	# debootstrap fetches with wget, which learns of proxies only from its environment
	eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
	[ -z "${http_proxy:-}" ] || export http_proxy
	[ -z "${https_proxy:-}" ] || export https_proxy
	APT_CONFIG=$APT_DIR/etc/apt.conf
	export APT_CONFIG
}

# machine COMMAND... - run one of apt's programs with the machine's configuration
machine() {
	APT_CONFIG=$MACHINE_APT_CONFIG "$@"
}

# machine_archives - the archives that this machine's apt uses, one URI per line
machine_archives() {
	machine apt-get update --print-uris | sed -n "s,^'\\([^']*\\)/dists/.*,\\1,p"
}

# source_keyrings URI - keyring files that the machine's sources name for this archive
#
# Both formats: "deb [signed-by=FILE] URI ..." and the deb822 stanzas.
source_keyrings() {
	eval "$(machine apt-config shell list Dir::Etc::SourceList/f parts Dir::Etc::SourceParts/d)"
	for sources in "${list:-}" "${parts:-}"/*.list "${parts:-}"/*.sources; do
		[ -r "$sources" ] || continue
		awk -v want="$1" '
			function same(uri) { sub("/+$", "", uri); return uri == want }
			function flush(    i, n, list) {
				if (here && key != "") {
					n = split(key, list, "[ \t,]+")
					for (i = 1; i <= n; i++)
						if (list[i] ~ "^/")
							print list[i]
				}
				here = 0; key = ""; field = ""
			}
			/^[ \t]*#/ { next }
			/^deb(-src)?[ \t]/ {
				if (match($0, "signed-by=[^] \t]+"))
					key = substr($0, RSTART + 10, RLENGTH - 10)
				for (i = 2; i <= NF; i++)
					if (same($i))
						here = 1
				flush()
				next
			}
			/^[ \t]*$/ { flush(); next }
			/^[^ \t]/ { field = tolower($1) }
			field == "uris:" { for (i = 1; i <= NF; i++) if (same($i)) here = 1 }
			field == "signed-by:" { sub("^[^ \t:]*:", ""); key = key " " $0 }
			END { flush() }
		' "$sources"
	done
}

# bootstrap_script SUITE [ORIGIN] - debootstrap's recipe for the suite; one that is newer than this
# debootstrap is made by the recipe of its distribution, Debian unless ORIGIN is Ubuntu
bootstrap_script() {
	scripts=${DEBOOTSTRAP_DIR:-/usr/share/debootstrap}/scripts
	[ ! -e "$scripts/$1" ] || { echo "$scripts/$1" && return; }
	case ${2-} in
	Ubuntu) echo "$scripts/gutsy" ;;
	*) echo "$scripts/sid" ;;
	esac
}

# script_names WHAT SCRIPT SUITE - the archive (WHAT: default_mirror) or the keyring that it names
#
# A recipe begins with calls of debootstrap's functions; those of no interest here do nothing.
script_names() (
	[ -r "$2" ] || return 0
	set +eu
	for call in default_mirror keyring mirror_style download_style finddebs_style variants info error; do
		eval "$call() { :; }"
	done
	eval "doing_variant() { return 1; }
		$1() { echo \"\$1\"; }"
	export DEBOOTSTRAP_DIR="${DEBOOTSTRAP_DIR:-/usr/share/debootstrap}"
	# shellcheck disable=SC2034 # the recipe reads it
	SUITE=$3
	# shellcheck source=/dev/null
	. "$2"
)

# debootstrap_mirrors SUITE - debootstrap's own archives, where it would look for the suite
debootstrap_mirrors() {
	sed -n 's/^DEF_MIRROR="\(.*\)"$/\1/p' "$(command -v debootstrap)" 2>/dev/null
	for of in Debian Ubuntu; do
		script_names default_mirror "$(bootstrap_script "$1" $of)" "$1"
	done
}

# release_origin - who published the release file that was fetched last
release_origin() {
	[ ! -e "$APT_DIR/InRelease" ] || sed -n 's/^Origin: \([A-Za-z]*\).*/\1/p' "$APT_DIR/InRelease"
}

# suite_keyring URI SUITE - the first keyring that verifies the suite's release file
#
# Prints its path. Returns 1 if the archive does not have the suite, 2 if it
# has, but no keyring here verifies it.
suite_keyring() {
	release=$APT_DIR/InRelease
	rm -f "$release"
	/usr/lib/apt/apt-helper download-file "$1/dists/$2/InRelease" "$release" \
		>>"$APT_DIR/answer" 2>&1 || return 1
	case $(release_origin) in
	Debian | Ubuntu) ;;
	*) return 1 ;;
	esac
	for keyring in $(source_keyrings "$1") \
		"$(script_names keyring "$(bootstrap_script "$2" "$(release_origin)")" "$2")" \
		/usr/share/keyrings/debian-archive-keyring.gpg /etc/apt/trusted.gpg.d/*.gpg; do
		[ -r "$keyring" ] || continue
		if gpgv --keyring "$keyring" "$release" >/dev/null 2>&1; then
			echo "$keyring"
			return 0
		fi
	done
	return 2
}

# suite_source SUITE - sets MIRROR and KEYRING to an archive that has the suite, and ORIGIN
suite_source() {
	need gpgv gpgv
	found=
	for MIRROR in $({ machine_archives; debootstrap_mirrors "$1"; } | awk '!seen[$0]++'); do
		status=0
		KEYRING=$(suite_keyring "$MIRROR" "$1") || status=$?
		ORIGIN=$(release_origin)
		[ $status -ne 0 ] || return 0
		[ $status -ne 2 ] || found="$MIRROR $ORIGIN"
	done
	case $found in
	*' Ubuntu')
		fail "no keyring on this machine verifies the suite $1 of ${found% *}:" \
			"apt-get install ubuntu-archive-keyring (Debian has it from 13 on) or ubuntu-keyring"
		;;
	?*)
		fail "no keyring on this machine verifies the suite $1 of ${found% *}:" \
			"apt-get install debian-archive-keyring, or name the key in the apt sources"
		;;
	esac
	fail "no archive in this machine's apt sources, and none of debootstrap's, has the suite \"$1\"" \
		"($(sed -n 's/^E: //p' "$APT_DIR/answer" | head -n 1)):" \
		"check the name and the network (apt-get update must work)"
}

# suite_lines SUITE [OPTIONS] - of a sources.list: the suite, as suite_source found it
#
# Ubuntu's mends are in a suite of their own, and much of what is needed is in its universe.
suite_lines() {
	components=main
	[ "$ORIGIN" != Ubuntu ] || components='main universe'
	echo "deb ${2:+[$2] }$MIRROR $1 $components"
	[ "$ORIGIN" != Ubuntu ] || echo "deb ${2:+[$2] }$MIRROR $1-updates $components"
}

# apt_source SUITE... - let the private apt use these suites of MIRROR
apt_source() {
	for name in "$@"; do
		suite_lines "$name" "signed-by=$KEYRING" >>"$APT_DIR/etc/sources.list"
	done
	apt-get update >&2 || fail "cannot fetch the package lists of $* from $MIRROR"
}
