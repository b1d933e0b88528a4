/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the kernel has no interface that reports which kinds of queue pairs a driver
 * supports, short of creating one. The names of the loaded module's functions show it, backports
 * included: /sys/kernel/btf/mana_ib has them, and any user may read it. It is there if the kernel has
 * CONFIG_DEBUG_INFO_BTF_MODULES, as those of Debian, Ubuntu, RHEL and Azure Linux do. Without it, a
 * kernel has what mainline has had since that release or an older one; an ability of a newer release
 * is unknown, because distributions backport mana_ib.
 *
 * BTF (Documentation/bpf/btf.rst): a header with magic 0xeb9f, its own length at 4, and at 16 and
 * 20 the offset, counted from the header's end, and length of the strings, each of which ends with
 * a 0.
 */
#include "host/machine/rdma_ability.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/ask.h"
#include "host/machine/version.h"

#define BTF_MAGIC  0xeb9fu
#define BTF_HEADER 24u

/**
 * The function that only a mana_ib with the ability has, and a release of Linux with it: UD,
 * memory of dma-buf and windows are in 7.2 and not in 6.12, UC is in 7.3 and not in 7.2. They may
 * be in releases between, too
 */
static const struct {
	const char *name, *function, *release;
} abilities[] = {
	[RDMA_RC] = { "rc", "mana_ib_gd_create_rc_qp", "6.12" },
	[RDMA_UD] = { "ud", "mana_ib_gd_create_ud_qp", "7.2" },
	[RDMA_UC] = { "uc", "mana_ib_gd_create_uc_qp", "7.3" },
	[RDMA_DMABUF] = { "dmabuf", "mana_ib_reg_user_mr_dmabuf", "7.2" },
	[RDMA_WINDOWS] = { "windows", "mana_ib_alloc_mw", "7.2" },
};

/** struct strings - the names in BTF, behind its header, so that there is a byte before them */
struct strings {
	const unsigned char *at;
	size_t size;
};

/** read_strings() - false: this is no BTF, or it is cut */
static bool read_strings(const unsigned char *data, size_t size, struct strings *strings)
{
	uint32_t header, offset, len;
	uint16_t magic;

	if (size < BTF_HEADER)
		return false;
	memcpy(&magic, data, sizeof(magic));
	memcpy(&header, data + 4, sizeof(header));
	memcpy(&offset, data + 16, sizeof(offset));
	memcpy(&len, data + 20, sizeof(len));
	if (magic != BTF_MAGIC || header < BTF_HEADER || (uint64_t)header + offset + len > size)
		return false;
	strings->at = data + header + offset;
	strings->size = len;
	return true;
}

static bool has_name(struct strings strings, const char *name)
{
	size_t len = strlen(name) + 1;

	while (strings.size) {
		const unsigned char *found = memmem(strings.at, strings.size, name, len);

		if (!found)
			return false;
		if (!found[-1])
			return true;
		strings.size -= (size_t)(found + 1 - strings.at);
		strings.at = found + 1;
	}
	return false;
}

/** read_btf() - what the loaded module has; 0 or a negative errno */
static int read_btf(const struct host *host, struct rdma_kernel *kernel)
{
	struct strings strings;
	unsigned char *data;
	size_t size;
	int err = library_load(host, "/sys/kernel/btf/mana_ib", &data, &size);

	if (err)
		return err;
	if (!read_strings(data, size, &strings))
		err = -EBADMSG;
	for (size_t i = 0; !err && i < RDMA_ABILITIES; i++)
		kernel->has[i] = has_name(strings, abilities[i].function) ? RDMA_HAS : RDMA_LACKS;
	free(data);
	return err;
}

static json_t *kernel_json(const struct rdma_kernel *kernel)
{
	json_t *all = json_object();

	for (size_t i = 0; i < RDMA_ABILITIES; i++)
		json_object_set_new(all, abilities[i].name,
				    json_boolean(kernel->has[i] == RDMA_HAS));
	return all;
}

void rdma_kernel_read(const struct host *host, const char *release, struct rdma_kernel *kernel)
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	memset(kernel, 0, sizeof(*kernel));
	if (ask_recall(host, &answer, &err, "btf/mana_ib")) {
		for (size_t i = 0; !err && i < RDMA_ABILITIES; i++)
			kernel->has[i] = json_is_true(json_object_get(answer, abilities[i].name))
						 ? RDMA_HAS
						 : RDMA_LACKS;
		json_decref(answer);
	} else {
		err = read_btf(&unrecorded, kernel);
		if (ask_noted(host))
			ask_note(host, err, kernel_json(kernel), "btf/mana_ib");
	}
	kernel->seen = !err;
	for (size_t i = 0; err && i < RDMA_ABILITIES; i++)
		if (*release && version_compare(release, abilities[i].release) >= 0)
			kernel->has[i] = RDMA_HAS;
}

/** read_gid() - one of the port's table, if it is in use and of RoCE version 2 */
static void read_gid(const struct host *host, const char *port, const char *index,
		     struct rdma_port *to)
{
	struct rdma_gid *gid = &to->gid[to->n_gids];
	unsigned int part[8];
	char text[64];

