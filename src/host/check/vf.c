/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks of a VF that is not there, or has no driver: each reason has a verdict of its own.
 *
 * On VMBus the host offers a PCI device; pci-hyperv makes it a PCI function; mana drives that. So
 * accelerated networking is on as soon as there is a function, whatever the kernel makes of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/check/exam.h"
#include "host/machine/driver_log.h"
#include "host/machine/module.h"

#define NOT_SUPPORTED 0xc00000bbul /* the adapter wants more of a driver than this one has */
#define REDEPLOY      "sudo reboot; if that does not help, move the VM to another host: az vm redeploy"
#define WAIT          "if it does not come back within minutes, move the VM to another host: az vm redeploy"
#define AZ_UPDATE     "az network nic update --accelerated-networking true, while the VM is deallocated"

/** driverless() - report an adapter without a driver; @format: and what follows: why it has none */
__attribute__((format(printf, 4, 5))) static void driverless(struct exam *exam,
							     const struct mana_adapter *adapter,
							     const char *fix, const char *format,
							     ...)
{
	char why[900];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	find(exam, VERDICT_FAIL, adapter->address, fix, "a MANA %s without a driver: %s",
	     adapter->kind == ADAPTER_PF ? "PF" : "VF", why);
}

void module_fix(const char *name, const char *where, const char *what, char fix[256])
{
	if (!strcmp(where, "/proc/cmdline"))
		snprintf(fix, 256,
			 "remove %s from the kernel's command line (/etc/default/grub), then "
			 "sudo reboot",
			 what);
	else
		snprintf(fix, 256, "sudo sed -i '/^%.*s  *%s\\b/d' %s && sudo modprobe %s",
			 (int)strcspn(what, " "), what, name, where, name);
}

/** judge_unloaded() - mana could be loaded, and is not */
static void judge_unloaded(struct exam *exam, const struct mana_adapter *adapter)
{
	char where[128], what[128], fix[256] = "sudo modprobe mana";

	if (!module_blocked(exam->host, "mana", where, what)) {
		driverless(exam, adapter, fix, "the module mana is there but not loaded");
		return;
	}
	module_fix("mana", where, what, fix);
	driverless(exam, adapter, fix, "the module mana is there, but %s has '%s'", where, what);
}

/** judge_missing_driver() - this kernel has no mana */
static void judge_missing_driver(struct exam *exam, const struct mana_adapter *adapter)
{
	enum module_config config = module_config(exam->host, "MICROSOFT_MANA");
	char fix[256], words[EXAM_WORDS];

	if (!module_index(exam->host) && exam->container.kind != CONTAINER_NONE) {
		driverless(exam, adapter, NULL,
			   "the host's kernel %s has not loaded mana, and a container does not "
			   "see why: run 'manakin check' on the host",
			   exam->release);
		return;
	}
	if (!module_index(exam->host)) {
		driverless(exam, adapter, exam_upgraded(exam) ? "sudo reboot" : NULL,
			   exam_upgraded(exam)
				   ? "mana is not loaded, and /lib/modules has other kernels' "
				     "modules, as after an upgrade, and not those of %s"
				   : "mana is not loaded, and there is no /lib/modules/%s to load "
				     "it from",
			   exam->release);
		return;
	}
	exam_module(exam, "mana", fix, words);
	driverless(exam, adapter, *fix ? fix : NULL, "kernel %s %s%s; accelerated networking is on",
		   exam->release,
		   config == MODULE_CONFIG_NO
			   ? "was built without it (CONFIG_MICROSOFT_MANA is not set)"
			   : "has no module mana",
		   words);
}

/** judge_too_old() - the adapter wants more than this mana has */
static void judge_too_old(struct exam *exam, const struct mana_adapter *adapter, const char *line)
{
	struct packages_answer answer = { .install = "" };
	char evidence[300];

	if (exam->packages)
		packages_upgrade(exam->packages, &exam->kernel_distro, exam->release, "mana_ib",
				 &answer);
	if (exam->packages && !*answer.install)
		packages_upgrade(exam->packages, &exam->kernel_distro, exam->release, "mana",
				 &answer);
	snprintf(evidence, sizeof(evidence), "kernel log: %s", line);
	driverless(exam, adapter, *answer.install ? answer.install : NULL,
		   "the mana of kernel %s is too old for this host's adapter "
		   "(%s); a newer kernel is needed",
		   exam->release, *line ? evidence : "newer hosts are known to refuse it");
}

/** judge_failed() - the probe failed, and the log says how */
static void judge_failed(struct exam *exam, const struct mana_adapter *adapter,
			 const struct driver_probe *probe)
{
	char fix[256];

	if (probe->status == NOT_SUPPORTED) {
		judge_too_old(exam, adapter, probe->line);
	} else if (probe->silent || probe->err == ETIMEDOUT) {
		driverless(exam, adapter, REDEPLOY,
			   "the adapter did not answer mana (kernel log: %s)", probe->line);
	} else if (probe->status) {
		driverless(exam, adapter, REDEPLOY,
			   "the adapter refused a command of mana with status "
			   "0x%lx (kernel log: %s)",
			   probe->status, probe->line);
	} else if (probe->err == ENOMEM) {
		snprintf(fix, sizeof(fix),
			 "echo 1 | sudo tee /proc/sys/vm/compact_memory && "
			 "echo %s | sudo tee /sys/bus/pci/drivers/mana/bind",
			 adapter->address);
		driverless(exam, adapter, fix,
			   "mana found no memory that is contiguous enough "
			   "(kernel log: %s)",
			   probe->line);
	} else {
		driverless(exam, adapter, "sudo dmesg | manakin diagnose",
			   "mana's probe failed with %s (kernel log: %s)", strerror(probe->err),
			   probe->line);
	}
}

