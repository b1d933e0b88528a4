/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the kinds of steps are a table, at the end of this file. For each kind it
 * has the name that the journal uses, a function that describes the step in words and as a shell
 * command, and one that makes it. The functions of a kind stand together.
 *
 * A step aims for a state, and does nothing if that is reached already.
 */
#include "host/handover/step.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/clock.h"
#include "base/quote.h"
#include "host/handover/appear.h"
#include "host/handover/ledger.h"
#include "host/handover/netdev_change.h"
#include "host/handover/persist.h"
#include "host/handover/saved.h"
#include "host/handover/unmanage.h"
#include "host/machine/hugepage.h"
#include "host/machine/module.h"

#define MOVE_MS     3000  /* until a driver is bound or unbound */
#define APPEAR_MS   10000 /* until a bound device has its interface */
#define NAME_MS     1000  /* until udev has given it its name */
#define JOIN_MS     3000  /* until the VF is under it */
#define VISIBLE_MAX 4     /* bytes that quote_visible() makes of one */
#define ROUTE_MS    3000  /* until duplicate address detection is done with an address */
#define GRIP_MS     10000 /* until a network manager has let go of an interface, or configured it */

/* Characters that need no quotes in a shell's word */
#define PLAIN       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+"

/**
 * struct words - a step's three texts in the making
 */
struct words {
	FILE *what, *command, *undo;
};

/** put_path() - a file below the root, as one word for a shell */
__attribute__((format(printf, 3, 4))) static void put_path(FILE *out, const struct host *host,
							   const char *format, ...)
{
	char path[PATH_MAX + 256];
	va_list ap;

	va_start(ap, format);
	strcpy(path, host->path);
	vsnprintf(path + strlen(path), sizeof(path) - strlen(path), format, ap);
	va_end(ap);
	quote_word(out, path);
}

/** put_driver_file() - `echo WHAT > .../drivers/DRIVER/FILE` */
static void put_driver_file(FILE *out, const struct host *host, const char *what,
			    const char *driver, const char *file)
{
	fputs("echo ", out);
	quote_word(out, what);
	fputs(" > ", out);
	put_path(out, host, "/sys/bus/vmbus/drivers/%s/%s", driver, file);
}

/** put_override() - `echo DRIVER > .../devices/UUID/driver_override`; empty: any driver */
static void put_override(FILE *out, const struct host *host, const char *uuid, const char *driver)
{
	fputs("echo ", out);
	if (*driver) {
		quote_word(out, driver);
		fputc(' ', out);
	}
	fputs("> ", out);
	put_path(out, host, "/sys/bus/vmbus/devices/%s/driver_override", uuid);
}

/** came_back() - the number of the bound device's interface; 0: it is not there */
static int came_back(struct step_site *site)
{
	if (!site->index)
		site->index = appear_find(site->host, site->uuid);
	return site->index;
}

/** interface_of() - the number of the interface that a step is about; 0: it is not there */
static int interface_of(struct step_site *site, const struct step *step)
{
	if (step->index || step->role != ROLE_SYNTHETIC)
		return step->index;
	return came_back(site);
}

/** changed() - from 0 or a negative errno to what a step returns */
static int changed(int err)
{
	return err ? err : STEP_CHANGED;
}

/* ---- hugepages ---- */

static int describe_hugepages(const struct host *host, const struct step *step, struct words *words)
{
	char where[64] = "/sys/kernel/mm", node[32] = "", size[24];

	if (step->node >= 0) {
		snprintf(where, sizeof(where), "/sys/devices/system/node/node%d", step->node);
		snprintf(node, sizeof(node), " on node %d", step->node);
	}
	fprintf(words->what, "set %s hugepages%s to %lu (now %lu)",
		hugepage_size_text(step->kib, size), node, step->after, step->before);
	fprintf(words->command, "echo %lu > ", step->after);
	put_path(words->command, host, "%s/hugepages/hugepages-%ukB/nr_hugepages", where,
		 step->kib);
	fprintf(words->undo, "echo %lu > ", step->before);
	put_path(words->undo, host, "%s/hugepages/hugepages-%ukB/nr_hugepages", where, step->kib);
	return 0;
}

