/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/machine.c - any content of the files of sysfs, procfs and /etc.
 *
 * There is a tree of files shaped like a machine's with an adapter of two ports; its interfaces come
 * from a kernel that is made up, too (kernel.h). Input: changes to it, each one byte for which entry
 * of the table below, one for how (0: other content; 1: it is missing; 2: a symbolic link; 3: an empty
 * directory; 4: another entry beside it, of a made-up name), one for a length, and the bytes.
 *
 * What must hold: everything that "manakin check" and "list" look at can be read, or is refused with a
 * sentence, and what is found has its terminators.
 */
#include "host/check/check.h"
#include "host/machine/distro.h"
#include "host/machine/hugepage.h"
#include "host/machine/port.h"
#include "kernel.h"
#include "scratch.h"

#define CHANGES_MAX 16u
#define VMBUS       "sys/bus/vmbus/devices/f8615163-000"
#define MAC0        "-1000-2000-6045bda6bbc0"
#define MAC1        "-1000-2000-6045bda6bd76"
#define PCI         "sys/bus/pci/devices/7870:00:00.0"
#define NODE        "sys/devices/system/node/node0/hugepages/hugepages-2048kB"
#define NETWORK     "{f8615163-df3e-46c5-913f-f2d2f965ed0e}\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Paths end with / for directories; content that begins with > is a symbolic link's */
static const struct entry {
	const char *path, *content;
} entries[] = {
	{ "etc/os-release",
	  "ID=ubuntu\nVERSION_ID=\"24.04\"\nPRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\n" },
	{ "proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n" },
	{ "proc/meminfo", "MemTotal: 32864920 kB\nHugePages_Free: 1024\nHugepagesize: 2048 kB\n" },
	{ "proc/modules", "mana 102400 0 - Live 0x0000000000000000\n" },
	{ "proc/cmdline", "root=/dev/sda1 iommu=pt\n" },
	{ "proc/version", "Linux version 6.8.0-1020-azure\n" },
	{ "proc/sys/kernel/osrelease", "6.8.0-1020-azure\n" },
	{ "proc/self/mounts", "" },
	{ "sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n" },
	{ "sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n" },
	{ "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "1024\n" },
	{ "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1024\n" },
	{ "sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "0\n" },
	{ NODE "/nr_hugepages", "1024\n" },
	{ NODE "/free_hugepages", "1024\n" },
	{ NODE "/surplus_hugepages", "0\n" },
	{ "sys/devices/system/node/online", "0\n" },
	{ "sys/devices/system/cpu/online", "0-15\n" },
	{ "sys/module/mana/initstate", "live\n" },
	{ "sys/module/mana_ib/initstate", "live\n" },
	{ "sys/module/ib_uverbs/initstate", "live\n" },
	{ "sys/bus/vmbus/drivers/hv_netvsc/new_id", "" },
	{ VMBUS "0" MAC0 "/class_id", NETWORK },
	{ VMBUS "0" MAC0 "/driver", ">../../drivers/hv_netvsc" },
	{ VMBUS "1" MAC1 "/class_id", NETWORK },
	{ VMBUS "1" MAC1 "/driver", ">../../drivers/hv_netvsc" },
	{ VMBUS "0" MAC0 "/uio/uio0/name", "hv_uio\n" },
	{ PCI "/vendor", "0x1414\n" },
	{ PCI "/device", "0x00ba\n" },
	{ PCI "/class", "0x020000\n" },
	{ PCI "/numa_node", "0\n" },
	{ PCI "/driver", ">../../drivers/mana" },
	{ PCI "/infiniband/mana_0/node_guid", "6245:bdff:fea6:bbc0\n" },
	{ PCI "/infiniband_verbs/uverbs0/ibdev", "mana_0\n" },
	{ "sys/bus/pci/drivers/mana/bind", "" },
	{ "sys/class/infiniband/mana_0", ">../../bus/pci/devices/7870:00:00.0/infiniband/mana_0" },
	{ "sys/class/infiniband_verbs/abi_version", "6\n" },
	{ "sys/class/infiniband_verbs/uverbs0",
	  ">../../bus/pci/devices/7870:00:00.0/infiniband_verbs/uverbs0" },
	{ PCI "/infiniband_verbs/uverbs0/abi_version", "1\n" },
	{ PCI "/infiniband_verbs/uverbs0/dev", "231:192\n" },
	{ PCI "/infiniband_verbs/uverbs0/device", ">../.." },
	{ PCI "/infiniband/mana_0/device", ">../.." },
	{ "sys/class/net/eth0/device", ">../../../bus/vmbus/devices/f8615163-0000" MAC0 },
	{ "sys/class/net/eth0/dev_port", "0\n" },
	{ "sys/class/net/eth0/queues/rx-0/rps_cpus", "0\n" },
	{ "sys/class/net/eth1/device", ">../../../bus/vmbus/devices/f8615163-0001" MAC1 },
	{ "sys/class/net/enP1/device", ">../../../bus/pci/devices/7870:00:00.0" },
	{ "sys/class/net/enP1/dev_port", "0\n" },
	{ "sys/class/net/enP2/device", ">../../../bus/pci/devices/7870:00:00.0" },
	{ "sys/class/net/enP2/dev_port", "1\n" },
	{ "usr/lib/x86_64-linux-gnu/librte_eal.so.23.0", "" },
	{ "usr/lib/x86_64-linux-gnu/librte_net_mana.so.23", "" },
	{ "usr/lib/x86_64-linux-gnu/pkgconfig/libdpdk.pc", "prefix=/usr\nVersion: 22.11.11\n" },
	{ "usr/lib/x86_64-linux-gnu/libibverbs.so.1", ">libibverbs.so.1.14.44.0" },
	{ "usr/lib/x86_64-linux-gnu/libibverbs.so.1.14.44.0", "\x7f"
							      "ELF" },
	{ "usr/lib/x86_64-linux-gnu/libibverbs/libmana-rdmav34.so", "" },
	{ "etc/libibverbs.d/mana.driver", "driver mana\n" },
	{ "lib/modules/6.8.0-1020-azure/modules.builtin", "kernel/drivers/hv/hv_vmbus.ko\n" },
	{ "run/manakin/demo/pci/7870:00:00.0/device", "0x00ba\n" },
};

#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

static uint8_t interfaces[1024];
static size_t interfaces_size;

static void put(const void *bytes, size_t len)
{
	require(interfaces_size + len <= sizeof(interfaces));
	memcpy(interfaces + interfaces_size, bytes, len);
	interfaces_size += len;
}

/** put_link() - a link of the kernel's answer, as kernel.h reads it */
static void put_link(int index, uint32_t master, const char *name, uint8_t port)
{
	const uint8_t mac[8] = { 0x60, 0x45, 0xbd, 0xa6, port ? 0xbd : 0xbb, port ? 0x76 : 0xc0 };
	struct ifinfomsg info = { .ifi_type = 1, .ifi_index = index, .ifi_flags = 0x1043 };
	struct nlattr attr[] = { { 4 + 6, IFLA_ADDRESS },
				 { 4 + 4, IFLA_MASTER },
				 { (uint16_t)(4 + strlen(name) + 1), IFLA_IFNAME } };
	uint8_t head[3] = { 2, 0, sizeof(info) + 12 + 8 + 4 + 8 };
	char text[8] = "";

	memcpy(text, name, strlen(name));
	put(head, sizeof(head));
	put(&info, sizeof(info));
	put(&attr[0], 4);
	put(mac, 8);
	put(&attr[1], 4);
	put(&master, 4);
	put(&attr[2], 4);
	put(text, 8);
}

/** make() - an entry of the tree, as it is at first */
static void make(const struct entry *entry)
{
	scratch_directories(entry->path);
	if (*entry->content == '>')
		require(!symlinkat(entry->content + 1, scratch_fd, entry->path));
	else
		scratch_write(entry->path, entry->content, strlen(entry->content));
}

static struct host host = { .fd = -1 };

static void start(void)
{
	struct error error;

	scratch_start();
	scratch_directories("sys/bus/vmbus/drivers/hv_netvsc/");
	for (size_t i = 0; i < ENTRIES; i++)
		make(&entries[i]);
	scratch_write(&HOST_INTERFACES[1], "", 0);
	require(host_open(scratch, &host, &error) == 0);
	put_link(2, 0, "eth0", 0);
	put_link(3, 0, "eth1", 1);
	put_link(4, 2, "enP1", 0);
	put_link(5, 3, "enP2", 1);
}

/* ---- Changes ---- */

/**
 * struct change - one, to be undone
 * @entry:	which
 * @extra:	the path of one beside it; empty: it is itself
 */
struct change {
	const struct entry *entry;
	char extra[512];
};

/** change() - read one from the input, and make it */
static void change(struct change *change)
{
	const struct entry *entry = &entries[take() % ENTRIES];
	const char *slash = strrchr(entry->path, '/');
	uint8_t how = take() % 5, len = take();
	char text[256];

	if (len > left)
		len = (uint8_t)left;
	memcpy(text, in, len);
	text[len] = '\0';
	in += len;
	left -= len;
	*change = (struct change){ .entry = entry };
	switch (how) {
	case 0:
		unlinkat(scratch_fd, entry->path, 0);
		unlinkat(scratch_fd, entry->path, AT_REMOVEDIR);
		scratch_write(entry->path, text, len);
		break;
	case 4:
		/* A name that a directory can have; it takes the entry's content. */
		for (char *c = text; *c; c++)
			if (*c == '/')
				*c = '_';
		if (!*text || *text == '.')
			break;
		snprintf(change->extra, sizeof(change->extra), "%.*s/%s",
			 (int)(slash - entry->path), entry->path, text);
		if (!faccessat(scratch_fd, change->extra, F_OK, AT_SYMLINK_NOFOLLOW) ||
		    mkdirat(scratch_fd, change->extra, 0755))
			*change->extra = '\0';
		break;
	default:
		unlinkat(scratch_fd, entry->path, 0);
		unlinkat(scratch_fd, entry->path, AT_REMOVEDIR);
		if (how == 2 && *text && symlinkat(text, scratch_fd, entry->path))
			break;
		if (how == 3)
			mkdirat(scratch_fd, entry->path, 0755);
	}
}

static void undo(const struct change *change)
{
	if (*change->extra) {
		require(!unlinkat(scratch_fd, change->extra, AT_REMOVEDIR));
		return;
	}
	unlinkat(scratch_fd, change->entry->path, 0);
	unlinkat(scratch_fd, change->entry->path, AT_REMOVEDIR);
	make(change->entry);
}

/* ---- What is read ---- */

static void look_at_machine(void)
{
	static const char *const words[] = { "eth0", "enP2", "60:45:bd:a6:bb:c0", "demo",
					     "7870:00:00.0" };
	struct machine machine;
	struct error error = { .text = "" };
	const struct mana_port *port;

	kernel_start(interfaces, interfaces_size);
	if (machine_read(&host, &machine, &error))
		require(*error.text);
	for (size_t i = 0; i < machine.n_ports; i++) {
		port = &machine.port[i];
		require(memchr(port->name, 0, sizeof(port->name)) &&
			memchr(port->uuid, 0, sizeof(port->uuid)) &&
			memchr(port->vmbus_driver, 0, sizeof(port->vmbus_driver)) &&
			memchr(port->fabric, 0, sizeof(port->fabric)));
		require(port->adapter < (int)machine.n_adapters);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		error = (struct error){ .text = "" };
		if (machine_find(&machine, words[i], &port, &error))
			require(*error.text);
		else
			require(port != NULL);
	}
	machine_free(&machine);
}

static void look_at_rest(void)
{
	struct check_request request = { .queues = 16 };
	struct check_report report;
	struct hugepages_found found;
	struct hugepage_mount mounts[4];
	struct error error = { .text = "" };
	struct distro distro;

	distro_read(&host, &distro);
	hugepages_read(&host, &found);
	hugepages_found_free(&found);
	require(hugepage_mounts(&host, mounts, 4) <= 4);
	kernel_start(interfaces, interfaces_size);
	if (check_run(&host, &request, &report, &error))
		require(*error.text);
	for (size_t i = 0; i < report.n; i++)
		require(report.finding[i].check && report.finding[i].subject &&
			report.finding[i].evidence);
	check_report_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct change changes[CHANGES_MAX];
	unsigned int n = 0;

	if (host.fd < 0)
		start();
	in = data;
	left = size;
	while (left && n < CHANGES_MAX)
		change(&changes[n++]);
	look_at_machine();
	look_at_rest();
	while (n)
		undo(&changes[--n]);
	return 0;
}