/** judge_unbound() - mana is loaded, and has not bound the function */
static void judge_unbound(struct exam *exam, const struct mana_adapter *adapter)
{
	struct driver_probe probe;
	int err = driver_log_probe(exam->host, adapter->address, &probe);
	char fix[160];

	snprintf(fix, sizeof(fix), "echo %s | sudo tee /sys/bus/pci/drivers/mana/bind",
		 adapter->address);
	if (*probe.line)
		judge_failed(exam, adapter, &probe);
	else if (err && exam->packages &&
		 packages_too_old(exam->packages, &exam->kernel_distro, exam->release))
		judge_too_old(exam, adapter, "");
	else if (!err)
		driverless(exam, adapter, fix,
			   "mana is loaded, and nothing in the kernel's log "
			   "says that its probe failed; it was unbound");
	else
		driverless(exam, adapter, "sudo manakin check",
			   "mana is loaded but does not drive it; why is in "
			   "the kernel's log, which cannot be read here: %s",
			   strerror(-err));
}

void judge_driverless(struct exam *exam, const struct mana_adapter *adapter)
{
	const char *at = adapter->address;
	char override[40] = "", fix[256];
	enum module_state state;

	host_read(exam->host, override, sizeof(override), "/sys/bus/pci/devices/%s/driver_override",
		  at);
	if (*override && strcmp(override, "(null)") && strcmp(override, "mana")) {
		snprintf(fix, sizeof(fix),
			 "echo | sudo tee /sys/bus/pci/devices/%s/driver_override && "
			 "echo %s | sudo tee /sys/bus/pci/drivers_probe",
			 at, at);
		driverless(exam, adapter, fix,
			   "it is reserved for %s (driver_override), and MANA "
			   "must stay with the kernel's mana while DPDK uses it",
			   override);
		return;
	}
	if (module_state(exam->host, "mana", &state)) {
		driverless(exam, adapter, NULL, "the kernel's modules cannot be read");
		return;
	}
	switch (state) {
	case MODULE_MISSING:
		judge_missing_driver(exam, adapter);
		break;
	case MODULE_PRESENT:
		judge_unloaded(exam, adapter);
		break;
	case MODULE_LOADED:
	case MODULE_BUILTIN:
		judge_unbound(exam, adapter);
		break;
	}
}

/** judge_no_bus() - the host offers a device that did not become a PCI function */
static void judge_no_bus(struct exam *exam, const struct vmbus_pci *pci)
{
	enum module_state state = MODULE_MISSING;
	char fix[256], words[EXAM_WORDS];

	if (pci->without_function) {
		find(exam, VERDICT_FAIL, NULL, WAIT,
		     "no PCI device 1414:00ba: accelerated networking is on, but behind VMBus device "
		     "%s there is no PCI function; the host took it away, as it does while it is "
		     "serviced",
		     pci->uuid);
		return;
	}
	module_state(exam->host, "pci_hyperv", &state);
	if (state == MODULE_MISSING) {
		exam_module(exam, "pci_hyperv", fix, words);
		find(exam, VERDICT_FAIL, NULL, *fix ? fix : NULL,
		     "no PCI device 1414:00ba: the host offers one (VMBus device %s), but kernel %s "
		     "has no pci-hyperv, which makes PCI devices of them",
		     pci->uuid, exam->release);
		return;
	}
	find(exam, VERDICT_FAIL, NULL, "sudo modprobe pci-hyperv",
	     "no PCI device 1414:00ba: the host offers one (VMBus device %s), but the driver "
	     "pci-hyperv does not have it; see 'dmesg | grep hv_pci'",
	     pci->uuid);
}

void judge_no_adapter(struct exam *exam)
{
	struct vmbus_pci pci;
	enum driver_slot slot;

	if (exam->machine.legacy) {
		find(exam, VERDICT_FAIL, NULL, NULL,
		     "no PCI device 1414:00ba; this VM has a Mellanox adapter, which "
		     "DPDK drives with net_mlx5: choose a VM size with MANA to have one");
		return;
	}
	if (!exam->hyperv) {
		find(exam, VERDICT_FAIL, NULL, NULL, "no PCI device 1414:00ba");
		return;
	}
	vmbus_pci_read(exam->host, &pci);
	if (pci.without_driver || pci.without_function) {
		judge_no_bus(exam, &pci);
		return;
	}
	slot = driver_log_slot(exam->host);
	if (slot == SLOT_REMOVED)
		find(exam, VERDICT_FAIL, NULL, WAIT,
		     "no PCI device 1414:00ba: the host took the VF away ('VF slot ... removed' in "
		     "the kernel's log), as it does while it is serviced, or when accelerated "
		     "networking is turned off");
	else if (slot == SLOT_ADDED)
		find(exam, VERDICT_FAIL, NULL, REDEPLOY,
		     "no PCI device 1414:00ba: accelerated networking is on ('VF slot ... added' in "
		     "the kernel's log), but the host offers no PCI device over VMBus");
	else
		find(exam, VERDICT_FAIL, NULL, exam->azure ? AZ_UPDATE : NULL,
		     "no PCI device 1414:00ba, and the host offers none over VMBus: accelerated "
		     "networking is off, or this VM size has no MANA");
}
