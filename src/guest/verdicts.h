/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/verdicts.h - the verdicts of scenarios, for people and programs.
 */
#ifndef MANAKIN_GUEST_VERDICTS_H
#define MANAKIN_GUEST_VERDICTS_H

#include "guest/examine.h"

/**
 * verdicts_print() - to standard output, as a table or JSON
 * @junit:	a file for JUnit's XML, too, or NULL
 *
 * Return: 0 if all have passed, 1 if one has not or a file could not be written
 */
int verdicts_print(const struct scenarios *scenarios, bool json, const char *junit);

#endif
