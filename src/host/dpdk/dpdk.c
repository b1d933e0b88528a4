/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: an installation is a directory of libraries that has librte_eal. A shared
 * one is recognised by the ABI in the names of its files (librte_eal.so.23.0); its drivers are in
 * dpdk/pmds-23.0 beside it or among the libraries. One to compile with has libdpdk.pc, which has
 * the version. Without libdpdk.pc the ABI gives the release: for DPDK YY.11 it is (YY + 1).0, and
 * .1 and .2 for the two releases after it (DPDK's doc/guides/contributing/abi_policy.rst).
 *
 * A program that has drivers linked into it carries for each a record that DPDK's own
 * dpdk-pmdinfo looks for: PMD_INFO_STRING= and a JSON object.
 */
#include "host/dpdk/dpdk.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/machine/ask.h"

#define RECORD     "PMD_INFO_STRING= {\"name\": \""
#define ABI_FIRST  20 /* the first with a number like that: DPDK 19.11 */
#define MANA_SINCE 2211

/* In the order of enum dpdk_driver */
static const char *const drivers[DPDK_DRIVERS] = { "net_mana", "net_netvsc", "bus_vmbus",
						   "net_manakin" };

/* Directories that have directories of libraries; {} is any name, as a machine's triplet is */
static const char *const places[] = {
	"/usr/lib",
	"/usr/lib64",
	"/usr/lib/{}-linux-gnu",
	"/usr/local/lib",
	"/usr/local/lib64",
	"/usr/local/lib/{}-linux-gnu",
	"/opt/{}/lib",
	"/opt/{}/lib64",
	"/opt/{}/lib/x86_64-linux-gnu",
	"/opt/{}/lib/aarch64-linux-gnu",
};

const char *dpdk_driver_name(enum dpdk_driver driver)
{
	return drivers[driver];
}

int dpdk_version_of_abi(const char *abi, char *version, size_t size)
{
	static const char *const months[] = { "11", "03", "07" };
	unsigned int major, minor;
	int end = 0;

	if (sscanf(abi, "%2u.%1u%n", &major, &minor, &end) != 2 || abi[end] || minor > 2 ||
	    major < ABI_FIRST)
		return -EINVAL;
	snprintf(version, size, "%u.%s", minor ? major : major - 1, months[minor]);
	return 0;
}

/** add() - another one; NULL if there is no memory */
static struct dpdk *add(struct dpdk_list *list)
{
	struct dpdk *bigger = reallocarray(list->dpdk, list->n + 1, sizeof(*bigger));

	if (!bigger)
		return NULL;
	list->dpdk = bigger;
	memset(&bigger[list->n], 0, sizeof(*bigger));
	return &bigger[list->n++];
}

/* ---- libdpdk.pc ---- */

/** pc_value() - of "NAME=value" or "NAME: value" at the beginning of a line, names expanded once */
static bool pc_value(const char *text, const char *name, const char *prefix, char *value,
		     size_t size)
{
	size_t len = strlen(name);
	char raw[DPDK_PATH];

	for (const char *line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, name, len) || (line[len] != '=' && line[len] != ':'))
			continue;
		line += len + 1;
		line += strspn(line, " ");
		snprintf(raw, sizeof(raw), "%.*s", (int)strcspn(line, "\r\n"), line);
		if (prefix && !strncmp(raw, "${prefix}", 9))
			snprintf(value, size, "%s%s", prefix, raw + 9);
		else
			snprintf(value, size, "%s", raw);
		return true;
	}
	return false;
}

/**
 * struct package - what a libdpdk.pc says
 * @path:	of the file; empty: there is none
 */
struct package {
	char path[DPDK_PATH], prefix[DPDK_PATH], libdir[DPDK_PATH], version[32];
};

static void read_package(const struct host *host, const char *directory, struct package *package)
{
	static const size_t size = 64 << 10;
	char *text = malloc(size);

	memset(package, 0, sizeof(*package));
	if (text && host_read(host, text, size, "%s/libdpdk.pc", directory) > 0 &&
	    pc_value(text, "Version", NULL, package->version, sizeof(package->version))) {
		snprintf(package->path, sizeof(package->path), "%.200s/libdpdk.pc", directory);
		pc_value(text, "prefix", NULL, package->prefix, sizeof(package->prefix));
		pc_value(text, "libdir", package->prefix, package->libdir, sizeof(package->libdir));
	}
	free(text);
}

/* ---- a directory of libraries ---- */

