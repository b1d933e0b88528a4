#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# herd.sh DIR - put herd7, which explores a memory model, into DIR; DIR/herd7 runs it.
#
# Debian has it (package herdtools7) since forky; it is unpacked with the C library that it needs.
# One that is installed is taken as it is. If it is there already, nothing is done.
set -eu

dir=${1:?usage: herd.sh DIR}
here=$(dirname "$(readlink -f "$0")")
[ ! -x "$dir/herd7" ] || exit 0
mkdir -p "$dir"
if command -v herd7 >/dev/null; then
	ln -sf "$(command -v herd7)" "$dir/herd7"
	exit 0
fi

# shellcheck source=lab/lib.sh
. "$here/../../lab/lib.sh"
[ "$(dpkg --print-architecture)" = amd64 ] || fail "herd7 is not installed: apt-get install herdtools7"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
apt_setup "$work/apt"
# What is said of a testing suite may have expired since.
echo 'Acquire::Check-Valid-Until "false";' >>"$APT_DIR/etc/apt.conf"
suite_source forky
apt_source forky
apt-get -qq install --download-only herdtools7 >&2 || fail "cannot fetch herdtools7 from $MIRROR"
mkdir "$work/root"
for package in "$work"/apt/cache/archives/*.deb; do
	dpkg-deb -x "$package" "$work/root"
done
(cd "$work/root/usr" && find bin -type f ! -name herd7 -delete && rm -rf share/doc lib/*/gconv)
rm -rf "$dir/root"
mv "$work/root" "$dir/root"
cat >"$dir/herd7.new" <<'END'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
exec "$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu" \
	"$root/usr/bin/herd7" -set-libdir "$root/usr/share/herdtools7/herd" "$@"
END
chmod 755 "$dir/herd7.new"
"$dir/herd7.new" -version >&2 || fail "the unpacked herd7 does not start"
mv "$dir/herd7.new" "$dir/herd7"
