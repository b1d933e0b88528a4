#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Install the distribution packages that building, the lab and the tests need, and those
# named as arguments.
# usage: dependencies.sh [PACKAGE...]
# If all are installed, nothing is done, and no password is asked for.
set -eu

packages="
gcc pkg-config meson ninja-build python3
libcmocka-dev libpcap-dev libsmartcols-dev libmnl-dev libkmod-dev libjansson-dev libpcre2-dev libseccomp-dev zlib1g-dev
clang libclang-rt-14-dev
libdpdk-dev dpdk-dev libibverbs-dev dpkg-dev
clang-format shellcheck
bats zsh fish strace curl openssl python3-jsonschema mandoc bsdextrautils iproute2 iputils-ping iperf3 ethtool nftables tcpdump socat util-linux procps systemd
debootstrap e2fsprogs gpgv debian-archive-keyring
"

missing=
for package in $packages "$@"; do
	dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "These packages are missing, and installing them requires root or sudo:" >&2
		echo " $missing" >&2
		exit 1
	}
	as_root=sudo
fi
echo "Installing packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$as_root apt-get -qq install -y --no-install-recommends $missing >/dev/null 2>&1 || {
	$as_root apt-get -qq update
	$as_root apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
