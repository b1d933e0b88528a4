/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/vmbus.h, pci.h and port_users.h on a tree that the test makes. What the kernel does
 * when these files are written to is tested with tests/unit/host/kernel.py and in the lab.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/machine/netdev.h"
#include "host/machine/pci.h"
#include "host/machine/port_users.h"
#include "host/machine/vmbus.h"
#include "tree.h"

#define OLD    "000d3a76-3bd0-000d-3a76-3bd0000d3a76"
#define NEW    "f8615163-0001-1000-2000-6045bda6bd76"
#define RANDOM "53557f8e-057d-425b-9265-01c0fd7e273e"
#define DISK   "f8b3781a-1e82-4818-a1c3-63d806ec15bb"

static struct host host;

static const char make_tree[] =
	"set -e; cd \"$1\"\n"
	"device() { mkdir -p sys/bus/vmbus/devices/$1; echo \"{$2}\" "
	">sys/bus/vmbus/devices/$1/class_id; }\n"
	"network=f8615163-df3e-46c5-913f-f2d2f965ed0e\n"
	"device " OLD " $network; device " NEW " $network; device " RANDOM " $network\n"
	"device " DISK " ba6163d9-04a1-4d29-b605-72e2ffb1dc7f\n"
	"device not-a-uuid $network\n"
	"for d in hv_netvsc uio_hv_generic; do mkdir -p sys/bus/vmbus/drivers/$d\n"
	"touch sys/bus/vmbus/drivers/$d/bind sys/bus/vmbus/drivers/$d/unbind "
	"sys/bus/vmbus/drivers/$d/new_id sys/bus/vmbus/drivers/$d/remove_id; done\n"
	"ln -s ../../drivers/hv_netvsc sys/bus/vmbus/devices/" OLD "/driver\n"
	"pci() { mkdir -p sys/bus/pci/devices/$1; cd sys/bus/pci/devices/$1; echo $2 >vendor; "
	"echo $3 >device; echo $4 >class; echo $5 >numa_node; cd \"$OLDPWD\"; }\n"
	"pci 7870:00:00.0 0x1414 0x00ba 0x020000 1; ln -s ../../drivers/mana "
	"sys/bus/pci/devices/7870:00:00.0/driver\n"
	"pci 7871:00:00.0 0x1414 0x00b9 0x020000 -1; pci 0000:00:08.0 0x1414 0x5353 0x030000 0\n"
	"pci 89a5:00:02.0 0x15b3 0x1018 0x020000 0; pci 0000:3b:00.0 0x8086 0x1572 0x020000 0\n"
	"pci 10000:e0:06.0 0x15b3 0x1018 0x010000 0; mkdir sys/bus/pci/devices/odd\n"
	"process() { mkdir -p proc/$1/fd; echo $2 >proc/$1/comm; shift 2; i=3; for f in \"$@\"; do "
	"ln -s \"$f\" proc/$pid/fd/$i; i=$((i + 1)); done; }\n"
	"pid=41; process 41 vpp /dev/uio0 /dev/uio1 /dev/uio0 'socket:[1]'\n"
	"pid=7; process 7 dpdk-testpmd /dev/uio1 /dev/infiniband/uverbs0 /home/uio0\n"
	"mkdir -p proc/self/fd; ln -s /dev/uio0 proc/self/fd/3; mkdir proc/9\n";

static int setup(void **state)
{
	(void)state;
	return tree_open(&host, make_tree);
}

static int teardown(void **state)
{
	(void)state;
	return tree_close(&host);
}