static int make_hugepages(struct step_site *site, const struct step *step, struct error *why)
{
	struct hugepages_found found;
	int err = hugepages_set(site->host, step->node, step->kib, step->after);

	if (err != -ENOMEM)
		return changed(err);
	if (!hugepages_read(site->host, &found))
		for (size_t i = 0; i < found.n; i++)
			if (found.page[i].node == step->node && found.page[i].kib == step->kib)
				error_say(why,
					  "the kernel could reserve only %lu: the other "
					  "memory is in use or fragmented; ask for fewer "
					  "with --hugepages, or restart the machine",
					  found.page[i].total);
	hugepages_found_free(&found);
	return err;
}

/* ---- kernel modules ---- */

static int describe_module(const struct host *host, const struct step *step, struct words *words)
{
	(void)host;
	fprintf(words->what, "load kernel module %s", step->object);
	fputs("modprobe ", words->command);
	quote_word(words->command, step->object);
	fputs("not undone: a loaded module changes nothing by itself", words->undo);
	return 0;
}

static int make_module(struct step_site *site, const struct step *step, struct error *why)
{
	return changed(module_load(site->host, step->object, why));
}

/* ---- which driver has a VMBus device ---- */

static int describe_override(const struct host *host, const struct step *step, struct words *words)
{
	char now[32];

	if (*step->driver)
		fprintf(words->what, "let only %s bind VMBus device %s", step->driver,
			step->object);
	else
		fprintf(words->what, "let any driver bind VMBus device %s", step->object);
	put_override(words->command, host, step->object, step->driver);
	if (!vmbus_override(host, step->object, now))
		put_override(words->undo, host, step->object, now);
	return 0;
}

static int make_override(struct step_site *site, const struct step *step, struct error *why)
{
	char now[32];
	int err = vmbus_override(site->host, step->object, now);

	if (!err && !strcmp(now, step->driver))
		return 0;
	err = vmbus_set_override(site->host, step->object, step->driver);
	if (err == -ENOENT)
		return error_fail(why, -ENODEV, "the device is gone from this machine");
	return changed(err);
}

static int describe_new_id(const struct host *host, const struct step *step, struct words *words)
{
	fprintf(words->what, "let %s bind network devices", step->driver);
	put_driver_file(words->command, host, VMBUS_CLASS_NETWORK, step->driver, "new_id");
	/* The kernel does not show whether the driver has the class already. */
	fputs(" || new_id=had", words->command);
	put_driver_file(words->undo, host, VMBUS_CLASS_NETWORK, step->driver, "remove_id");
	return 0;
}

static int make_new_id(struct step_site *site, const struct step *step, struct error *why)
{
	int err = vmbus_new_id(site->host, step->driver);

	(void)why;
	return err < 0 ? err : !err; /* 1: the driver had the class already */
}

static int describe_remove_id(const struct host *host, const struct step *step, struct words *words)
{
	fprintf(words->what, "stop %s from binding network devices", step->driver);
	/* In the script of a setup: not a class that the driver had before */
	fputs("[ \"$new_id\" = had ] || ", words->command);
	put_driver_file(words->command, host, VMBUS_CLASS_NETWORK, step->driver, "remove_id");
	put_driver_file(words->undo, host, VMBUS_CLASS_NETWORK, step->driver, "new_id");
	return 0;
}

/** make_remove_id() - unless the driver had the class before the step that this one undoes */
static int make_remove_id(struct step_site *site, const struct step *step, struct error *why)
{
	struct ledger ledger;
	bool ours = false;
	int err = ledger_read(site->records, &ledger, why);

	/* A setup that was killed may have added it, before the one that found it there. */
	for (size_t i = 0; !err && i < ledger.n_steps; i++) {
		const struct ledger_step *added = &ledger.step[i];

		if (!added->undone && added->number <= step->undoes &&
		    !strcmp(added->kind, "new-id"))
			ours |= added->changed || !added->done;
	}
	ledger_free(&ledger);
	if (err || !ours)
		return err;
	return changed(vmbus_remove_id(site->host, step->driver));
}

