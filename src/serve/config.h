/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/config.h - which adapters a process serves, with which ports.
 */
#ifndef MANAKIN_SERVE_CONFIG_H
#define MANAKIN_SERVE_CONFIG_H

#include <stdbool.h>

#include "base/error.h"
#include "base/socket_file.h"
#include "confine/confine.h"
#include "device/adapter.h"
#include "serve/examination.h"
#include "serve/passed.h"
#include "serve/pci_view.h"

#define SERVE_ADAPTERS_MAX 16u
#define SERVE_SOCKET_TEXT  SOCKET_FILE_PATH
#define SERVE_NAME_TEXT    32u /* bytes of the name that the user gives */

/**
 * struct serve_config - a process that serves adapters
 * @name:	of the first adapter; the others are NAME.1, NAME.2, ...
 * @address:	where DPDK's PCI bus finds the adapter
 * @cpus:	of the data lanes
 * @lanes:	how many; 0: one, on any CPU
 * @stats_seconds: between two tables of statistics; 0: none until the end
 * @json:	print statistics as JSON
 * @physical:	present the PF
 * @synthetic:	let the host of synthetic network cards connect
 * @examine:	the examiner and its report
 * @no_sandbox, @strict: run with all rights; do not run if one cannot be given up
 * @trace:	file of a trace; NULL: none
 * @trace_mib, @trace_snaplen: see struct tracing_config
 * @user:	to become once everything is open; NULL: stay
 * @count:	adapters
 * @adapters:	their ports; the rest is filled in by serve_config_complete()
 * @passed:	sockets that were passed as descriptors
 * @directory:	of a single adapter, with its socket and the view for DPDK; empty: the user chose
 *		the sockets
 */
struct serve_config {
	const char *name, *address;
	unsigned int cpus[LANES_MAX];
	unsigned int lanes;
	unsigned int stats_seconds;
	bool json, physical, synthetic;
	struct examination_config examine;
	bool no_sandbox, strict;
	const char *trace;
	unsigned int trace_mib, trace_snaplen;
	const struct confine_user *user;
	unsigned int count;
	struct adapter_config adapters[SERVE_ADAPTERS_MAX];
	char sockets[SERVE_ADAPTERS_MAX][SERVE_SOCKET_TEXT];
	struct passed passed[SERVE_ADAPTERS_MAX];
	char names[SERVE_ADAPTERS_MAX][SERVE_NAME_TEXT + 8];
	char directory[64];
};

/**
 * serve_config_add_adapter() - another adapter; the ports that are added next are its own
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or -EINVAL
 */
int serve_config_add_adapter(struct serve_config *config, const char *socket, struct error *error);

/**
 * serve_config_add_port() - a port of the last adapter, or of the first one before it is added
 * @spec:	the value of --port; modified, and must stay valid
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or -EINVAL
 */
int serve_config_add_port(struct serve_config *config, char *spec, struct error *error);

/**
 * serve_config_add_faults() - the scenario of the last adapter, or of the first one before it is added
 * @file:	its name; stays valid
 * @error:	on failure, a sentence for the user
 *
 * The file is read now: later it may be out of reach.
 *
 * Return: 0 or a negative errno
 */
int serve_config_add_faults(struct serve_config *config, const char *file, struct error *error);

/** serve_config_free() - free what was read */
void serve_config_free(struct serve_config *config);

/**
 * serve_config_complete() - fill in what was left open: sockets, ports, names, MAC addresses
 * @error:	on failure, a sentence for the user
 *
 * Return: 0, or -EINVAL if two ports were given the same MAC address
 */
int serve_config_complete(struct serve_config *config, struct error *error);

#endif
