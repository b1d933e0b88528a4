/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI configuration space: type 0 header with MSI-X, PCI Express and power
 * management. Layouts: PCI Local Bus 3.0 chapter 6 and appendix, PCI Express Base
 * 3.0 chapter 7; the names of the registers are those of linux/pci_regs.h.
 *
 *	BAR 0	64 bits	registers, shared-memory channel, doorbell pages
 *	BAR 2	64 bits	doorbells in shared memory (wire/native.h)
 *	BAR 4	64 bits	MSI-X table and pending bits
 *
 * A client that manages interrupts itself (VFIO does) never passes on the driver's writes to the
 * MSI-X capability; they are stored and read back.
 */
#include "device/config.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "base/compat.h"
#include "device/reset.h"
#include "device/state.h"

#define CAP_POWER   0x40u
#define CAP_MSIX    0x50u
#define CAP_EXPRESS 0x60u

static void put16(struct adapter *adapter, unsigned int offset, unsigned int value)
{
	adapter->pci[offset] = (uint8_t)value;
	adapter->pci[offset + 1] = (uint8_t)(value >> 8);
}

static void put32(struct adapter *adapter, unsigned int offset, uint32_t value)
{
	put16(adapter, offset, value & 0xffffu);
	put16(adapter, offset + 2, value >> 16);
}

static uint32_t get32(const struct adapter *adapter, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, adapter->pci + offset, sizeof(value));
	return value;
}

void config_reset(struct adapter *adapter)
{
	uint16_t device = adapter->config.physical ? MANA_PCI_DEVICE_ID_PF : MANA_PCI_DEVICE_ID_VF;

	memset(adapter->pci, 0, sizeof(adapter->pci));
	put16(adapter, PCI_VENDOR_ID, MANA_PCI_VENDOR_ID);
	put16(adapter, PCI_DEVICE_ID, device);
	put16(adapter, PCI_STATUS, PCI_STATUS_CAP_LIST);
	put32(adapter, PCI_CLASS_REVISION, MANA_PCI_CLASS << 8);
	put32(adapter, PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_64);
	put32(adapter, PCI_BASE_ADDRESS_2,
	      PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	put32(adapter, PCI_BASE_ADDRESS_4, PCI_BASE_ADDRESS_MEM_TYPE_64);
	put16(adapter, PCI_SUBSYSTEM_VENDOR_ID, MANA_PCI_VENDOR_ID);
	put16(adapter, PCI_SUBSYSTEM_ID, device);
	adapter->pci[PCI_CAPABILITY_LIST] = CAP_POWER;

	adapter->pci[CAP_POWER] = PCI_CAP_ID_PM;
	adapter->pci[CAP_POWER + PCI_CAP_LIST_NEXT] = CAP_MSIX;
	put16(adapter, CAP_POWER + PCI_PM_PMC, 3);
	put16(adapter, CAP_POWER + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);

	adapter->pci[CAP_MSIX] = PCI_CAP_ID_MSIX;
	adapter->pci[CAP_MSIX + PCI_CAP_LIST_NEXT] = CAP_EXPRESS;
	put16(adapter, CAP_MSIX + PCI_MSIX_FLAGS, ADAPTER_MSIX - 1);
	put32(adapter, CAP_MSIX + PCI_MSIX_TABLE, MANA_MSIX_BAR);
	put32(adapter, CAP_MSIX + PCI_MSIX_PBA, BAR_MSIX_PBA | MANA_MSIX_BAR);

	adapter->pci[CAP_EXPRESS] = PCI_CAP_ID_EXP;
	put16(adapter, CAP_EXPRESS + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	put32(adapter, CAP_EXPRESS + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
	put32(adapter, CAP_EXPRESS + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_8_0GB | 16u << 4); /* x16 */
	put16(adapter, CAP_EXPRESS + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_8_0GB | 16u << 4);
	atomic_store(&adapter->bus_master, false);
}

int config_read(struct adapter *adapter, uint64_t offset, void *data, size_t len)
{
	/* Extended configuration space: no extended capabilities. */
	memset(data, 0, len);
	for (size_t i = 0; i < len && offset + i < sizeof(adapter->pci); i++)
		((uint8_t *)data)[i] = adapter->pci[offset + i];
	return 0;
}

/** writable() - which bits of a configuration byte a driver may change */
static uint8_t writable(unsigned int offset)
{
	switch (offset) {
	case PCI_COMMAND:
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	case PCI_COMMAND + 1:
		return PCI_COMMAND_INTX_DISABLE >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
	case CAP_EXPRESS + PCI_EXP_DEVCTL:
		return 0xff;
	case CAP_EXPRESS + PCI_EXP_DEVCTL + 1: /* FLR reads as 0 */
		return 0x7f;
	case CAP_POWER + PCI_PM_CTRL:
		return PCI_PM_CTRL_STATE_MASK;
	case CAP_MSIX + PCI_MSIX_FLAGS + 1:
		return (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	default:
		return 0;
	}
}

/** config_write_bar() - store the address, so that writing all ones returns the size */
static void config_write_bar(struct adapter *adapter, unsigned int offset, uint32_t value)
{
	/* Each takes two words, because its address has 64 bits. */
	static const uint32_t size[] = { [MANA_BAR] = BAR_SIZE,
					 [NATIVE_BAR] = NATIVE_BAR_SIZE,
					 [MANA_MSIX_BAR] = BAR_MSIX_SIZE,
					 [PCI_STD_NUM_BARS - 1] = 0 };
	unsigned int bar = (offset - PCI_BASE_ADDRESS_0) / 4;

	/* The upper half is all address bits; in the lower half the size determines which are. */
	if (size[bar])
		value = (value & ~(size[bar] - 1)) |
			(adapter->pci[offset] & ~(uint32_t)PCI_BASE_ADDRESS_MEM_MASK);
	put32(adapter, offset, value);
}

int config_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len)
{
	const uint8_t *byte = data;
	bool flr = false;

	for (size_t i = 0; i < len && offset + i < sizeof(adapter->pci); i++) {
		unsigned int at = (unsigned int)(offset + i);
		uint8_t mask = writable(at);

		if (at == CAP_EXPRESS + PCI_EXP_DEVCTL + 1 &&
		    (byte[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
			flr = true;
		adapter->pci[at] = (uint8_t)((adapter->pci[at] & ~mask) | (byte[i] & mask));
	}
	if (len == 4 && offset >= PCI_BASE_ADDRESS_0 && offset <= PCI_BASE_ADDRESS_5 &&
	    offset % 4 == 0) {
		uint32_t value;

		memcpy(&value, data, sizeof(value));
		config_write_bar(adapter, (unsigned int)offset, value);
	}
	if (flr)
		adapter_reset(adapter);
	atomic_store(&adapter->bus_master, (get32(adapter, PCI_COMMAND) & PCI_COMMAND_MASTER) != 0);
	return 0;
}
