/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks of DPDK and what EAL needs: hugepages, limits, and no slow drivers in between.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/check/exam.h"
#include "host/dpdk/dpdk.h"
#include "host/machine/ask.h"
#include "host/machine/hugepage.h"
#include "host/machine/hugetlb.h"
#include "host/machine/limit.h"

#define MOUNTS_MAX   32
#define MEMORY_FEW   (256ull << 10) /* KiB free: testpmd's default pool of buffers and its queues */
#define FILES_BESIDE 256u           /* an application's descriptors besides those of hugepages */
#define INSTALL_FIX  "sudo manakin dpdk install --release 24.11.1"
#define PAGES_FIX                                                                                  \
	"echo 1024 | sudo tee /sys/devices/system/node/node*/hugepages/"                           \
	"hugepages-2048kB/nr_hugepages"
#define PAGES_MORE                                                                                 \
	"for n in /sys/devices/system/node/node*/hugepages/hugepages-2048kB/nr_hugepages; "        \
	"do echo $(($(cat $n) + 512)) | sudo tee $n; done"
#define PAGES_MORE_NO_NODES                                                                        \
	"echo $(($(cat /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages) + 512)) | sudo "    \
	"tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define PAGES_FIX_NO_NODES                                                                         \
	"echo 1024 | sudo tee /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/** judge_dpdk() - an installation; @others: another one can drive MANA */
static void judge_dpdk(struct exam *exam, const struct dpdk *dpdk, bool others)
{
	const char *version = *dpdk->version ? dpdk->version : "of unknown version", *why;

	if (!dpdk_can_drive(dpdk, &why))
		find(exam, others ? VERDICT_OK : VERDICT_FAIL, dpdk->prefix,
		     others ? NULL : INSTALL_FIX, "%s, which cannot drive MANA: %s", version, why);
	else if (exam->hyperv && !dpdk->has[DPDK_NET_NETVSC])
		find(exam, VERDICT_WARNING, dpdk->prefix, INSTALL_FIX,
		     "%s, with net_mana but without net_netvsc: it "
		     "can only drive the VF directly (--pmd mana)",
		     version);
	else
		find(exam, VERDICT_OK, dpdk->prefix, NULL, "%s, with net_mana%s%s", version,
		     dpdk->has[DPDK_NET_NETVSC] ? " and net_netvsc" : "",
		     dpdk->plugins[0] ? ", shared" : ", static");
}

void check_dpdk(struct exam *exam)
{
	struct dpdk_list list;
	bool good = false;
	const char *why;

	dpdk_find(exam->host, &list);
	for (size_t i = 0; i < list.n; i++)
		good |= dpdk_can_drive(&list.dpdk[i], &why);
	if (!list.n)
		find(exam, VERDICT_FAIL, NULL, INSTALL_FIX,
		     "DPDK is not installed; 22.11 or later with net_mana is needed");
	for (size_t i = 0; i < list.n; i++)
		judge_dpdk(exam, &list.dpdk[i], good);
	dpdk_list_free(&list);
}

/** on_node() - KiB in free pages on a node; -1: on all */
static unsigned long long on_node(const struct hugepages_found *found, int node)
{
	unsigned long long kib = 0;

	for (size_t i = 0; i < found->n; i++)
		if (node < 0 || found->page[i].node == node || found->page[i].node < 0)
			kib += (unsigned long long)found->page[i].free * found->page[i].kib;
	return kib;
}

/** judge_nodes() - does the NUMA node of each adapter have free pages? */
static void judge_nodes(struct exam *exam, const struct hugepages_found *found)
{
	char fix[256], subject[32];

	for (size_t i = 0; i < exam->machine.n_adapters; i++) {
		const struct mana_adapter *adapter = &exam->machine.adapter[i];
		int node = adapter->numa_node;

		if (adapter->kind == ADAPTER_SOFTWARE || node < 0 || on_node(found, node))
			continue;
		snprintf(subject, sizeof(subject), "node %d", node);
		snprintf(
			fix, sizeof(fix),
			"n=/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages; "
			"echo $(($(cat $n) + 512)) | sudo tee $n",
			node);
		find(exam, VERDICT_WARNING, subject, fix,
		     "no free hugepages on this node, where the adapter "
		     "%s is: packets will use another node's memory",
		     adapter->address);
	}
}

