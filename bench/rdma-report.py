#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rdma-report.py FIGURES - the table of bench/rdma.sh: medians, and ratios of the rounds' medians."""
import collections
import statistics
import sys

figures = collections.defaultdict(list)
with open(sys.argv[1], encoding='utf-8') as lines:
    for line in lines:
        mtu, case, subject, figure = line.split()
        figures[int(mtu), case, subject].append(float(figure))
median = {key: statistics.median(values) for key, values in figures.items()}

print(f"{'MTU':>5} {'case':<26} {'MANA RC':>9} {'rdma_rxe':>9} {'TCP':>9} {'MANA/rxe':>9} {'MANA/TCP':>9}")
for mtu in sorted({mtu for mtu, _, _ in median}):
    for case, name in (('bandwidth', 'WRITE of 64 KB, MB/s'), ('latency', 'SEND of 2 bytes, us')):
        mana, rxe = median[mtu, case, 'MANA'], median[mtu, case, 'rxe']
        tcp = median.get((mtu, case, 'TCP'))
        print(f'{mtu:>5} {name:<26} {mana:>9.1f} {rxe:>9.1f} {tcp or 0:>9.1f} {mana / rxe:>9.2f} '
              f'{mana / tcp:>9.2f}' if tcp else
              f'{mtu:>5} {name:<26} {mana:>9.1f} {rxe:>9.1f} {"-":>9} {mana / rxe:>9.2f} {"-":>9}')