	if (to->n_gids == RDMA_GIDS ||
	    host_read(host, text, sizeof(text), "%s/gid_attrs/types/%s", port, index) < 0 ||
	    strcmp(text, "RoCE v2") != 0 ||
	    host_read(host, text, sizeof(text), "%s/gids/%s", port, index) < 0 ||
	    sscanf(text, "%4x:%4x:%4x:%4x:%4x:%4x:%4x:%4x", &part[0], &part[1], &part[2], &part[3],
		   &part[4], &part[5], &part[6], &part[7]) != 8)
		return;
	memset(gid, 0, sizeof(*gid));
	gid->index = (unsigned int)strtoul(index, NULL, 10);
	if ((part[0] & 0xffc0) == 0xfe80)
		gid->kind = RDMA_GID_LOCAL;
	else if (!(part[0] | part[1] | part[2] | part[3] | part[4]) && part[5] == 0xffff)
		gid->kind = RDMA_GID_IPV4;
	else if (part[0] | part[1] | part[2] | part[3] | part[4] | part[5] | part[6] | part[7])
		gid->kind = RDMA_GID_IPV6;
	else
		return;
	host_read(host, gid->interface, sizeof(gid->interface), "%s/gid_attrs/ndevs/%s", port,
		  index);
	to->n_gids++;
}

static int by_index(const void *a, const void *b)
{
	const struct rdma_gid *one = a, *other = b;

	return (one->index > other->index) - (one->index < other->index);
}

static void read_port(const struct host *host, const char *device, const char *number,
		      struct rdma_port *port)
{
	char path[128], state[32] = "";
	struct names names;

	memset(port, 0, sizeof(*port));
	port->number = (unsigned int)strtoul(number, NULL, 10);
	snprintf(path, sizeof(path), "/sys/class/infiniband/%.60s/ports/%.10s", device, number);
	host_read(host, state, sizeof(state), "%s/state", path);
	sscanf(state, "%*u: %15s", port->state); /* "4: ACTIVE" */
	host_list(host, &names, "%s/gids", path);
	port->table = (unsigned int)names.n;
	for (size_t i = 0; i < names.n; i++)
		read_gid(host, path, names.name[i], port);
	names_free(&names);
	qsort(port->gid, port->n_gids, sizeof(*port->gid), by_index);
}

/** find_ports() - see rdma_ports_read() */
static int find_ports(const struct host *host, const char *device, struct rdma_ports *ports)
{
	struct names names;
	int err = host_list(host, &names, "/sys/class/infiniband/%s/ports", device);

	for (size_t i = 0; i < names.n && ports->n < RDMA_PORTS; i++)
		read_port(host, device, names.name[i], &ports->port[ports->n++]);
	names_free(&names);
	return err;
}

/** ports_json() - for a report: what kind of address a GID is made of, and not the address */
static json_t *ports_json(const struct rdma_ports *ports)
{
	json_t *all = json_array();

	for (size_t i = 0; i < ports->n; i++) {
		const struct rdma_port *port = &ports->port[i];
		json_t *gids = json_array();

		for (size_t j = 0; j < port->n_gids; j++)
			json_array_append_new(gids, json_pack("{s:i, s:i, s:s}", "index",
							      (int)port->gid[j].index, "kind",
							      (int)port->gid[j].kind, "interface",
							      port->gid[j].interface));
		json_array_append_new(all, json_pack("{s:i, s:s, s:i, s:o}", "number",
						     (int)port->number, "state", port->state,
						     "table", (int)port->table, "gids", gids));
	}
	return all;
}

/** integer_of() - a member of an answer that is a number; 0 if it is none */
static unsigned int integer_of(const json_t *answer, const char *name)
{
	return (unsigned int)json_integer_value(json_object_get(answer, name));
}

static void recall_ports(const json_t *answer, struct rdma_ports *ports)
{
	json_t *entry, *gid;
	size_t i, j;

	json_array_foreach(answer, i, entry) {
		struct rdma_port *port = &ports->port[ports->n];

		if (ports->n == RDMA_PORTS)
			break;
		ports->n++;
		port->number = integer_of(entry, "number");
		ask_text(entry, "state", port->state, sizeof(port->state));
		port->table = integer_of(entry, "table");
		json_array_foreach(json_object_get(entry, "gids"), j, gid) {
			struct rdma_gid *to = &port->gid[port->n_gids];
			unsigned int kind = integer_of(gid, "kind");

			if (port->n_gids == RDMA_GIDS || kind > RDMA_GID_IPV6)
				break;
			port->n_gids++;
			to->index = integer_of(gid, "index");
			to->kind = (enum rdma_gid_kind)kind;
			ask_text(gid, "interface", to->interface, sizeof(to->interface));
		}
	}
}

int rdma_ports_read(const struct host *host, const char *device, struct rdma_ports *ports)
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	memset(ports, 0, sizeof(*ports));
	if (ask_recall(host, &answer, &err, "rdma-ports/%s", device)) {
		recall_ports(answer, ports);
		json_decref(answer);
		return err;
	}
	err = find_ports(&unrecorded, device, ports);
	if (ask_noted(host))
		ask_note(host, err, ports_json(ports), "rdma-ports/%s", device);
	return err;
}