/** judge_limits() - what the cgroup allows of hugepages of a size that there is; @all: how many */
static void judge_limits(struct exam *exam, const struct hugepages_found *found, unsigned long all)
{
	struct hugetlb_limit limits[HUGETLB_SIZES];
	size_t n = hugetlb_limits(exam->host, limits);
	char fix[640], size[24];

	for (size_t i = 0; i < n; i++) {
		const struct hugetlb_limit *limit = &limits[i];
		unsigned long long mb = limit->limit >> 20, used = limit->used >> 20;
		unsigned long pages = 0;

		for (size_t j = 0; j < found->n; j++)
			if (found->page[j].kib == limit->kib)
				pages += found->page[j].total;
		/* Where there are none yet, those of 2 MB are what will be wanted. */
		if (!pages && (all || limit->kib != 2048))
			continue;
		hugepage_size_text(limit->kib, size);
		snprintf(fix, sizeof(fix), "echo %s | sudo tee %s",
			 strstr(limit->file, "limit_in_bytes") ? "-1" : "max", limit->file);
		if (mb < used + (MEMORY_FEW >> 10))
			find(exam, mb <= used ? VERDICT_FAIL : VERDICT_WARNING, "cgroup",
			     exam->container.kind == CONTAINER_NONE
				     ? fix
				     : container_fix(exam, WANT_HUGEPAGES),
			     "%s allows %llu MB in pages of %s, of which %llu are used: EAL gets no "
			     "more, whatever the machine has (mmap() fails, or SIGBUS)",
			     limit->file, mb, size, used);
		else
			find(exam, VERDICT_OK, "cgroup", NULL,
			     "%s allows %llu MB in pages of %s, of which %llu are used",
			     limit->file, mb, size, used);
	}
}

void check_hugepages(struct exam *exam)
{
	struct hugepages_found found;
	unsigned long long unused;
	unsigned long total = 0;
	char subject[48], size[24];
	const char *fix, *more;

	if (hugepages_read(exam->host, &found) || !found.n) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "sysfs lists no hugepages of any size");
		hugepages_found_free(&found);
		return;
	}
	fix = found.page[0].node < 0 ? PAGES_FIX_NO_NODES : PAGES_FIX;
	/* A smaller number than there are would take some away. */
	more = found.page[0].node < 0 ? PAGES_MORE_NO_NODES : PAGES_MORE;
	for (size_t i = 0; i < found.n; i++)
		total += found.page[i].total;
	unused = on_node(&found, -1);
	if (!total)
		find(exam, VERDICT_FAIL, NULL, fix,
		     "no hugepages of any size are reserved; DPDK needs pages of 2 MB or 1 GB");
	else if (!unused)
		find(exam, VERDICT_WARNING, NULL, more,
		     "all are in use, by a running application "
		     "or by files that one left in a hugetlbfs");
	else if (unused < MEMORY_FEW)
		find(exam, VERDICT_WARNING, NULL, more,
		     "only %llu MB are free; testpmd needs 256 MB by default", unused >> 10);
	for (size_t i = 0; i < found.n; i++) {
		const struct hugepage *page = &found.page[i];

		if (!page->total)
			continue;
		hugepage_size_text(page->kib, size);
		if (page->node < 0)
			snprintf(subject, sizeof(subject), "%s", size);
		else
			snprintf(subject, sizeof(subject), "node %d, %s", page->node, size);
		find(exam, VERDICT_OK, subject, NULL, "%lu, of which %lu are free", page->total,
		     page->free);
	}
	if (unused)
		judge_nodes(exam, &found);
	judge_limits(exam, &found, total);
	hugepages_found_free(&found);
}

