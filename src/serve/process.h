/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/process.h - a process that serves adapters: the loop behind `manakin device`.
 *
 * The room serve/ turns adapters of device/ into a process that others can find, query and stop:
 * which adapters and ports there are (config.h, port_option.h), the sockets of clients and of
 * `manakin control` (control_server.h), sockets that were passed as descriptors (passed.h), the
 * directory in which DPDK finds an adapter (pci_view.h), statistics (statistics.h), the sandbox
 * (confinement.h) and the watchdog (watchdog.h). It uses device/ for everything that an adapter does,
 * confine/ to give rights up, host/machine/ for where adapters are looked for, and term/ to print
 * statistics. It never reads a command line
 * and never touches a packet.
 */
#ifndef MANAKIN_SERVE_PROCESS_H
#define MANAKIN_SERVE_PROCESS_H

#include "serve/config.h"

/**
 * serve_run() - start the adapters, serve their clients, and stop them; prints messages
 * @config:	complete
 * @stop:	a descriptor; readable: stop
 *
 * Prints statistics while it runs, if asked for, and at the end. The signals that stop it must be
 * held back already, because the lanes are threads.
 *
 * Return: 0 once it was stopped, 1 if a client has broken a rule (of --examine), or a negative errno
 */
int serve_run(const struct serve_config *config, int stop);

#endif
