/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an adapter's process needs once it runs: its descriptors, memory, and to remove its sockets
 * at the end. The rest goes (confine/confine.h).
 */
#include "serve/confinement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "confine/confine.h"
#include "device/adapter.h"
#include "host/machine/control.h"
#include "host/machine/software.h"
#include "term/say.h"
#include "trace/recorder.h"

/** struct folders - the folders that things are removed from at the end */
struct folders {
	char text[CONFINE_FOLDERS_MAX][SERVE_SOCKET_TEXT];
	unsigned int n;
};

/** add_folder() - that of a socket */
static void add_folder(struct folders *folders, const char *socket)
{
	char *folder = folders->text[folders->n], *slash;

	snprintf(folder, sizeof(folders->text[0]), "%s", socket);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	else
		strcpy(folder, ".");
	for (unsigned int i = 0; i < folders->n; i++)
		if (!strcmp(folders->text[i], folder))
			return;
	folders->n++;
}

/** give() - to the new user, who removes it at the end; what is not there needs no owner */
static int give(const char *path, const struct confine_user *user)
{
	return lchown(path, user->uid, user->gid) < 0 && errno != ENOENT ? -errno : 0;
}

/** give_all() - the sockets, and the directory in which they are if it is ours */
static int give_all(const struct serve_config *config)
{
	char path[SERVE_SOCKET_TEXT + 16];
	int err = 0;

	for (unsigned int i = 0; !err && i < config->count; i++) {
		const char *socket = config->sockets[i];

		for (unsigned int port = 0; !err && port < config->adapters[i].ports; port++)
			if (fabric_socket_file(config->adapters[i].port[port].fabric, path))
				err = give(path, config->user);
		if (err || config->passed[i].given)
			continue;
		err = give(socket, config->user);
		if (!err && !control_path(socket, path, sizeof(path)))
			err = give(path, config->user);
		snprintf(path, sizeof(path), "%s" SYNTHETIC_SUFFIX, socket);
		if (!err)
			err = give(path, config->user);
	}
	if (!err && *config->directory)
		err = pci_view_give(config->directory, config->address, config->user->uid,
				    config->user->gid);
	if (err)
		say("cannot give the sockets to the user of --user: %s; run as root, or leave --user away",
		    strerror(-err));
	return err;
}

/** add_port() - what a vPort's fabric needs */
static void add_port(struct confine_config *wanted, struct folders *folders, const char *fabric)
{
	char path[SOCKET_FILE_PATH];

	wanted->writes_files |= !strncmp(fabric, "pcap", 4);
	/* One that finds no room stays behind, and is replaced by the next. */
	if (fabric_socket_file(fabric, path) && folders->n < CONFINE_FOLDERS_MAX - 2)
		add_folder(folders, path);
}

static void enter(void *confine)
{
	confine_thread(confine, CONFINE_LANE);
}

int confinement_enter(const struct serve_config *config, struct lanes *lanes)
{
	struct confine_config wanted = {
		.off = config->no_sandbox,
		.strict = config->strict,
		.user = config->user,
		.writes_files = config->trace != NULL,
		/* A trace that manakin control starts: its file is passed when this process runs. */
		.file_max = (uint64_t)(RECORDER_MIB_MAX + 1) << 20,
	};
	struct folders folders = { .n = 0 };
	struct confine *confine;
	struct error error;
	int err = config->user ? give_all(config) : 0;

	if (err)
		return err;
	wanted.writes_files |= config->examine.file != NULL;
	for (unsigned int i = 0; i < config->count; i++) {
		const struct adapter_config *adapter = &config->adapters[i];

		wanted.sends_abstract |= adapter->synthetic;
		if (!config->passed[i].given)
			add_folder(&folders, config->sockets[i]);
		for (unsigned int port = 0; port < adapter->ports; port++)
			add_port(&wanted, &folders, adapter->port[port].fabric);
	}
	for (; wanted.n_folders < folders.n; wanted.n_folders++)
		wanted.folders[wanted.n_folders] = folders.text[wanted.n_folders];
	/* The adapter's own directory is removed from the one above it, if that is empty. */
	if (*config->directory) {
		wanted.folders[wanted.n_folders++] = config->directory;
		wanted.folders[wanted.n_folders++] = SOFTWARE_DIRECTORY;
	}
	err = confine_new(&wanted, &confine, &error);
	if (!err) {
		lanes_call(lanes, enter, confine);
		err = confine_finish(confine, &error);
	}
	if (err)
		say("%s", error.text);
	return err;
}
