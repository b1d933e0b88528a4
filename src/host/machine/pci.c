/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/pci.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_NETWORK 0x02u /* the base class, in the highest byte of three */

bool pci_address_ok(const char *text)
{
	static const char shape[] = ":xx:xx.f";
	size_t digits = 0;

	while (isxdigit((unsigned char)text[digits]))
		digits++;
	if (digits < 4 || digits > 8 || strlen(text) >= PCI_ADDRESS_TEXT)
		return false;
	text += digits;
	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'x'   ? !isxdigit((unsigned char)text[i])
		    : shape[i] == 'f' ? text[i] < '0' || text[i] > '7'
				      : text[i] != shape[i])
			return false;
	return true;
}

bool pci_is_mana(const struct pci_function *function)
{
	return function->vendor == PCI_VENDOR_MICROSOFT &&
	       (function->device == PCI_DEVICE_MANA_PF || function->device == PCI_DEVICE_MANA_VF);
}

/** read_function() - what sysfs shows of one; false if it is not one of ours */
static bool read_function(const struct host *host, const char *address,
			  struct pci_function *function)
{
	unsigned long long vendor, device, class;
	char node[16];

	if (!pci_address_ok(address) ||
	    host_number(host, &vendor, "/sys/bus/pci/devices/%s/vendor", address) ||
	    (vendor != PCI_VENDOR_MICROSOFT && vendor != PCI_VENDOR_MELLANOX) ||
	    host_number(host, &class, "/sys/bus/pci/devices/%s/class", address) ||
	    class >> 16 != CLASS_NETWORK ||
	    host_number(host, &device, "/sys/bus/pci/devices/%s/device", address))
		return false;
	strcpy(function->address, address);
	function->vendor = (uint16_t)vendor;
	function->device = (uint16_t)device;
	function->numa_node = -1;
	if (host_read(host, node, sizeof(node), "/sys/bus/pci/devices/%s/numa_node", address) > 0)
		function->numa_node = atoi(node);
	if (host_link(host, function->driver, sizeof(function->driver),
		      "/sys/bus/pci/devices/%s/driver", address))
		*function->driver = '\0';
	return true;
}

int pci_read(const struct host *host, struct pci_functions *functions)
{
	struct names names;
	int err;

	memset(functions, 0, sizeof(*functions));
	err = host_list(host, &names, "/sys/bus/pci/devices");
	if (err == -ENOENT || err == -ENOTDIR)
		err = 0;
	functions->function = calloc(names.n + 1, sizeof(*functions->function));
	if (!functions->function)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < names.n; i++)
		functions->n +=
			read_function(host, names.name[i], &functions->function[functions->n]);
	names_free(&names);
	return err;
}

void pci_free(struct pci_functions *functions)
{
	free(functions->function);
	memset(functions, 0, sizeof(*functions));
}
