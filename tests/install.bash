# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# install.bash - an installed tree, and a place without the checkout.
#
#	installed DIR		install into DIR as if it were the prefix
#	apart COMMAND...	run it where the source tree and the build tree are empty directories
#	at_prefix DIR COMMAND...  run it where DIR is seen at the configured prefix
#
# The environment names the trees, SOURCE and BUILD, and the configured prefix, PREFIX.

NAMESPACE=(unshare --mount)
[[ $(id -u) -eq 0 ]] || NAMESPACE+=(--map-root-user)

# installing COMMAND... - run it, and keep what `ninja uninstall` goes by for what is really installed
installing() {
	local record=$BUILD/meson-logs/install-log.txt status=0
	[[ ! -e $record ]] || cp -p "$record" "$BATS_TEST_TMPDIR/record"
	"$@" >"${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/installing" 2>&1 || status=$?
	rm -f "$record"
	[[ ! -e $BATS_TEST_TMPDIR/record ]] || mv "$BATS_TEST_TMPDIR/record" "$record"
	[[ $status -eq 0 ]] || cat "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/installing" >&2
	return $status
}

# strip_option - of meson install; before 0.62, the project's option "strip" does
strip_option() {
	meson install --help | grep -o -m 1 -e '--strip' || :
}

installed() {
	local stage=$1.stage
	# shellcheck disable=SC2046 # none or one
	DESTDIR=$stage installing meson install -C "$BUILD" --no-rebuild $(strip_option) || return
	mv "$stage$PREFIX" "$1"
	rm -r "$stage"
}

apart() {
	"${NAMESPACE[@]}" /bin/sh -c '
		for tree in "$SOURCE" "$BUILD"; do
			[ ! -d "$tree" ] || mount -t tmpfs none "$tree" || exit
		done
		exec "$@"' apart "$@" 3>&-
}

at_prefix() {
	"${NAMESPACE[@]}" /bin/sh -c 'mount --bind "$1" "$PREFIX" && shift && exec "$@"' at_prefix "$@" 3>&-
}
