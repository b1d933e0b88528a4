# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# assert.bash - how a test says what it wants. For all that are written for Bats.

# fail TEXT... - end a test, and say why
fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# Seconds until anything that a test waits for has to have happened. Only a test that fails waits
# that long; it is so much because a busy machine may take ten times what an idle one takes.
PATIENCE=300

# await COMMAND... - run COMMAND until it succeeds
await() {
	local deadline=$((SECONDS + PATIENCE))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || fail "this did not come true in time: $*" || return
		sleep 0.05
	done
}

# equal WANTED GOT WHAT
equal() {
	[[ $1 == "$2" ]] || fail "$3: wanted '$1', got '$2'"
}