static void uuids(void **state)
{
	static const char *const bad[] = { "",
					   "000d3a76",
					   OLD "0",
					   "000d3a76-3bd0-000d-3a76-3bd0000d3a7",
					   "000d3a7603bd0-000d-3a76-3bd0000d3a76",
					   "g00d3a76-3bd0-000d-3a76-3bd0000d3a76" };

	(void)state;
	assert_true(vmbus_uuid_ok(OLD));
	assert_true(vmbus_uuid_ok("000D3A76-3BD0-000D-3A76-3BD0000D3A76"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(vmbus_uuid_ok(bad[i]));
}

static void devices(void **state)
{
	struct vmbus_devices devices;
	char mac[MAC_TEXT];

	(void)state;
	assert_int_equal(vmbus_read(&host, &devices), 0);
	assert_int_equal(devices.n, 3);
	assert_string_equal(devices.device[0].uuid, OLD);
	assert_string_equal(devices.device[0].driver, "hv_netvsc");
	assert_true(devices.device[0].has_mac);
	assert_string_equal(mac_text(devices.device[0].mac, mac), "00:0d:3a:76:3b:d0");
	assert_string_equal(devices.device[1].uuid, RANDOM);
	assert_false(devices.device[1].has_mac);
	assert_string_equal(devices.device[2].uuid, NEW);
	assert_string_equal(devices.device[2].driver, "");
	assert_string_equal(mac_text(devices.device[2].mac, mac), "60:45:bd:a6:bd:76");
	vmbus_free(&devices);
}

static void no_bus(void **state)
{
	struct vmbus_devices devices;
	struct pci_functions functions;
	struct host other;
	struct error error;

	(void)state;
	assert_int_equal(host_open(tree_path("proc"), &other, &error), 0);
	assert_int_equal(vmbus_read(&other, &devices), 0);
	assert_int_equal(devices.n, 0);
	vmbus_free(&devices);
	assert_int_equal(pci_read(&other, &functions), 0);
	assert_int_equal(functions.n, 0);
	pci_free(&functions);
	host_close(&other);
}

/* What is written, and where; and that the kernel's error is returned if it cannot be written. */
static void writes(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(vmbus_new_id(&host, "uio_hv_generic"), 0);
	assert_true(host_read(&host, text, sizeof(text),
			      "/sys/bus/vmbus/drivers/uio_hv_generic/new_id") > 0);
	assert_string_equal(text, VMBUS_CLASS_NETWORK);
	assert_int_equal(vmbus_unbind(&host, "hv_netvsc", OLD), 0);
	assert_true(host_read(&host, text, sizeof(text),
			      "/sys/bus/vmbus/drivers/hv_netvsc/unbind") > 0);
	assert_string_equal(text, OLD);
	assert_int_equal(vmbus_bind(&host, "uio_hv_generic", OLD), 0);
	assert_int_equal(vmbus_remove_id(&host, "uio_hv_generic"), 0);
	assert_int_equal(vmbus_bind(&host, "no_driver", OLD), -ENOENT);
	assert_int_equal(vmbus_new_id(&host, "no_driver"), -ENOENT);
	/* Binding to the driver that it has already needs no file. */
	assert_int_equal(tree_run("rm \"$1\"/sys/bus/vmbus/drivers/hv_netvsc/bind"), 0);
	assert_int_equal(vmbus_bind(&host, "hv_netvsc", OLD), 0);
	assert_int_equal(vmbus_bind(&host, "hv_netvsc", NEW), -ENOENT);
}

static void functions(void **state)
{
	struct pci_functions functions;

	(void)state;
	assert_int_equal(pci_read(&host, &functions), 0);
	assert_int_equal(functions.n, 3);
	assert_string_equal(functions.function[0].address, "7870:00:00.0");
	assert_string_equal(functions.function[0].driver, "mana");
	assert_int_equal(functions.function[0].numa_node, 1);
	assert_true(pci_is_mana(&functions.function[0]));
	assert_string_equal(functions.function[1].address, "7871:00:00.0");
	assert_int_equal(functions.function[1].numa_node, -1);
	assert_string_equal(functions.function[1].driver, "");
	assert_true(pci_is_mana(&functions.function[1]));
	assert_int_equal(functions.function[2].vendor, PCI_VENDOR_MELLANOX);
	assert_false(pci_is_mana(&functions.function[2]));
	pci_free(&functions);
}

static void bus_addresses(void **state)
{
	static const char *const bad[] = { "",
					   "00:00.0",
					   "7870:00:00",
					   "7870:00:00.8",
					   "7870:0:00.0",
					   "787:00:00.0",
					   "7870:00:00.0x",
					   "7870-00:00.0",
					   "123456789:00:00.0" };

	(void)state;
	assert_true(pci_address_ok("7870:00:00.0"));
	assert_true(pci_address_ok("10000:E0:06.7"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pci_address_ok(bad[i]));
}

static void users(void **state)
{
	struct device_users devices[] = { { .device = "uio0" },
					  { .device = "uio1" },
					  { .device = "uverbs0" },
					  { .device = "" } };

	(void)state;
	device_users_read(&host, devices, 4);
	assert_string_equal(devices[0].users, "vpp (41)");
	assert_string_equal(devices[1].users, "vpp (41), dpdk-testpmd (7)");
	assert_string_equal(devices[2].users, "dpdk-testpmd (7)");
	assert_string_equal(devices[3].users, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuids),         cmocka_unit_test(devices),
		cmocka_unit_test(no_bus),        cmocka_unit_test(functions),
		cmocka_unit_test(bus_addresses), cmocka_unit_test(users),
		cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests_name("host vmbus", tests, setup, teardown);
}