static int describe_unbind(const struct host *host, const struct step *step, struct words *words)
{
	fprintf(words->what, "unbind VMBus device %s from %s", step->object, step->driver);
	put_driver_file(words->command, host, step->object, step->driver, "unbind");
	put_driver_file(words->undo, host, step->object, step->driver, "bind");
	return 0;
}

static int describe_bind(const struct host *host, const struct step *step, struct words *words)
{
	fprintf(words->what, "bind VMBus device %s to %s", step->object, step->driver);
	put_driver_file(words->command, host, step->object, step->driver, "bind");
	put_driver_file(words->undo, host, step->object, step->driver, "unbind");
	if (strcmp(step->driver, DRIVER_KERNEL))
		return 0;
	fputs("\ntimeout 10 sh -c 'until ls \"$0\" > /dev/null 2>&1; do sleep 0.1; done' ",
	      words->command);
	put_path(words->command, host, "/sys/bus/vmbus/devices/%s/net", step->object);
	return 0;
}

/** make_move() - unbind or bind, and wait until the kernel has done so */
static int make_move(struct step_site *site, const struct step *step, struct error *why)
{
	bool bind = step->kind == STEP_BIND;
	int err = bind ? vmbus_bind(site->host, step->driver, step->object)
		       : vmbus_unbind(site->host, step->driver, step->object);

	if (!err)
		err = appear_driver(site->host, step->object, bind ? step->driver : NULL, MOVE_MS);
	if (!err && bind && !strcmp(step->driver, DRIVER_KERNEL)) {
		err = appear_wait(site->host, step->object, APPEAR_MS);
		if (err == -ETIMEDOUT)
			return error_fail(why, err,
					  "its interface did not appear within %d seconds; see "
					  "'dmesg | tail' for the reason, then run this again",
					  APPEAR_MS / 1000);
	}
	if (err == -ENOENT && !host_exists(site->host, "/sys/bus/vmbus/devices/%s", step->object))
		return error_fail(why, -ENODEV, "the device is gone from this machine");
	if (err == -ETIMEDOUT)
		return error_fail(why, err,
				  "the kernel accepted the command, but it had no effect");
	return changed(err);
}

/* ---- an interface: link, name, MTU ---- */

static int describe_link(const struct host *host, const struct step *step, struct words *words)
{
	bool up = step->kind == STEP_LINK_UP;
	bool nameless = vmbus_uuid_ok(step->object); /* the name will be udev's choice */

	fprintf(words->what, "set %s%s %s", nameless ? "the interface of " : "", step->object,
		up ? "up" : "down");
	fputs("ip link set dev ", words->command);
	if (nameless) {
		fputs("\"$(ls ", words->command);
		put_path(words->command, host, "/sys/bus/vmbus/devices/%s/net", step->object);
		fputs(")\"", words->command);
	} else {
		quote_word(words->command, step->object);
	}
	fputs(up ? " up" : " down", words->command);
	fputs("ip link set dev ", words->undo);
	quote_word(words->undo, step->object);
	fputs(up ? " down" : " up; its addresses and routes are added again", words->undo);
	return 0;
}

static int make_link(struct step_site *site, const struct step *step, struct error *why)
{
	int index = interface_of(site, step);
	int err = index ? netdev_set_up(index, step->kind == STEP_LINK_UP) : -ENODEV;

	if (err == -ENODEV)
		error_say(why, "the interface is gone");
	return changed(err);
}

static int describe_rename(const struct host *host, const struct step *step, struct words *words)
{
	(void)host;
	fprintf(words->what, "name the interface %s", step->object);
	/* Without a line feed, which would end the comment: the kernel has none in a name. */
	fputs("# if it came back with another name: ip link set dev NAME name ", words->command);
	quote_word(words->command, step->object);
	return 0;
}

/** make_rename() - give the interface its name, if udev does not */
static int make_rename(struct step_site *site, const struct step *step, struct error *why)
{
	char name[IFNAMSIZ] = "";
	int index = interface_of(site, step), err;

	if (!index)
		return error_fail(why, -ENODEV, "the interface is gone");
	err = appear_named(index, step->object, NAME_MS, name);
	if (err == -ENODEV)
		error_say(why, "the interface is gone");
	if (!err || err == -ENODEV)
		return err;
	err = netdev_rename(index, step->object);
	if (!err)
		return STEP_CHANGED;
	error_say(why, "it stays %s: %s", name,
		  err == -EEXIST ? "another interface has that name" : error_reason(-err));
	return 0;
}

