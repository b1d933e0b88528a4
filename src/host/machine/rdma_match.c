/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the kernel numbers its RDMA drivers (enum rdma_driver_id), and rdma-core has
 * a copy of that enum from when it was built. A kernel into which mana_ib was backported may
 * have given it the next free number, which upstream is another driver's. Then that driver's
 * provider, or none, gets the device, and net_mana fails in ways that do not say so. This
 * file reports both numbers and what libibverbs does with them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/machine/ask.h"
#include "host/machine/rdma.h"

/** explain() - the numbers: whose is the kernel's, and which one the right provider has */
static void explain(const struct rdma_device *device, const struct rdma_providers *providers,
		    const char *provider, char *words, size_t size)
{
	const struct rdma_provider *right = rdma_named(providers, provider);
	const struct rdma_provider *other;
	int len;

	if (!device->has_driver_id) {
		snprintf(words, size, "the kernel's driver id is not known");
		return;
	}
	len = snprintf(words, size, "the kernel reports driver id %llu for this device; ",
		       (unsigned long long)device->driver_id);
	words += len;
	size -= (size_t)len;
	if (right && right->claim.n)
		len = snprintf(words, size, "rdma-core's provider %s claims id %llu", provider,
			       (unsigned long long)right->claim.id[0]);
	else
		len = snprintf(words, size, "the provider %s claims none", provider);
	other = rdma_claimant(providers, device->driver_id);
	if (other && other != right)
		snprintf(words + len, size - (size_t)len, ", and %s claims that one",
			 other->claim.name);
}

/** by_claims() - without an answer from libibverbs; @why there is none */
static enum rdma_match by_claims(const struct rdma_device *device,
				 const struct rdma_providers *providers, const char *provider,
				 const char *why, char *words)
{
	const struct rdma_provider *claimant;
	int len;

	if (!device->has_driver_id) {
		snprintf(words, RDMA_WORDS, "cannot determine which provider libibverbs picks: %s",
			 *why ? why : "a tree (--sysroot) has no kernel to ask for the driver id");
		return RDMA_MATCH_UNKNOWN;
	}
	claimant = rdma_claimant(providers, device->driver_id);
	if (claimant && !strcmp(claimant->claim.name, provider)) {
		snprintf(words, RDMA_WORDS,
			 "the kernel's driver id %llu belongs to the provider %s%s%s",
			 (unsigned long long)device->driver_id, provider, *why ? "; " : "", why);
		return RDMA_MATCH_OK;
	}
	len = snprintf(words, RDMA_WORDS, "libibverbs will pick %s: ",
		       claimant ? claimant->claim.name : "no provider");
	explain(device, providers, provider, words + len, RDMA_WORDS - (size_t)len);
	return RDMA_MATCH_NOT;
}

/** file_missing() - is there no file through which programs reach the device? */
static bool file_missing(const struct host *host, const struct rdma_device *device, char *path,
			 size_t size)
{
	snprintf(path, size, "/dev/infiniband/%s", device->uverbs);
	return *device->uverbs && host_may(host, F_OK, "%s", path) == -ENOENT;
}

/** recall_picks() - what libibverbs answered, in a report */
static int recall_picks(const json_t *answer, struct rdma_pick *picks, struct error *error)
{
	const json_t *list = json_object_get(answer, "picks"), *pick;
	int err = (int)json_integer_value(json_object_get(answer, "error")), n = 0;
	size_t i;

	ask_text(answer, "why", error->text, sizeof(error->text));
	json_array_foreach(list, i, pick) {
		if (n == RDMA_DEVICES)
			break;
		ask_text(pick, "device", picks[n].device, sizeof(picks[n].device));
		ask_text(pick, "provider", picks[n].provider, sizeof(picks[n].provider));
		ask_text(pick, "file", picks[n].file, sizeof(picks[n].file));
		n++;
	}
	return err < 0 ? err : n;
}

/** picks_of() - rdma_pick() on the machine; what it said there, of a report */
static int picks_of(const struct host *host, struct rdma_pick *picks, struct error *error)
{
	json_t *answer, *list;
	int n, err;

	if (ask_recall(host, &answer, &err, "libibverbs")) {
		n = err ? err : recall_picks(answer, picks, error);
		json_decref(answer);
		return n;
	}
	n = rdma_pick(RDMA_LIBRARY, picks, error);
	if (!ask_noted(host))
		return n;
	list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "device", picks[i].device,
						      "provider", picks[i].provider, "file",
						      picks[i].file));
	ask_note(host, 0,
		 json_pack("{s:i, s:s, s:o}", "error", n < 0 ? n : 0, "why",
			   n < 0 ? error->text : "", "picks", list),
		 "libibverbs");
	return n;
}

enum rdma_match rdma_match(const struct host *host, const struct rdma_device *device,
			   const struct rdma_providers *providers, const char *provider,
			   char *words)
{
	struct rdma_pick picks[RDMA_DEVICES];
	const struct rdma_pick *pick = NULL;
	char path[sizeof(device->uverbs) + 32];
	struct error why = { "" };
	int n = -1, len;

	if (!host->tree)
		n = picks_of(host, picks, &why);
	if (n == -ETIMEDOUT) {
		/* It hangs, or the machine is very slow. */
		snprintf(words, RDMA_WORDS, "%s", why.text);
		return RDMA_MATCH_UNKNOWN;
	}
	if (n == -EIO || n == -ELIBACC) {
		snprintf(words, RDMA_WORDS, "%s, and so will DPDK", why.text);
		return RDMA_MATCH_BROKEN;
	}
	if (n < 0)
		return by_claims(device, providers, provider, why.text, words);
	for (int i = 0; i < n; i++)
		if (!strcmp(picks[i].device, device->name))
			pick = &picks[i];
	if (pick && !strcmp(pick->provider, provider)) {
		len = snprintf(words, RDMA_WORDS, "libibverbs picks the provider %s", provider);
		if (device->has_driver_id)
			snprintf(words + len, RDMA_WORDS - (size_t)len,
				 "; the kernel's driver id is %llu",
				 (unsigned long long)device->driver_id);
		return RDMA_MATCH_OK;
	}
	if (!pick && file_missing(host, device, path, sizeof(path))) {
		snprintf(words, RDMA_WORDS,
			 "libibverbs does not list the device, as %s does not exist", path);
		return RDMA_MATCH_NO_FILE;
	}
	if (pick)
		len = snprintf(words, RDMA_WORDS,
			       "libibverbs picks the provider %s (%s): ", pick->provider,
			       pick->file);
	else
		len = snprintf(words, RDMA_WORDS, "libibverbs finds no provider: ");
	explain(device, providers, provider, words + len, RDMA_WORDS - (size_t)len);
	return RDMA_MATCH_NOT;
}
