/* SPDX-License-Identifier: BSD-3-Clause */
/* base/version.h - the version of this build, from project() in the top meson.build. */
#ifndef MANAKIN_BASE_VERSION_H
#define MANAKIN_BASE_VERSION_H

extern const char manakin_version[]; /* "1.2.3" */

#endif
