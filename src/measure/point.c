/* SPDX-License-Identifier: BSD-3-Clause */
#include "measure/point.h"

const char *const case_names[CASES] = { "tx", "rx", "loop", "latency" };
const char *const subject_names[SUBJECTS] = { "manakin", "memif", "vhost-user", "null", "copy" };
