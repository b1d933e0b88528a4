/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/confinement.h - the adapters' process enters its sandbox.
 */
#ifndef MANAKIN_SERVE_CONFINEMENT_H
#define MANAKIN_SERVE_CONFINEMENT_H

#include "device/lane.h"
#include "serve/config.h"

/**
 * confinement_enter() - once everything is open and before a client is served
 *
 * Return: 0, or a negative errno after a message
 */
int confinement_enter(const struct serve_config *config, struct lanes *lanes);

#endif
