/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: rdma-core's version is in the name of the file that libibverbs.so.1 links
 * to: libibverbs.so.1.14.44.0 is of version 44.0. Where the library looks for its providers was
 * decided when it was built, and is in it as text: the directory /etc/libibverbs.d, and a pattern
 * such as /usr/lib64/libibverbs/lib%s-rdmav34.so. A provider with another number in its name,
 * left behind when one half of rdma-core was replaced, is never read.
 *
 * The order of providers does not matter for a device whose driver id one of them claims: all
 * are asked for the id before anything else is compared (try_drivers() in libibverbs/init.c).
 */
#include "host/machine/rdma.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/ask.h"

/* In an error message of providers/mana/qp.c from rdma-core 53 on, the first with RC queue pairs */
#define SHADOW "shadow queue"

/** read_version() - from the library's full name */
static unsigned int read_version(const struct host *host, const char *path)
{
	unsigned int abi, version;
	char name[256];

	if (host_link(host, name, sizeof(name), "%s", path) ||
	    sscanf(name, RDMA_LIBRARY ".%u.%u.", &abi, &version) != 2)
		return 0;
	return version;
}

/** find_core() - see rdma_core_read() */
static int find_core(const struct host *host, struct rdma_core *core)
{
	const char *pattern, *text;
	unsigned char *data;
	size_t size, len;
	int err;

	memset(core, 0, sizeof(*core));
	err = library_find(host, RDMA_LIBRARY, core->path);
	if (err)
		return err;
	core->version = read_version(host, core->path);
	strcpy(core->configuration, "/etc/libibverbs.d");
	if (library_load(host, core->path, &data, &size))
		return 0; /* it exists; its version is not known */
	text = library_string(data, size, "/libibverbs.d");
	if (text && *text == '/' && strlen(text) < sizeof(core->configuration))
		strcpy(core->configuration, text);
	pattern = library_string(data, size, "/lib%s-rdmav");
	if (!pattern)
		pattern = library_string(data, size, "lib%s-rdmav");
	text = pattern ? strstr(pattern, "lib%s") : NULL;
	if (text && strlen(text + 5) < sizeof(core->suffix)) {
		strcpy(core->suffix, text + 5);
		len = (size_t)(text - pattern);
		if (*pattern == '/' && len > 1 && len < sizeof(core->providers))
			memcpy(core->providers, pattern, len - 1);
	}
	free(data);
	return 0;
}

int rdma_core_read(const struct host *host, struct rdma_core *core)
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	if (ask_recall(host, &answer, &err, "rdma-core")) {
		memset(core, 0, sizeof(*core));
		ask_text(answer, "path", core->path, sizeof(core->path));
		core->version =
			(unsigned int)json_integer_value(json_object_get(answer, "version"));
		ask_text(answer, "suffix", core->suffix, sizeof(core->suffix));
		ask_text(answer, "configuration", core->configuration, sizeof(core->configuration));
		ask_text(answer, "providers", core->providers, sizeof(core->providers));
		json_decref(answer);
		return err;
	}
	err = find_core(&unrecorded, core);
	if (ask_noted(host))
		ask_note(host, err,
			 json_pack("{s:s, s:i, s:s, s:s, s:s}", "path", core->path, "version",
				   (int)core->version, "suffix", core->suffix, "configuration",
				   core->configuration, "providers", core->providers),
			 "rdma-core");
	return err;
}

/** find_provider() - as load_driver() of libibverbs/dynamic_driver.c does */
static void find_provider(const struct host *host, const struct rdma_core *core,
			  struct rdma_provider *provider)
{
	char name[PROVIDER_NAME + sizeof(core->suffix) + 4];
	unsigned char *data;
	size_t size;

	snprintf(name, sizeof(name), "lib%s%s", provider->name, core->suffix);
	if (*core->providers)
		snprintf(provider->path, sizeof(provider->path), "%s/%s", core->providers, name);
	if (!*provider->path || !host_exists(host, "%s", provider->path))
		library_find(host, name, provider->path);
	if (!*provider->path || library_load(host, provider->path, &data, &size))
		return;
	provider_claim_read(data, size, &provider->claim);
	provider->shadow = memmem(data, size, SHADOW, sizeof(SHADOW) - 1) ? RDMA_HAS : RDMA_LACKS;
	free(data);
}

static int add(const struct host *host, const struct rdma_core *core,
	       struct rdma_providers *providers, const char *name)
{
	struct rdma_provider *more;

