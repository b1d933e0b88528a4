/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MANAKIN_TERM_OUTPUT_H
#define MANAKIN_TERM_OUTPUT_H
#include "term/json.h"
#include "term/table.h"
#include "term/term.h"
#include "term/text.h"
#endif