static int describe_altname(const struct host *host, const struct step *step, struct words *words)
{
	const char *name = json_string_value(step->entry);

	(void)host;
	fprintf(words->what, "give %s the other name %s", step->object, name);
	/* udev may have been faster. */
	fputs("ip link show dev ", words->command);
	quote_word(words->command, name);
	fputs(" > /dev/null 2>&1 || ip link property add dev ", words->command);
	quote_word(words->command, step->object);
	fputs(" altname ", words->command);
	quote_word(words->command, name);
	return 0;
}

/** has_name() - does the interface have this name already? */
static bool has_name(const struct host *host, int index, const char *name)
{
	struct netdevs now;
	const struct netdev *dev = netdevs_read(host, &now) ? NULL : netdevs_by_name(&now, name);
	bool has = dev && dev->index == index;

	netdevs_free(&now);
	return has;
}

static int make_altname(struct step_site *site, const struct step *step, struct error *why)
{
	const char *name = json_string_value(step->entry);
	int index = interface_of(site, step), err;

	if (!index)
		return error_fail(why, -ENODEV, "the interface is gone");
	if (has_name(site->host, index, name))
		return 0;
	err = netdev_add_altname(index, name);
	if (err == -EEXIST && has_name(site->host, index, name))
		return 0;
	if (err == -EEXIST)
		error_say(why, "another interface has that name");
	return changed(err);
}

static int describe_mac(const struct host *host, const struct step *step, struct words *words)
{
	const char *mac = json_string_value(step->entry);

	(void)host;
	fprintf(words->what, "set the MAC address of %s to %s", step->object, mac);
	fputs("ip link set dev ", words->command);
	quote_word(words->command, step->object);
	fputs(" address ", words->command);
	quote_word(words->command, mac);
	return 0;
}

static int make_mac(struct step_site *site, const struct step *step, struct error *why)
{
	int index = interface_of(site, step);
	uint8_t mac[6];

	if (!index)
		return error_fail(why, -ENODEV, "the interface is gone");
	if (mac_parse(json_string_value(step->entry), mac))
		return -EBADMSG;
	return changed(netdev_set_mac(index, mac));
}

static int describe_mtu(const struct host *host, const struct step *step, struct words *words)
{
	(void)host;
	fprintf(words->what, "set the MTU of %s to %lu", step->object, step->after);
	fputs("ip link set dev ", words->command);
	quote_word(words->command, step->object);
	fprintf(words->command, " mtu %lu", step->after);
	return 0;
}

static int make_mtu(struct step_site *site, const struct step *step, struct error *why)
{
	int index = interface_of(site, step);
	int err = index ? netdev_set_mtu(index, (unsigned int)step->after) : -ENODEV;

	if (err == -ENODEV)
		error_say(why, "the interface is gone");
	return changed(err);
}

static int describe_join(const struct host *host, const struct step *step, struct words *words)
{
	(void)host;
	fprintf(words->what, "wait until the VF %s has joined its synthetic interface",
		step->object);
	fputs("timeout 10 sh -c 'until ip link show dev \"$0\" | "
	      "grep -q \" master \"; do sleep 0.1; done' ",
	      words->command);
	quote_word(words->command, step->object);
	fputs(" || true", words->command);
	return 0;
}

/** make_join() - wait for the VF; an older kernel may not bring it back */
static int make_join(struct step_site *site, const struct step *step, struct error *why)
{
	if (appear_joined(site->host, step->index, site->uuid, JOIN_MS))
		error_say(why, "it has not joined yet; the kernel does that when the host says "
			       "so, and before Linux 6.7 possibly only after the next restart");
	return 0;
}

/* ---- which network managers may configure a port ---- */

