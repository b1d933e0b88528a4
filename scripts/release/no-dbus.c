/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * no-dbus.c - a libpcap that is linked in without libdbus.
 *
 * The libpcap.a of a distribution can capture from D-Bus too. libpcap finds each kind of source by a
 * table of two functions a kind (pcap.c, capture_source_types); with these two here, which say that
 * there is no such source, the linker leaves out its pcap-dbus.c, and with it libdbus. The program
 * reads and writes files only.
 */
#include <pcap/pcap.h>
#include <stddef.h>

int dbus_findalldevs(void *devices, char *error);
pcap_t *dbus_create(const char *device, char *error, int *is_ours);

int dbus_findalldevs(void *devices, char *error)
{
	(void)devices;
	(void)error;
	return 0;
}

pcap_t *dbus_create(const char *device, char *error, int *is_ours)
{
	(void)device;
	(void)error;
	*is_ours = 0;
	return NULL;
}
