# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# archives.bash - machines of other distributions, and archives of packages for them

# as_distribution ID VERSION COMMAND... - on a machine that says that it is of that distribution
as_distribution() {
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	printf '%s\n' "ID=$1" "VERSION_ID=$2" "PRETTY_NAME=\"$1 $2\"" "${ID_LIKE:+ID_LIKE=\"$ID_LIKE\"}" >os-release
	shift 2
	# shellcheck disable=SC2016
	unshare -m "${user[@]}" bash -euc '
		mount --bind os-release "$(readlink -f /etc/os-release)"
		exec "$@"' bash "$@"
}

# rpm_of NAME [ANOTHER [FILE]] - build one in ./rpms, which may provide another's name, and has a file
# of pkg-config or none
rpm_of() {
	printf '%s\n' "Name: $1" 'Version: 1' 'Release: 1' 'Summary: one' 'License: none' 'BuildArch: noarch' >spec
	[ -z "${2-}" ] || echo "Provides: $2" >>spec
	printf '%s\n' '%description' 'one' '%install' >>spec
	if [ -n "${3-}" ]; then
		printf '%s\n' "mkdir -p %{buildroot}/${3%/*}" "cat >%{buildroot}$3 <<END" 'Name: a' 'Version: 99' 'Description: one' END >>spec
	fi
	printf '%s\n' '%files' ${3:+"$3"} >>spec
	rpmbuild -bb --quiet -D "_rpmdir $PWD/rpms" -D "_topdir $PWD/top" -D "_dbpath $PWD/db" spec
}

# repository NAME PACKAGE... - of such; PACKAGE may be NAME=ANOTHER
repository() {
	local directory=$PWD/repositories/$1 package
	shift
	mkdir -p "$directory"
	for package; do
		[ -e "rpms/noarch/${package%%=*}-1-1.noarch.rpm" ] || case $package in
		*=*) rpm_of "${package%%=*}" "${package#*=}" ;;
		*) rpm_of "$package" ;;
		esac
		ln "rpms/noarch/${package%%=*}-1-1.noarch.rpm" "$directory"
	done
	createrepo_c -q "$directory"
}

# on ID VERSION COMMAND... - on a machine of that distribution, whose package managers know the
# repositories in ./repos and have installed nothing; then what they have installed
on() {
	local id=$1 version=$2
	shift 2
	# shellcheck disable=SC2016
	as_distribution "$id" "$version" bash -euc '
		mkdir -p state
		for directory in /etc/dnf /etc/zypp /var/lib/dnf /var/cache/dnf /var/lib/zypp /var/cache/zypp /var/lib/rpm /var/log /run; do
			[ ! -d $directory ] || mount -t tmpfs tmpfs $directory
		done
		rm -rf home && mkdir home
		export HOME=$PWD/home # where Debian keeps the RPM database, unless zypper creates it
		printf "%s\n" "[main]" gpgcheck=0 plugins=0 "reposdir=$PWD/repos" >/etc/dnf/dnf.conf
		printf "%s\n" "[main]" "reposdir = $PWD/repos" "configdir = /etc/zypp" >/etc/zypp/zypp.conf
		"$@"
		{ rpm -qa --qf "%{NAME}\n"; rpm --dbpath /var/lib/rpm -qa --qf "%{NAME}\n"; } | sort >installed' bash "$@"
}

# repos - the text of a .repo file: "ID enabled" or "ID disabled" a line of standard input
repos() {
	mkdir -p repos
	while read -r id enabled; do
		printf '[%s]\nname=%s\nbaseurl=file://%s/repositories/%s\nenabled=%d\ngpgcheck=0\n' \
			"$id" "$id" "$PWD" "$id" "$([ "$enabled" = disabled ]; echo $?)"
	done >repos/test.repo
}
