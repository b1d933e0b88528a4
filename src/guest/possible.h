/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/possible.h - can a guest be as the user wants it, on this machine?
 *
 * Looked at when all options are known, before anything is started.
 */
#ifndef MANAKIN_GUEST_POSSIBLE_H
#define MANAKIN_GUEST_POSSIBLE_H

#include <argp.h>

#include "guest/guest.h"

/** guest_kind_possible() - is there such a guest? 0, or EINVAL; the user has been told why not */
error_t guest_kind_possible(const struct guest_kind *kind);

/** guest_possible() - the same for all that is wanted of it */
error_t guest_possible(const struct run_options *options);

/** guest_command_words() - one word goes to the guest's shell, several are run as they are */
char **guest_command_words(char **words, int n);

#endif
