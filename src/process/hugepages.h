/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/hugepages.h - the machine's hugepages of 2 MB, and a count of other sizes.
 */
#ifndef MANAKIN_PROCESS_HUGEPAGES_H
#define MANAKIN_PROCESS_HUGEPAGES_H

#include <stdbool.h>

#define HUGEPAGE_SIZE   (2u << 20)
#define HUGEPAGES_COUNT "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/** hugepages_free() - how many are neither used nor reserved */
unsigned long hugepages_free(void);

/** hugepages_total() - how many the machine has, in use or not */
unsigned long hugepages_total(void);

/** hugepages_memory() - bytes in free hugepages of all sizes */
unsigned long long hugepages_memory(void);

/** hugepages_mounted() - is there a hugetlbfs that this process may write to? */
bool hugepages_mounted(void);

#endif