/** find_drivers() - those of an ABI, or the static ones if it is empty */
static void find_drivers(const struct host *host, struct dpdk *dpdk)
{
	char ending[32];

	for (int i = 0; i < DPDK_DRIVERS; i++) {
		const char *name = drivers[i];

		if (!*dpdk->abi) {
			dpdk->has[i] = host_exists(host, "%s/librte_%s.a", dpdk->libdir, name);
			continue;
		}
		snprintf(ending, sizeof(ending), "so.%.*s", (int)strcspn(dpdk->abi, "."),
			 dpdk->abi);
		dpdk->has[i] =
			host_exists(host, "%s/librte_%s.%s", dpdk->libdir, name, ending) ||
			(*dpdk->plugins &&
			 (host_exists(host, "%s/librte_%s.%s", dpdk->plugins, name, ending) ||
			  host_exists(host, "%s/librte_%s.so", dpdk->plugins, name)));
	}
	/* It is installed in a directory of its own, and given with -d. */
	if (host_exists(host, "%s/manakin/librte_net_manakin.so", dpdk->libdir))
		dpdk->has[DPDK_NET_MANAKIN] = true;
}

/** fill_in() - what follows from where it is */
static void fill_in(const struct host *host, struct dpdk *dpdk, const struct package *package,
		    bool archives)
{
	char of_abi[16] = "";
	const char *lib;

	if (*dpdk->abi && host_exists(host, "%s/dpdk/pmds-%s", dpdk->libdir, dpdk->abi))
		snprintf(dpdk->plugins, sizeof(dpdk->plugins), "%.200s/dpdk/pmds-%s", dpdk->libdir,
			 dpdk->abi);
	if (*dpdk->abi)
		dpdk_version_of_abi(dpdk->abi, of_abi, sizeof(of_abi));
	/* Libraries of two versions may be in one directory; libdpdk.pc belongs to one of them. */
	if (*package->path && (!*of_abi || !strncmp(package->version, of_abi, strlen(of_abi)))) {
		memcpy(dpdk->version, package->version, sizeof(dpdk->version));
		memcpy(dpdk->pkgconfig, package->path, sizeof(dpdk->pkgconfig));
		memcpy(dpdk->prefix, package->prefix, sizeof(dpdk->prefix));
		dpdk->archives = archives;
	} else {
		memcpy(dpdk->version, of_abi, sizeof(of_abi));
	}
	if (!*dpdk->prefix) {
		lib = strstr(dpdk->libdir, "/lib");
		snprintf(dpdk->prefix, sizeof(dpdk->prefix), "%.*s",
			 lib ? (int)(lib - dpdk->libdir) : (int)strlen(dpdk->libdir), dpdk->libdir);
	}
	find_drivers(host, dpdk);
}

static bool is_known(const struct dpdk_list *list, const char *libdir, const char *abi)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->dpdk[i].libdir, libdir) && !strcmp(list->dpdk[i].abi, abi))
			return true;
	return false;
}

/** is_abi() - "23.0" */
static bool is_abi(const char *text)
{
	unsigned int major, minor;
	int end = 0;

	return sscanf(text, "%2u.%2u%n", &major, &minor, &end) == 2 && !text[end];
}

/** look_in() - a directory of libraries */
static int look_in(const struct host *host, const char *libdir, const struct package *package,
		   struct dpdk_list *list)
{
	static const char eal[] = "librte_eal.so.";
	bool archives = false, shared = false;
	struct names names;
	int err = 0;

	if (strlen(libdir) >= DPDK_PATH - 32)
		return 0;
	host_list(host, &names, "%s", libdir);
	for (size_t i = 0; i < names.n; i++)
		archives |= !strcmp(names.name[i], "librte_eal.a");
	for (size_t i = 0; i < names.n && !err; i++) {
		const char *abi = names.name[i] + sizeof(eal) - 1;
		struct dpdk *dpdk;

		if (strncmp(names.name[i], eal, sizeof(eal) - 1) || !is_abi(abi))
			continue;
		shared = true;
		if (is_known(list, libdir, abi))
			continue;
		dpdk = add(list);
		if (!dpdk) {
			err = -ENOMEM;
			break;
		}
		snprintf(dpdk->libdir, sizeof(dpdk->libdir), "%s", libdir);
		snprintf(dpdk->abi, sizeof(dpdk->abi), "%.15s", abi);
		fill_in(host, dpdk, package, archives);
	}
	if (!err && archives && !shared && !is_known(list, libdir, "")) {
		struct dpdk *dpdk = add(list);

		if (dpdk) {
			snprintf(dpdk->libdir, sizeof(dpdk->libdir), "%s", libdir);
			fill_in(host, dpdk, package, true);
			dpdk->archives = true;
		}
		err = dpdk ? 0 : -ENOMEM;
	}
	names_free(&names);
	return err;
}

