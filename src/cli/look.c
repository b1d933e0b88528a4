/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/look.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/cli.h"

int look_at_machine(const char *sysroot, struct host *host, struct machine *machine)
{
	char error[512];
	int err = host_open(sysroot, host, error, sizeof(error));

	if (err) {
		say("%s", error);
		return err;
	}
	err = machine_read(host, machine, error, sizeof(error));
	if (err) {
		say("%s", error);
		look_away(host, machine);
	}
	return err;
}

void look_away(struct host *host, struct machine *machine)
{
	machine_free(machine);
	host_close(host);
}

int look_for_ports(const struct machine *machine, char *const *words, size_t n,
		   const struct mana_port ***ports, size_t *found)
{
	const struct mana_port *port;
	char error[512];

	*found = 0;
	*ports = calloc(n + 1, sizeof(**ports));
	if (!*ports) {
		say("out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		int err = machine_find(machine, words[i], &port, error, sizeof(error));
		size_t known = 0;

		if (err) {
			say("%s", error);
			free(*ports);
			*ports = NULL;
			return err;
		}
		while (known < *found && (*ports)[known] != port)
			known++;
		(*ports)[known] = port;
		if (known == *found)
			(*found)++;
	}
	return 0;
}