static int describe_unmanage(const struct host *host, const struct step *step, struct words *words)
{
	enum manager manager = manager_named(step->driver);
	const char *command = unmanage_command(host, manager);
	char path[UNMANAGE_PATH] = "";

	unmanage_path(manager, step->key, path);
	fprintf(words->what, "tell %s to leave %s alone: %s", step->driver, step->object, path);
	fputs("mkdir -p ", words->command);
	put_path(words->command, host, "%.*s", (int)(strrchr(path, '/') - path), path);
	fputs("\ncat > ", words->command);
	put_path(words->command, host, "%s", path);
	fputs(" << 'END'\n", words->command);
	unmanage_print(words->command, manager, step->key);
	fprintf(words->command, "END%s%s", command ? "\n" : "", command ? command : "");
	fputs("rm -f ", words->undo);
	put_path(words->undo, host, "%s", path);
	fprintf(words->undo, "%s%s", command ? "; " : "", command ? command : "");
	return 0;
}

static int make_unmanage(struct step_site *site, const struct step *step, struct error *why)
{
	enum manager manager = manager_named(step->driver);
	const int index[2] = { step->index, site->vf ? site->vf->index : 0 };
	int err = unmanage_put(site->host, manager, step->key), told;
	struct error reason = { "" };
	const char *command;

	if (err)
		return err;
	command = unmanage_command(site->host, manager);
	if (!command)
		return STEP_CHANGED; /* it reads the file when it starts */
	told = unmanage_run(site->host, command, &reason);
	for (size_t i = 0; !err && i < 2; i++)
		if (index[i])
			err = appear_let_go(site->host, manager, index[i], told ? 0 : GRIP_MS);
	if (told)
		error_say(why, "%s", reason.text);
	else if (err)
		error_say(why,
			  "it still manages it %d seconds later: its other settings take "
			  "precedence; %s",
			  GRIP_MS / 1000,
			  manager == MANAGER_NETWORKD
				  ? "see which .network file 'networkctl status' names"
				  : "let them add to unmanaged-devices with '+=', not '=' (grep -r "
				    "unmanaged-devices /etc/NetworkManager)");
	return changed(err);
}

/** keep_vf() - the command that keeps a VF out of NetworkManager's hands, if it was; NULL: none */
static char *keep_vf(const struct host *host, const struct step *step)
{
	enum manager manager = manager_named(step->driver);
	char *command = NULL;

	if (manager != MANAGER_NETWORKMANAGER || step->vf_too || !*step->vf ||
	    !unmanage_command(host, manager) || step->vf[strspn(step->vf, PLAIN)])
		return NULL;
	return asprintf(&command, "nmcli device set %s managed no", step->vf) < 0 ? NULL : command;
}

static int describe_manage(const struct host *host, const struct step *step, struct words *words)
{
	enum manager manager = manager_named(step->driver);
	const char *command = unmanage_command(host, manager);
	char path[UNMANAGE_PATH] = "", *first = unmanage_first(host, manager, step->key);
	char *keep = keep_vf(host, step);

	unmanage_path(manager, step->key, path);
	fprintf(words->what, "let %s manage %s again", step->driver, step->object);
	if (first)
		fprintf(words->command, "%s\n", first);
	if (keep)
		fprintf(words->command, "%s\n", keep);
	fputs("rm -f ", words->command);
	put_path(words->command, host, "%s", path);
	fprintf(words->command, "%s%s", command ? "\n" : "", command ? command : "");
	free(first);
	free(keep);
	return 0;
}

/** settle() - wait until the manager has done what it wants with the interface */
static int settle(const struct host *host, const struct step *step, int index)
{
	enum manager manager = manager_named(step->driver);
	uint64_t deadline = clock_deadline(GRIP_MS);
	char name[IFNAMSIZ];
	int err = appear_grip(host, manager, index, (enum manager_grip)step->after, GRIP_MS);

	while (!err && if_indextoname((unsigned int)index, name) &&
	       unmanage_busy(host, manager, name)) {
		if (clock_passed(deadline))
			err = -ETIMEDOUT;
		clock_pause_us(100 * 1000);
	}
	return err;
}

