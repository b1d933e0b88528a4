/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/hugepage.h"
#include "host/handover/persist.h"

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		free(plan->step[i].what);
		free(plan->step[i].command);
		free(plan->step[i].undo);
	}
	free(plan->step);
	free(plan->port);
	memset(plan, 0, sizeof(*plan));
}

struct plan_port *plan_find(const struct plan *plan, const char *key)
{
	for (size_t i = 0; i < plan->n_ports; i++)
		if (!strcmp(plan->port[i].key, key))
			return &plan->port[i];
	return NULL;
}

const char *port_key(const struct mana_port *port, char key[KEY_TEXT])
{
	char mac[MAC_TEXT];

	snprintf(key, KEY_TEXT, "%s", port->has_mac ? mac_text(port->mac, mac) : port->uuid);
	return key;
}

/** name_port() - by the interface that it had, if it has none now */
static void name_port(struct plan_port *added, const struct ledger_port *known)
{
	const json_t *synthetic = known ? json_object_get(known->saved, "synthetic") : NULL;
	const json_t *saved = synthetic || !known ? synthetic : json_object_get(known->saved, "vf");

	if (added->port && (added->port->synthetic || !known))
		snprintf(added->name, sizeof(added->name), "%s", added->port->name);
	else
		snprintf(added->name, sizeof(added->name), "%s",
			 saved ? ledger_text(saved, "name") : added->key);
}

struct plan_port *plan_add_port(struct plan *plan, const struct machine *machine,
				const struct ledger *ledger, const struct mana_port *port,
				const char *key)
{
	const struct ledger_port *known = ledger_find(ledger, key);
	struct plan_port *more = plan_find(plan, key);

	if (more)
		return more;
	more = reallocarray(plan->port, plan->n_ports + 1, sizeof(*more));
	if (!more)
		return NULL;
	plan->port = more;
	more = &more[plan->n_ports++];
	*more = (struct plan_port){ .port = port, .gone = !port };
	more->journalled = known != NULL;
	snprintf(more->key, sizeof(more->key), "%s", key);
	name_port(more, known);
	if (!port)
		return more;
	snprintf(more->uuid, sizeof(more->uuid), "%s", port->uuid);
	if (port->vf)
		snprintf(more->vf, sizeof(more->vf), "%s", port->vf->name);
	if (port->adapter >= 0)
		snprintf(more->address, sizeof(more->address), "%s",
			 machine->adapter[port->adapter].address);
	return more;
}

int plan_add(const struct host *host, struct plan *plan, const struct step *step)
{
	struct step *more = reallocarray(plan->step, plan->n_steps + 1, sizeof(*more));
	struct plan_port *port = plan_find(plan, step->key);

	if (!more)
		return -ENOMEM;
	plan->step = more;
	more = &more[plan->n_steps++];
	*more = *step;
	if (port)
		port->steps = true;
	return step_describe(host, more);
}

static const char *const kind_names[] = {
	[STEP_HUGEPAGES] = "hugepages",
	[STEP_MODULE] = "module",
	[STEP_LINK_DOWN] = "link-down",
	[STEP_NEW_ID] = "new-id",
	[STEP_UNBIND] = "unbind",
	[STEP_BIND] = "bind",
	[STEP_PERSIST] = "persist",
	[STEP_RENAME] = "rename",
	[STEP_MTU] = "mtu",
	[STEP_LINK_UP] = "link-up",
	[STEP_ADDRESS] = "address",
	[STEP_ROUTE] = "route",
	[STEP_JOIN] = "join",
	[STEP_REMOVE_ID] = "remove-id",
	[STEP_UNPERSIST] = "unpersist",
};

const char *step_kind_name(enum step_kind kind)
{
	return kind_names[kind];
}

/**
 * struct words - a step's three texts in the making
 */
struct words {
	char *what, *command, *undo;
	FILE *to_what, *to_command, *to_undo;
};

static int words_open(struct words *words)
{
	static size_t size;

	*words = (struct words){ 0 };
	words->to_what = open_memstream(&words->what, &size);
	words->to_command = open_memstream(&words->command, &size);
	words->to_undo = open_memstream(&words->undo, &size);
	return words->to_what && words->to_command && words->to_undo ? 0 : -ENOMEM;
}

static void words_close(struct words *words)
{
	if (words->to_what)
		fclose(words->to_what);
	if (words->to_command)
		fclose(words->to_command);
	if (words->to_undo)
		fclose(words->to_undo);
}

