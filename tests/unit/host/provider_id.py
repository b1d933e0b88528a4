#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Read or change the driver id that a provider of rdma-core claims.

The match table's entry is 24 bytes (struct verbs_match_ent of libibverbs/driver.h): nothing, the
id, nothing, and the kind 3. With a changed id, the file is like a libmana that was built against
the headers of another kernel.

usage: provider_id.py FILE [NEW-ID]
"""
import struct
import sys

ENTRY = struct.Struct("<QQHHB3x")
DRIVER_ID = 3


def entries(data):
    """Offsets of what looks like an entry for a driver id"""
    for at in range(0, len(data) - ENTRY.size, 8):
        driver_data, number, vendor, device, kind = ENTRY.unpack_from(data, at)
        if (kind == DRIVER_ID and not driver_data and not vendor and not device
                and 0 < number < 1000 and not any(data[at + 21:at + 24])):
            yield at


path = sys.argv[1]
with open(path, "rb") as file:
    content = bytearray(file.read())
found = list(entries(content))
if len(found) != 1:
    sys.exit(f"{path}: {len(found)} entries look like a driver id's, one is wanted")
print(ENTRY.unpack_from(content, found[0])[1])
if len(sys.argv) > 2:
    struct.pack_into("<Q", content, found[0] + 8, int(sys.argv[2]))
    with open(path, "r+b") as file:
        file.write(content)