	if (!*name || strlen(name) >= PROVIDER_NAME || strchr(name, '/'))
		return 0;
	for (size_t i = 0; i < providers->n; i++)
		if (!strcmp(providers->provider[i].name, name))
			return 0;
	more = reallocarray(providers->provider, providers->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	providers->provider = more;
	more += providers->n++;
	memset(more, 0, sizeof(*more));
	strcpy(more->name, name);
	find_provider(host, core, more);
	return 0;
}

/** add_file() - the providers that a file of the configuration names: "driver mana" */
static int add_file(const struct host *host, const struct rdma_core *core, const char *file,
		    struct rdma_providers *providers)
{
	char text[4096], *rest = text, *line, name[PROVIDER_NAME];
	int err = 0;

	if (host_read(host, text, sizeof(text), "%s/%s", core->configuration, file) < 0)
		return 0;
	while (!err && (line = strsep(&rest, "\n")))
		if (sscanf(line, " driver %31s", name) == 1)
			err = add(host, core, providers, name);
	return err;
}

/** find_providers() - see rdma_providers_read() */
static int find_providers(const struct host *host, const struct rdma_core *core,
			  struct rdma_providers *providers)
{
	const char *list = host_is_machine(host) ? getenv("RDMAV_DRIVERS") : NULL;
	char copy[1024], *rest = copy, *name;
	struct names files;
	int err;

	if (!list && host_is_machine(host))
		list = getenv("IBV_DRIVERS");
	err = host_list(host, &files, "%s", core->configuration);
	if (err == -ENOENT)
		err = 0;
	if (list && strlen(list) < sizeof(copy)) {
		strcpy(copy, list);
		while (!err && (name = strsep(&rest, ":;")))
			err = add(host, core, providers, name);
	}
	for (size_t i = 0; !err && i < files.n; i++)
		err = add_file(host, core, files.name[i], providers);
	names_free(&files);
	return err;
}

/** recall_providers() - of a report */
static int recall_providers(const json_t *answer, struct rdma_providers *providers)
{
	const json_t *entry, *id;
	size_t i, j;

	providers->provider = calloc(json_array_size(answer) + 1, sizeof(*providers->provider));
	if (!providers->provider)
		return -ENOMEM;
	json_array_foreach(answer, i, entry) {
		struct rdma_provider *provider = &providers->provider[providers->n++];
		struct provider_claim *claim = &provider->claim;

		ask_text(entry, "name", provider->name, sizeof(provider->name));
		ask_text(entry, "path", provider->path, sizeof(provider->path));
		ask_text(entry, "claims_as", claim->name, sizeof(claim->name));
		if (json_is_boolean(json_object_get(entry, "shadow")))
			provider->shadow = json_is_true(json_object_get(entry, "shadow"))
						   ? RDMA_HAS
						   : RDMA_LACKS;
		json_array_foreach(json_object_get(entry, "driver_ids"), j, id)
			if (claim->n < PROVIDER_IDS)
				claim->id[claim->n++] = (uint64_t)json_integer_value(id);
	}
	return 0;
}

/** providers_json() - for a report */
static json_t *providers_json(const struct rdma_providers *providers)
{
	json_t *all = json_array();

	for (size_t i = 0; i < providers->n; i++) {
		const struct rdma_provider *provider = &providers->provider[i];
		json_t *ids = json_array();

		for (size_t j = 0; j < provider->claim.n; j++)
			json_array_append_new(ids, json_integer((json_int_t)provider->claim.id[j]));
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", provider->name, "path",
				       provider->path, "claims_as", provider->claim.name,
				       "driver_ids", ids, "shadow",
				       provider->shadow ? json_boolean(provider->shadow == RDMA_HAS)
							: json_null()));
	}
	return all;
}

int rdma_providers_read(const struct host *host, const struct rdma_core *core,
			struct rdma_providers *providers)
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	memset(providers, 0, sizeof(*providers));
	if (ask_recall(host, &answer, &err, "rdma-providers")) {
		if (!err)
			err = recall_providers(answer, providers);
		json_decref(answer);
		return err;
	}
	err = find_providers(&unrecorded, core, providers);
	if (ask_noted(host))
		ask_note(host, err, providers_json(providers), "rdma-providers");
	return err;
}

void rdma_providers_free(struct rdma_providers *providers)
{
	free(providers->provider);
	memset(providers, 0, sizeof(*providers));
}

const struct rdma_provider *rdma_named(const struct rdma_providers *providers, const char *name)
{
	for (size_t i = 0; i < providers->n; i++)
		if (!strcmp(providers->provider[i].name, name))
			return &providers->provider[i];
	return NULL;
}

const struct rdma_provider *rdma_claimant(const struct rdma_providers *providers, uint64_t id)
{
	for (size_t i = 0; i < providers->n; i++)
		for (size_t j = 0; j < providers->provider[i].claim.n; j++)
			if (providers->provider[i].claim.id[j] == id)
				return &providers->provider[i];
	return NULL;
}
