/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/version.h - which of two versions is the newer one.
 */
#ifndef MANAKIN_HOST_MACHINE_VERSION_H
#define MANAKIN_HOST_MACHINE_VERSION_H

/** version_compare() - numbers with dots and dashes between them: less than 0, 0, or greater */
int version_compare(const char *a, const char *b);

#endif