/** there_are() - does the machine have pages of this size? True if it has none of any size */
static bool there_are(const struct hugepages_found *found, unsigned int kib)
{
	unsigned long all = 0;

	for (size_t i = 0; i < found->n; i++) {
		if (found->page[i].kib == kib && found->page[i].total)
			return true;
		all += found->page[i].total;
	}
	return !all;
}

void check_hugetlbfs(struct exam *exam)
{
	struct hugepage_mount mounts[MOUNTS_MAX];
	struct hugepages_found found;
	int n = hugepage_mounts(exam->host, mounts, MOUNTS_MAX), good = -1, closed = -1;
	char size[24];

	if (n < 0) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "there is no /proc/mounts to read");
		return;
	}
	hugepages_read(exam->host, &found);
	for (int i = 0; i < n; i++) {
		if (!there_are(&found, mounts[i].kib))
			continue;
		if (mounts[i].writable)
			good = i;
		else
			closed = i;
	}
	hugepages_found_free(&found);
	if (good >= 0)
		find(exam, VERDICT_OK, NULL, NULL, "%s, for pages of %s", mounts[good].path,
		     hugepage_size_text(mounts[good].kib, size));
	else if (exam->container.kind != CONTAINER_NONE)
		find(exam, VERDICT_FAIL, NULL, container_fix(exam, WANT_HUGETLBFS),
		     "%s; EAL needs one, unless it gets --in-memory",
		     closed >= 0 ? "this user may not write to the container's"
				 : "none is mounted in the container for a page size that the host "
				   "has pages of");
	else if (closed >= 0)
		find(exam, VERDICT_FAIL, NULL, "run DPDK as root", "this user may not write to %s",
		     mounts[closed].path);
	else
		find(exam, VERDICT_FAIL, NULL,
		     "sudo mkdir -p /dev/hugepages && sudo mount -t hugetlbfs nodev /dev/hugepages",
		     n ? "none is mounted for a page size that has hugepages"
		       : "none is mounted; EAL needs one, unless it gets --in-memory");
}

/** all_pages() - KiB in hugepages, free or not; @n: how many */
static unsigned long long all_pages(const struct host *host, unsigned long *n)
{
	struct hugepages_found found;
	unsigned long long kib = 0;

	*n = 0;
	hugepages_read(host, &found);
	for (size_t i = 0; i < found.n; i++) {
		kib += (unsigned long long)found.page[i].total * found.page[i].kib;
		*n += found.page[i].total;
	}
	hugepages_found_free(&found);
	return kib;
}

void check_memlock(struct exam *exam)
{
	struct limits limits;
	unsigned long pages;

	if (limits_read(exam->host, &limits)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "a tree (--sysroot) has no process limits");
		return;
	}
	if (limits.locked == ULLONG_MAX)
		find(exam, VERDICT_OK, NULL, NULL, "no limit");
	else if (limits.locked >> 10 < all_pages(exam->host, &pages))
		find(exam, VERDICT_WARNING, NULL,
		     exam->container.kind == CONTAINER_NONE ? "ulimit -l unlimited"
							    : container_fix(exam, WANT_MEMLOCK),
		     "this user may lock %llu KiB, less than the "
		     "hugepages that net_mana registers with the adapter",
		     limits.locked >> 10);
	else
		find(exam, VERDICT_OK, NULL, NULL, "%llu KiB", limits.locked >> 10);
}