/** look_at_libdir() - a directory of libraries, with the libdpdk.pc that is in it */
static int look_at_libdir(const struct host *host, const char *libdir, struct dpdk_list *list)
{
	struct package package;
	char directory[DPDK_PATH];

	snprintf(directory, sizeof(directory), "%.200s/pkgconfig", libdir);
	read_package(host, directory, &package);
	return look_in(host, libdir, &package, list);
}

/** look_at_place() - a place of the list, whose {} stands for any name */
static int look_at_place(const struct host *host, const char *place, struct dpdk_list *list)
{
	const char *any = strstr(place, "{}");
	char libdir[DPDK_PATH];
	struct names names;
	int err = 0;

	if (!any) {
		/* /usr/lib64 may be a link to /usr/lib: then it is listed already. */
		if (!host_link(host, libdir, sizeof(libdir), "%s", place))
			return 0;
		return look_at_libdir(host, place, list);
	}
	host_list(host, &names, "%.*s", (int)(any - place), place);
	for (size_t i = 0; i < names.n && !err; i++) {
		const char *name = names.name[i], *dash = strstr(name, "-linux-gnu");
		bool triplet = !strncmp(any, "{}-linux-gnu", 12);

		if (triplet && (!dash || dash[10]))
			continue;
		snprintf(libdir, sizeof(libdir), "%.*s%.100s%s", (int)(any - place), place, name,
			 triplet ? "" : any + 2);
		err = look_at_libdir(host, libdir, list);
	}
	names_free(&names);
	return err;
}

/** look_at_path() - each directory of a list with colons; of pkgconfig files or of libraries */
static int look_at_path(const struct host *host, const char *path, bool packages,
			struct dpdk_list *list)
{
	int err = 0;

	while (path && *path && !err) {
		size_t len = strcspn(path, ":");
		char directory[DPDK_PATH];
		struct package package;

		if (*path == '/' && len < sizeof(directory)) {
			snprintf(directory, sizeof(directory), "%.*s", (int)len, path);
			if (!packages)
				err = look_at_libdir(host, directory, list);
			else
				read_package(host, directory, &package);
			if (packages && *package.libdir)
				err = look_in(host, package.libdir, &package, list);
		}
		path += len;
		path += *path == ':';
	}
	return err;
}

static int by_prefix(const void *a, const void *b)
{
	const struct dpdk *x = a, *y = b;
	int order = strcmp(x->prefix, y->prefix);

	return order ? order : strcmp(x->version, y->version);
}

/** search() - see dpdk_find() */
static int search(const struct host *host, struct dpdk_list *list)
{
	int err = 0;

	if (host_is_machine(host)) {
		err = look_at_path(host, getenv("PKG_CONFIG_PATH"), true, list);
		if (!err)
			err = look_at_path(host, getenv("LD_LIBRARY_PATH"), false, list);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !err; i++)
		err = look_at_place(host, places[i], list);
	if (list->n)
		qsort(list->dpdk, list->n, sizeof(*list->dpdk), by_prefix);
	return err;
}

/* The members that are text, as they are called in a report */
#define MEMBER(name)                                                                               \
	{                                                                                          \
#name, offsetof(struct dpdk, name), sizeof(((struct dpdk *)NULL)->name)            \
	}
static const struct {
	const char *name;
	size_t at, size;
} members[] = { MEMBER(prefix),  MEMBER(libdir),  MEMBER(pkgconfig),
		MEMBER(plugins), MEMBER(version), MEMBER(abi) };

#define MEMBERS (sizeof(members) / sizeof(members[0]))

/** list_json() - for a report */
static json_t *list_json(const struct dpdk_list *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct dpdk *dpdk = &list->dpdk[i];
		json_t *one = json_object(), *has = json_array();

		for (size_t m = 0; m < MEMBERS; m++)
			json_object_set_new(one, members[m].name,
					    json_string((const char *)dpdk + members[m].at));
		for (int d = 0; d < DPDK_DRIVERS; d++)
			if (dpdk->has[d])
				json_array_append_new(has, json_string(drivers[d]));
		json_object_set_new(one, "archives", json_boolean(dpdk->archives));
		json_object_set_new(one, "drivers", has);
		json_array_append_new(all, one);
	}
	return all;
}