/** put_path() - a file below the root, as one word for a shell */
__attribute__((format(printf, 3, 4))) static void put_path(FILE *out, const struct host *host,
							   const char *format, ...)
{
	va_list ap;

	if (host->path[strspn(host->path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789/._-+")]) {
		fputc('\'', out);
		for (const char *c = host->path; *c; c++)
			fputs(*c == '\'' ? "'\\''" : (char[]){ *c, '\0' }, out);
		fputc('\'', out);
	} else {
		fputs(host->path, out);
	}
	va_start(ap, format);
	vfprintf(out, format, ap);
	va_end(ap);
}

/** size_text() - of a hugepage, for a person */
static const char *size_text(unsigned int kib, char text[24])
{
	if (kib % (1u << 20) == 0)
		snprintf(text, 24, "%u GB", kib >> 20);
	else if (kib % (1u << 10) == 0)
		snprintf(text, 24, "%u MB", kib >> 10);
	else
		snprintf(text, 24, "%u kB", kib);
	return text;
}

/** describe_hugepages() - and how they are set back */
static void describe_hugepages(const struct host *host, const struct step *step,
			       struct words *words)
{
	char where[64] = "/sys/kernel/mm", node[32] = "", size[24];

	if (step->node >= 0) {
		snprintf(where, sizeof(where), "/sys/devices/system/node/node%d", step->node);
		snprintf(node, sizeof(node), " on node %d", step->node);
	}
	fprintf(words->to_what, "%lu hugepages of %s%s (now %lu)", step->after,
		size_text(step->kib, size), node, step->before);
	fprintf(words->to_command, "echo %lu > ", step->after);
	put_path(words->to_command, host, "%s/hugepages/hugepages-%ukB/nr_hugepages", where,
		 step->kib);
	fprintf(words->to_undo, "echo %lu > ", step->before);
	put_path(words->to_undo, host, "%s/hugepages/hugepages-%ukB/nr_hugepages", where,
		 step->kib);
}

/** put_driver_file() - `echo WHAT > .../drivers/DRIVER/FILE` */
static void put_driver_file(FILE *out, const struct host *host, const char *what,
			    const char *driver, const char *file)
{
	fprintf(out, "echo %s > ", what);
	put_path(out, host, "/sys/bus/vmbus/drivers/%s/%s", driver, file);
}

/** describe_bus() - steps on VMBus */
static void describe_bus(const struct host *host, const struct step *step, struct words *words)
{
	switch (step->kind) {
	case STEP_NEW_ID:
		fprintf(words->to_what, "let %s take network devices", step->driver);
		put_driver_file(words->to_command, host, VMBUS_CLASS_NETWORK, step->driver,
				"new_id");
		/* The kernel does not show whether it knows the class already: */
		fputs(" || true", words->to_command);
		put_driver_file(words->to_undo, host, VMBUS_CLASS_NETWORK, step->driver,
				"remove_id");
		break;
	case STEP_REMOVE_ID:
		fprintf(words->to_what, "let %s take network devices no more", step->driver);
		put_driver_file(words->to_command, host, VMBUS_CLASS_NETWORK, step->driver,
				"remove_id");
		put_driver_file(words->to_undo, host, VMBUS_CLASS_NETWORK, step->driver, "new_id");
		break;
	case STEP_UNBIND:
		fprintf(words->to_what, "take VMBus device %s from %s", step->object, step->driver);
		put_driver_file(words->to_command, host, step->object, step->driver, "unbind");
		put_driver_file(words->to_undo, host, step->object, step->driver, "bind");
		break;
	default:
		fprintf(words->to_what, "give VMBus device %s to %s", step->object, step->driver);
		put_driver_file(words->to_command, host, step->object, step->driver, "bind");
		put_driver_file(words->to_undo, host, step->object, step->driver, "unbind");
		if (strcmp(step->driver, DRIVER_KERNEL))
			break;
		fputs("\ntimeout 10 sh -c 'until ls \"$0\" > /dev/null 2>&1; do sleep 0.1; done' ",
		      words->to_command);
		put_path(words->to_command, host, "/sys/bus/vmbus/devices/%s/net", step->object);
		break;
	}
}

/** describe_link() - steps on an interface */
static void describe_link(const struct host *host, const struct step *step, struct words *words)
{
	const char *text = ledger_text(step->entry, "text");

	switch (step->kind) {
	case STEP_LINK_DOWN:
	case STEP_LINK_UP:
		fprintf(words->to_what, "set %s%s %s",
			vmbus_uuid_ok(step->object) ? "the interface of " : "", step->object,
			step->kind == STEP_LINK_UP ? "up" : "down");
		fputs("ip link set dev ", words->to_command);
		if (vmbus_uuid_ok(step->object)) { /* nobody knows how it will be called */
			fputs("\"$(ls ", words->to_command);
			put_path(words->to_command, host, "/sys/bus/vmbus/devices/%s/net",
				 step->object);
			fputs(")\"", words->to_command);
		} else {
			fputs(step->object, words->to_command);
		}
		fputs(step->kind == STEP_LINK_UP ? " up" : " down", words->to_command);
		fprintf(words->to_undo, "ip link set dev %s %s%s", step->object,
			step->kind == STEP_LINK_UP ? "down" : "up",
			step->kind == STEP_LINK_UP ? ""
						   : "; its addresses and routes are added again");
		break;
	case STEP_RENAME:
		fprintf(words->to_what, "see to it that the interface is called %s", step->object);
		fprintf(words->to_command,
			"# if it came back with another name: ip link set dev NAME name %s",
			step->object);
		break;
	case STEP_MTU:
		fprintf(words->to_what, "MTU %lu on %s", step->after, step->object);
		fprintf(words->to_command, "ip link set dev %s mtu %lu", step->object, step->after);
		break;
	case STEP_JOIN:
		fprintf(words->to_what, "wait until the VF %s is joined again", step->object);
		fprintf(words->to_command,
			"timeout 10 sh -c 'until ip link show dev \"$0\" | grep -q \" master \"; "
			"do sleep 0.1; done' %s || true",
			step->object);
		break;
	default:
		fprintf(words->to_what, "%s %s", step->kind == STEP_ADDRESS ? "address" : "route",
			text);
		fprintf(words->to_command, "ip -%d %s %s",
			(int)ledger_number(step->entry, "family"),
			step->kind == STEP_ADDRESS ? "address replace" : "route replace", text);
		break;
	}
}

/** describe_unit() - the unit, and how it comes to be without this program */
static int describe_unit(const struct host *host, const struct step *step, struct words *words)
{
	bool add = step->kind == STEP_PERSIST;
	char *text;
	int err =
		persist_text(host, *step->key ? step->key : NULL, add ? step->object : NULL, &text);

	if (err)
		return err;
	fprintf(words->to_what, add ? "do this at every boot: %s" : "do this at boot no more: %s",
		PERSIST_DIRECTORY "/" PERSIST_UNIT);
	if (text) {
		fputs("cat > ", words->to_command);
		put_path(words->to_command, host, PERSIST_DIRECTORY "/" PERSIST_UNIT);
		fprintf(words->to_command, " << 'END'\n%sEND\nmkdir -p ", text);
		put_path(words->to_command, host, PERSIST_DIRECTORY "/" PERSIST_WANTS);
		fputs("\nln -sf ../" PERSIST_UNIT " ", words->to_command);
		put_path(words->to_command, host,
			 PERSIST_DIRECTORY "/" PERSIST_WANTS "/" PERSIST_UNIT);
	} else {
		fputs("rm -f ", words->to_command);
		put_path(words->to_command, host, PERSIST_DIRECTORY "/" PERSIST_UNIT);
		fputc(' ', words->to_command);
		put_path(words->to_command, host,
			 PERSIST_DIRECTORY "/" PERSIST_WANTS "/" PERSIST_UNIT);
	}
	if (add)
		fprintf(words->to_undo, "manakin restore %s", step->key);
	free(text);
	return 0;
}

int step_describe(const struct host *host, struct step *step)
{
	struct words words;
	int err = words_open(&words);

	if (err)
		goto out;
	switch (step->kind) {
	case STEP_HUGEPAGES:
		describe_hugepages(host, step, &words);
		break;
	case STEP_MODULE:
		fprintf(words.to_what, "load kernel module %s", step->object);
		fprintf(words.to_command, "modprobe %s", step->object);
		fputs("it stays loaded, which changes nothing", words.to_undo);
		break;
	case STEP_NEW_ID:
	case STEP_REMOVE_ID:
	case STEP_UNBIND:
	case STEP_BIND:
		describe_bus(host, step, &words);
		break;
	case STEP_PERSIST:
	case STEP_UNPERSIST:
		err = describe_unit(host, step, &words);
		break;
	default:
		describe_link(host, step, &words);
		break;
	}
out:
	words_close(&words);
	step->what = words.what;
	step->command = words.command;
	step->undo = words.undo;
	return err;
}
