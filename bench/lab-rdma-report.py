#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""lab-rdma-report.py FIGURES - the table of bench/lab-rdma.sh: medians, and ratios of the rounds' medians."""
import collections
import statistics
import sys

figures = collections.defaultdict(list)
with open(sys.argv[1], encoding='utf-8') as lines:
    for line in lines:
        mtu, case, subject, figure = line.split()
        figures[int(mtu), case, subject].append(float(figure))
median = {key: statistics.median(values) for key, values in figures.items()}


def cell(value, digits=1):
    return f'{value:>9.{digits}f}' if value else f'{"-":>9}'


print(f"{'MTU':>5} {'case':<22} {'MANA RC':>9} {'rdma_rxe':>9} {'TCP':>9} {'MANA/rxe':>9} {'MANA/TCP':>9}")
for mtu in sorted({mtu for mtu, _, _ in median}):
    for case, name in (('bandwidth', 'WRITE of 64 KB, MB/s'), ('latency', 'SEND of 2 bytes, us')):
        mana, rxe = median[mtu, case, 'MANA'], median[mtu, case, 'rxe']
        tcp = median.get((mtu, case, 'TCP'))
        print(f'{mtu:>5} {name:<22}', cell(mana), cell(rxe), cell(tcp),
              cell(rxe and mana / rxe, 2), cell(tcp and mana / tcp, 2))