/** recall_list() - of a report */
static int recall_list(const json_t *answer, struct dpdk_list *list)
{
	const json_t *one, *driver;
	size_t i, j;

	json_array_foreach(answer, i, one) {
		struct dpdk *dpdk = add(list);

		if (!dpdk)
			return -ENOMEM;
		for (size_t m = 0; m < MEMBERS; m++)
			ask_text(one, members[m].name, (char *)dpdk + members[m].at,
				 members[m].size);
		dpdk->archives = json_is_true(json_object_get(one, "archives"));
		json_array_foreach(json_object_get(one, "drivers"), j, driver)
			for (int d = 0; d < DPDK_DRIVERS; d++)
				dpdk->has[d] |= json_is_string(driver) &&
						!strcmp(json_string_value(driver), drivers[d]);
	}
	return 0;
}

int dpdk_find(const struct host *host, struct dpdk_list *list)
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	memset(list, 0, sizeof(*list));
	if (ask_recall(host, &answer, &err, "dpdk")) {
		if (!err)
			err = recall_list(answer, list);
		json_decref(answer);
		return err;
	}
	err = search(&unrecorded, list);
	if (ask_noted(host))
		ask_note(host, err, list_json(list), "dpdk");
	return err;
}

void dpdk_list_free(struct dpdk_list *list)
{
	free(list->dpdk);
	memset(list, 0, sizeof(*list));
}

/* ---- programs ---- */

/** read_records() - the drivers that an ELF file has records of */
static void read_records(const char *data, size_t size, struct dpdk *dpdk)
{
	const char *end = data + size, *at = data;

	while ((at = memmem(at, (size_t)(end - at), RECORD, sizeof(RECORD) - 1))) {
		at += sizeof(RECORD) - 1;
		for (int i = 0; i < DPDK_DRIVERS; i++) {
			size_t len = strlen(drivers[i]);

			if ((size_t)(end - at) > len && !memcmp(at, drivers[i], len) &&
			    at[len] == '"')
				dpdk->has[i] = true;
		}
	}
	/* A bus has no record; its messages name it. */
	dpdk->has[DPDK_BUS_VMBUS] =
		dpdk->has[DPDK_NET_NETVSC] && memmem(data, size, "/sys/bus/vmbus/devices", 22);
}

/** read_needs() - the ABI of the DPDK libraries that a program is linked with */
static void read_needs(const char *data, size_t size, struct dpdk *dpdk)
{
	static const char eal[] = "librte_eal.so.";
	const char *at = memmem(data, size, eal, sizeof(eal) - 1);
	char digits[3] = "";

	if (!at || (size_t)(data + size - at) < sizeof(eal) + 2)
		return;
	memcpy(digits, at + sizeof(eal) - 1, 2);
	if (digits[0] >= '1' && digits[0] <= '9' && digits[1] >= '0' && digits[1] <= '9')
		memcpy(dpdk->abi, digits, sizeof(digits));
}

int dpdk_program(const struct host *host, const char *path, struct dpdk_list *list)
{
	int fd = host_open_file(host, "%s", path), err = 0;
	struct dpdk *dpdk;
	struct stat st;
	void *data;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf32_Ehdr))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -ENOEXEC;
	data = err ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (!err && data == MAP_FAILED)
		err = -errno;
	close(fd);
	if (err)
		return err;
	dpdk = memcmp(data, ELFMAG, SELFMAG) ? NULL : add(list);
	if (dpdk) {
		dpdk->program = true;
		snprintf(dpdk->prefix, sizeof(dpdk->prefix), "%.255s", path);
		read_records(data, (size_t)st.st_size, dpdk);
		read_needs(data, (size_t)st.st_size, dpdk);
	} else {
		err = memcmp(data, ELFMAG, SELFMAG) ? -ENOEXEC : -ENOMEM;
	}
	munmap(data, (size_t)st.st_size);
	return err;
}

/* ---- the verdict ---- */

/** number() - 2211 of "22.11.3"; 0 if it is not a release */
static unsigned int number(const char *version)
{
	unsigned int year, month;

	return sscanf(version, "%2u.%2u", &year, &month) == 2 ? year * 100 + month : 0;
}

bool dpdk_can_drive(const struct dpdk *dpdk, const char **why)
{
	unsigned int version = number(dpdk->version);

	if (version && version < MANA_SINCE) {
		*why = "it is older than 22.11, the first with net_mana";
	} else if (dpdk->has[DPDK_NET_MANA]) {
		*why = dpdk->has[DPDK_NET_NETVSC] && (dpdk->program || dpdk->has[DPDK_BUS_VMBUS])
			       ? "directly, and with netvsc"
			       : "directly only; it has no net_netvsc";
		return true;
	} else if (dpdk->program && *dpdk->abi) {
		*why = "no drivers are linked into it; it uses those of an installation";
	} else {
		*why = "it has no net_mana; rdma-core's libmana must be installed when DPDK is built";
	}
	return false;
}
