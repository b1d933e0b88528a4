#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build.sh HEADERS - build hv_vmbus.ko in this directory for the kernel of HEADERS
#
# Other modules find the symbols of this one by name and checksum. The checksums of
# the kernel's own hv_vmbus.ko are in the headers' Module.symvers. The ones that
# genksyms computes here differ, though the declarations are the same: it also counts
# which structures behind pointers a source file happened to know. So the module is
# built, the checksums in the compiler's output are replaced, and what depends on them
# is built again.
set -eu
headers=$1
here=$(dirname "$(readlink -f "$0")")
cd "$here"

make -s -C "$headers" M="$here" modules
awk -v theirs="$headers/Module.symvers" '
	BEGIN {
		while ((getline line <theirs) > 0) {
			split(line, field, "\t")
			if (field[3] == "drivers/hv/hv_vmbus")
				crc[field[2]] = field[1]
		}
	}
	FNR == 1 { if (out) close(out); out = FILENAME ".new" }
	$1 == "#SYMVER" {
		if (!($2 in crc)) {
			print "the kernel has no symbol " $2 " in hv_vmbus" >"/dev/stderr"
			exit 1
		}
		$3 = crc[$2]
	}
	{ print >out }' .*.o.cmd
for notes in .*.o.cmd; do
	[ ! -e "$notes.new" ] || mv "$notes.new" "$notes"
done
rm -f Module.symvers hv_vmbus.mod.c hv_vmbus.mod.o hv_vmbus.ko
make -s -C "$headers" M="$here" modules
strip -g hv_vmbus.ko
