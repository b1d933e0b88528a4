/* SPDX-License-Identifier: BSD-3-Clause */
/* base/version.c - the version of this build. */
#include "base/version.h"

const char manakin_version[] = MANAKIN_VERSION;