void check_files(struct exam *exam)
{
	struct limits limits;
	unsigned long pages;
	char fix[96];

	if (limits_read(exam->host, &limits)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "a tree (--sysroot) has no process limits");
		return;
	}
	all_pages(exam->host, &pages);
	snprintf(fix, sizeof(fix), "ulimit -n %lu, or EAL's --single-file-segments",
		 pages + FILES_BESIDE);
	if (limits.files_hard < pages + FILES_BESIDE)
		find(exam, VERDICT_WARNING, NULL,
		     exam->container.kind == CONTAINER_NONE ? fix : container_fix(exam, WANT_FILES),
		     "at most %llu open files, and EAL opens one for each of %lu hugepages",
		     limits.files_hard, pages);
	else
		find(exam, VERDICT_OK, NULL, NULL,
		     "at most %llu open files, enough for %lu hugepages", limits.files_hard, pages);
}

/** detour() - the device, if an argument puts MANA under a slow driver */
static const char *detour(const char *argument, const char *next)
{
	const char *device = NULL;

	if (!strncmp(argument, "--vdev=", 7))
		device = argument + 7;
	else if (!strcmp(argument, "--vdev"))
		device = next;
	if (device &&
	    (!strncmp(device, "net_vdev_netvsc", 15) || !strncmp(device, "net_failsafe", 12)))
		return device;
	return NULL;
}

/** report_detour() - @who uses @device */
static void report_detour(struct exam *exam, const char *who, const char *device)
{
	const char *interface = strstr(device, "iface=");
	char fix[64];

	snprintf(fix, sizeof(fix), "manakin args %.*s",
		 interface ? (int)strcspn(interface + 6, ", ") : 5,
		 interface ? interface + 6 : "IFACE");
	find(exam, VERDICT_WARNING, who, fix,
	     "--vdev=%s: net_vdev_netvsc and net_failsafe pass each packet through an extra driver "
	     "and are slow on Azure; give EAL the adapter itself, by its bus and MAC address",
	     device);
}

/** look_at_process() - search its command line for such a device, and add it to @found */
static void look_at_process(struct exam *exam, const char *pid, json_t *found)
{
	char text[16384], who[64];
	int fd = host_open_file(exam->host, "/proc/%s/cmdline", pid);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *program;

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return;
	text[len] = '\0';
	program = strrchr(text, '/') ? strrchr(text, '/') + 1 : text;
	snprintf(who, sizeof(who), "%.40s (%s)", program, pid);
	for (const char *at = text; at < text + len; at += strlen(at) + 1) {
		const char *next = at + strlen(at) + 1;
		const char *device = detour(at, next < text + len ? next : "");

		if (device)
			json_array_append_new(found, json_pack("[s, s]", who, device));
	}
}

/** detours() - the processes that have such a device, with it; json_decref() it */
static json_t *detours(struct exam *exam)
{
	struct names processes;
	char self[16] = "";
	json_t *found;
	int err;

	if (ask_recall(exam->host, &found, &err, "failsafe"))
		return found;
	found = json_array();
	if (!exam->host->tree)
		snprintf(self, sizeof(self), "%d", getpid());
	host_list(exam->host, &processes, "/proc");
	for (size_t i = 0; i < processes.n; i++)
		if (isdigit((unsigned char)*processes.name[i]) && strcmp(processes.name[i], self))
			look_at_process(exam, processes.name[i], found);
	names_free(&processes);
	ask_note(exam->host, 0, json_incref(found), "failsafe");
	return found;
}

void check_failsafe(struct exam *exam)
{
	const struct check_request *request = exam->request;
	size_t before = exam->report->n, at;
	json_t *found, *one;

	for (size_t i = 0; i < request->n_arguments; i++) {
		const char *device =
			detour(request->arguments[i],
			       i + 1 < request->n_arguments ? request->arguments[i + 1] : "");

		if (device)
			report_detour(exam, "arguments", device);
	}
	found = detours(exam);
	json_array_foreach(found, at, one) {
		const char *who = json_string_value(json_array_get(one, 0));
		const char *device = json_string_value(json_array_get(one, 1));

		if (who && device)
			report_detour(exam, who, device);
	}
	json_decref(found);
	if (exam->report->n == before)
		find(exam, VERDICT_OK, NULL, NULL,
		     "no process uses net_vdev_netvsc or net_failsafe");
}