static int make_manage(struct step_site *site, const struct step *step, struct error *why)
{
	enum manager manager = manager_named(step->driver);
	char *first = unmanage_first(site->host, manager, step->key);
	char *keep = keep_vf(site->host, step);
	const char *command = unmanage_command(site->host, manager);
	int index = interface_of(site, step), err;
	struct error ignored;

	unmanage_run(site->host, first, &ignored);
	unmanage_run(site->host, keep, &ignored);
	free(first);
	free(keep);
	err = unmanage_remove(site->host, manager, step->key);
	if (!err)
		err = unmanage_run(site->host, command, why);
	if (err || !command || !index || step->after <= GRIP_NONE)
		return changed(err);
	if (settle(site->host, step, index))
		error_say(why, "it has not finished with it %d seconds later", GRIP_MS / 1000);
	return STEP_CHANGED;
}

/* ---- addresses and routes ---- */

static int describe_entry(const struct host *host, const struct step *step, struct words *words)
{
	const char *text = ledger_text(step->entry, "text");
	const char *object = step->kind == STEP_ADDRESS ? "address" : "route";

	(void)host;
	fprintf(words->what, "add %s %s", object, text);
	fprintf(words->command, "ip -%d %s replace %s", (int)ledger_number(step->entry, "family"),
		object, text);
	return 0;
}

/** moved_of() - interfaces of the port that have another number than when they were saved */
static size_t moved_of(struct step_site *site, const json_t *record, struct saved_index moved[2])
{
	const json_t *saved = json_object_get(record, "synthetic");
	size_t n = 0;

	if (saved && *site->uuid)
		moved[n++] =
			(struct saved_index){ (int)ledger_number(saved, "index"), came_back(site) };
	saved = json_object_get(record, "vf");
	if (saved && site->vf)
		moved[n++] =
			(struct saved_index){ (int)ledger_number(saved, "index"), site->vf->index };
	return n;
}

static int make_entry(struct step_site *site, const struct step *step, struct error *why)
{
	struct saved_index moved[2];
	const struct ledger_port *known;
	uint64_t deadline = clock_deadline(ROUTE_MS);
	struct ledger ledger;
	size_t n = 0;
	int err = ledger_read(site->records, &ledger, why);

	known = err ? NULL : ledger_find(&ledger, step->key);
	if (known)
		n = moved_of(site, known->saved, moved);
	ledger_free(&ledger);
	if (err)
		return err;
	err = saved_put(step->saved, step->entry, moved, n);
	/* A route may have to wait for duplicate address detection of its source address. */
	while (err && step->kind == STEP_ROUTE && err != -EPERM && !clock_passed(deadline)) {
		clock_pause_us(50 * 1000);
		err = saved_put(step->saved, step->entry, moved, n);
	}
	return changed(err);
}

/* ---- the unit that repeats a setup at boot ---- */

/** unit_text() - the unit as the step leaves it; NULL: none is left */
static int unit_text(const struct host *host, const struct step *step, char **text)
{
	return persist_text(host, *step->key ? step->key : NULL,
			    step->kind == STEP_PERSIST ? step->object : NULL, text);
}

static int describe_unit(const struct host *host, const struct step *step, struct words *words)
{
	bool add = step->kind == STEP_PERSIST;
	char *text;
	int err = unit_text(host, step, &text);

	if (err)
		return err;
	fprintf(words->what,
		add ? "repeat this at every boot: %s" : "stop repeating this at boot: %s",
		PERSIST_DIRECTORY "/" PERSIST_UNIT);
	if (text) {
		fputs("cat > ", words->command);
		put_path(words->command, host, PERSIST_DIRECTORY "/" PERSIST_UNIT);
		fprintf(words->command, " << 'END'\n%sEND\nmkdir -p ", text);
		put_path(words->command, host, PERSIST_DIRECTORY "/" PERSIST_WANTS);
		fputs("\nln -sf ../" PERSIST_UNIT " ", words->command);
	} else {
		fputs("rm -f ", words->command);
		put_path(words->command, host, PERSIST_DIRECTORY "/" PERSIST_UNIT);
		fputc(' ', words->command);
	}
	put_path(words->command, host, PERSIST_DIRECTORY "/" PERSIST_WANTS "/" PERSIST_UNIT);
	if (add) {
		fputs("manakin restore ", words->undo);
		quote_word(words->undo, step->key);
	}
	free(text);
	return 0;
}

static int make_unit(struct step_site *site, const struct step *step, struct error *why)
{
	char *text;
	int err = unit_text(site->host, step, &text);

	(void)why;
	if (!err) {
		err = persist_put(site->host, text);
		free(text);
	}
	return changed(err);
}

/* ---- the table ---- */

/**
 * struct step_type - a kind of step
 * @name:	in the journal and in JSON
 * @may_fail:	its failure does not hold up the steps after it
 */
static const struct step_type {
	const char *name;
	int (*describe)(const struct host *host, const struct step *step, struct words *words);
	int (*make)(struct step_site *site, const struct step *step, struct error *why);
	bool may_fail;
} types[STEP_KINDS] = {
	[STEP_HUGEPAGES] = { "hugepages", describe_hugepages, make_hugepages, false },
	[STEP_MODULE] = { "module", describe_module, make_module, false },
	[STEP_UNMANAGE] = { "unmanage", describe_unmanage, make_unmanage, false },
	[STEP_LINK_DOWN] = { "link-down", describe_link, make_link, false },
	[STEP_NEW_ID] = { "new-id", describe_new_id, make_new_id, false },
	[STEP_OVERRIDE] = { "override", describe_override, make_override, false },
	[STEP_UNBIND] = { "unbind", describe_unbind, make_move, false },
	[STEP_BIND] = { "bind", describe_bind, make_move, false },
	[STEP_PERSIST] = { "persist", describe_unit, make_unit, false },
	[STEP_RENAME] = { "rename", describe_rename, make_rename, false },
	[STEP_ALTNAME] = { "altname", describe_altname, make_altname, true },
	[STEP_MAC] = { "mac", describe_mac, make_mac, true },
	[STEP_MTU] = { "mtu", describe_mtu, make_mtu, false },
	[STEP_LINK_UP] = { "link-up", describe_link, make_link, false },
	[STEP_ADDRESS] = { "address", describe_entry, make_entry, true },
	[STEP_ROUTE] = { "route", describe_entry, make_entry, true },
	[STEP_JOIN] = { "join", describe_join, make_join, false },
	[STEP_MANAGE] = { "manage", describe_manage, make_manage, true },
	[STEP_REMOVE_ID] = { "remove-id", describe_remove_id, make_remove_id, false },
	[STEP_UNPERSIST] = { "unpersist", describe_unit, make_unit, false },
};

const char *step_kind_name(enum step_kind kind)
{
	return types[kind].name;
}

int step_describe(const struct host *host, struct step *step)
{
	size_t sizes[3];
	struct words words = { .what = open_memstream(&step->what, &sizes[0]),
			       .command = open_memstream(&step->command, &sizes[1]),
			       .undo = open_memstream(&step->undo, &sizes[2]) };
	FILE *const streams[3] = { words.what, words.command, words.undo };
	char *visible;
	int err = -ENOMEM;

	if (words.what && words.command && words.undo)
		err = types[step->kind].describe(host, step, &words);
	for (size_t i = 0; i < 3; i++)
		if (streams[i] && fclose(streams[i]))
			err = -ENOMEM;
	if (err)
		return err;
	/* It is a comment in a script, and is printed on terminals. */
	visible = malloc(VISIBLE_MAX * strlen(step->what) + 1);
	if (!visible)
		return -ENOMEM;
	quote_visible(visible, VISIBLE_MAX * strlen(step->what) + 1, step->what);
	free(step->what);
	step->what = visible;
	return 0;
}

int step_make(struct step_site *site, const struct step *step, struct error *why)
{
	int err;

	why->text[0] = '\0';
	err = types[step->kind].make(site, step, why);
	if (err < 0 && !*why->text)
		error_say(why, "%s", error_reason(-err));
	return err;
}

bool step_may_fail(enum step_kind kind)
{
	return types[kind].may_fail;
}

void step_free(struct step *step)
{
	free(step->what);
	free(step->command);
	free(step->undo);
	free(step->why);
	step->what = step->command = step->undo = step->why = NULL;
}
