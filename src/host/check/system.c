/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks of the machine, without DPDK: system, adapter, kernel and its modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "host/check/exam.h"
#include "host/machine/ask.h"
#include "host/machine/module.h"

#define AZURE_TAG "7783-7084-3265-9085-8269-3286-77" /* chassis asset tag of all of Azure's VMs */

void check_linux(struct exam *exam)
{
	const char *name = *exam->distro.name ? exam->distro.name : "a Linux without os-release";

	if (!*exam->release && host_exists(exam->host, "/Windows/System32"))
		find(exam, VERDICT_FAIL, NULL, NULL,
		     "this is Windows; MANA with DPDK works only on Linux: use a Linux VM");
	else if (!*exam->release)
		find(exam, VERDICT_UNKNOWN, NULL, NULL,
		     "there is no /proc/sys/kernel/osrelease to identify the kernel");
	else if (strcasestr(exam->release, "microsoft") || strstr(exam->release, "WSL"))
		find(exam, VERDICT_FAIL, NULL, NULL,
		     "kernel %s is the Windows Subsystem for Linux, which sees "
		     "no adapter; MANA with DPDK needs a Linux VM on Azure",
		     exam->release);
	else
		find(exam, VERDICT_OK, NULL, NULL, "%s, kernel %s", name, exam->release);
}

/** hyperv_cpuid() - does the CPU say that Hyper-V is under it? */
static bool hyperv_cpuid(const struct host *host)
{
	unsigned int a = 0, b = 0, c = 0, d = 0;
	json_t *answer;
	bool is;
	int err;

	if (ask_recall(host, &answer, &err, "hyperv")) {
		is = json_is_true(answer);
		json_decref(answer);
		return is;
	}
#ifdef __x86_64__
	if (!host->tree && __get_cpuid(1, &a, &b, &c, &d) && c >> 31)
		__cpuid(0x40000000, a, b, c, d);
#endif
	is = b == 0x7263694d && c == 0x666f736f && d == 0x76482074; /* Microsoft Hv */
	ask_note(host, 0, json_boolean(is), "hyperv");
	return is;
}

/** real_adapters() - how many there are in hardware */
static size_t real_adapters(const struct exam *exam)
{
	size_t n = 0;

	for (size_t i = 0; i < exam->machine.n_adapters; i++)
		n += exam->machine.adapter[i].kind != ADAPTER_SOFTWARE;
	return n;
}

void check_azure(struct exam *exam)
{
	char tag[64] = "", vendor[96] = "", product[96] = "";

	host_read(exam->host, tag, sizeof(tag), "/sys/class/dmi/id/chassis_asset_tag");
	host_read(exam->host, vendor, sizeof(vendor), "/sys/class/dmi/id/sys_vendor");
	host_read(exam->host, product, sizeof(product), "/sys/class/dmi/id/product_name");
	exam->azure = !strcmp(tag, AZURE_TAG);
	exam->hyperv = exam->azure || host_exists(exam->host, "/sys/bus/vmbus") ||
		       hyperv_cpuid(exam->host);
	if (exam->azure)
		find(exam, VERDICT_OK, NULL, NULL, "an Azure VM (chassis asset tag %s)", tag);
	else if (real_adapters(exam))
		find(exam, VERDICT_OK, NULL, NULL, "%s, not Azure, but it has a MANA adapter%s",
		     exam->hyperv ? "a guest of Hyper-V"
		     : *product   ? product
				  : "not a guest of Hyper-V",
		     exam->hyperv ? "" : "; without VMBus DPDK drives it directly (--pmd mana)");
	else
		find(exam, VERDICT_WARNING, NULL, NULL,
		     "%s%s%s, not an Azure VM; only Azure has hardware adapters, "
		     "and 'manakin device' runs one in software on any Linux",
		     exam->hyperv ? "a guest of Hyper-V"
		     : *vendor    ? vendor
				  : "an unknown machine",
		     exam->hyperv || !*product ? "" : " ", exam->hyperv ? "" : product);
}

/** judge_adapter() - one adapter, by the driver of its PCI function */
static void judge_adapter(struct exam *exam, const struct mana_adapter *adapter)
{
	const char *kind = adapter->kind == ADAPTER_PF ? "PF" : "VF", *at = adapter->address;
	unsigned int ports = 0;
	char fix[256];

	for (size_t i = 0; i < exam->machine.n_ports; i++)
		ports += exam_adapter(exam, &exam->machine.port[i]) == adapter;
	if (!strcmp(adapter->driver, "mana")) {
		find(exam, VERDICT_OK, at, NULL, "a MANA %s, driver mana, %u port%s", kind, ports,
		     ports == 1 ? "" : "s");
		return;
	}
	if (!*adapter->driver) {
		judge_driverless(exam, adapter);
		return;
	}
	snprintf(fix, sizeof(fix),
		 "echo %s | sudo tee /sys/bus/pci/drivers/%s/unbind && "
		 "echo %s | sudo tee /sys/bus/pci/drivers/mana/bind",
		 at, adapter->driver, at);
	find(exam, VERDICT_FAIL, at, fix,
	     "a MANA %s bound to the driver %s; unlike other adapters, MANA "
	     "must stay with the kernel's mana and mana_ib while DPDK uses it",
	     kind, adapter->driver);
}

void check_adapter(struct exam *exam)
{
	if (!real_adapters(exam))
		judge_no_adapter(exam);
	for (size_t i = 0; i < exam->machine.n_adapters; i++)
		if (exam->machine.adapter[i].kind != ADAPTER_SOFTWARE)
			judge_adapter(exam, &exam->machine.adapter[i]);
}

/** no_index() - report that there is no list of this kernel's modules */
static void no_index(struct exam *exam)
{
	if (exam->container.kind != CONTAINER_NONE)
		find(exam, VERDICT_UNKNOWN, NULL, NULL,
		     "%s is the host's, and a container does not see its modules, only that mana_ib "
		     "is not loaded",
		     exam->release);
	else if (exam_upgraded(exam))
		find(exam, VERDICT_FAIL, NULL, "sudo reboot",
		     "/lib/modules has other kernels' modules, as after an upgrade, and not those "
		     "of %s: none can be loaded, and mana_ib is not",
		     exam->release);
	else
		find(exam, VERDICT_FAIL, NULL, NULL,
		     "there is no /lib/modules/%s: no module can be loaded, and mana_ib is not "
		     "built in",
		     exam->release);
}

void check_kernel(struct exam *exam)
{
	bool first = version_compare(exam->release, "5.15") < 0;
	char fix[256], words[EXAM_WORDS];
	enum module_state state;

	if (!*exam->release || module_state(exam->host, "mana_ib", &state)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "its release and modules cannot be read");
		return;
	}
	if (state != MODULE_MISSING) {
		find(exam, VERDICT_OK, NULL, NULL, "%s has both drivers of MANA%s", exam->release,
		     version_compare(exam->release, "6.2") < 0 ? ", backported" : "");
		return;
	}
	if (!module_index(exam->host)) {
		no_index(exam);
		return;
	}
	exam_module(exam, "mana_ib", fix, words);
	if (version_compare(exam->release, "6.2") >= 0)
		find(exam, VERDICT_FAIL, NULL, *fix ? fix : NULL,
		     "%s is new enough, but was built or installed "
		     "without the InfiniBand driver mana_ib%s",
		     exam->release, words);
	else
		find(exam, VERDICT_FAIL, NULL, *fix ? fix : NULL,
		     "%s is older than %s6.2, the first with the InfiniBand driver mana_ib, "
		     "and has no backport of it%s",
		     exam->release,
		     first ? "5.15, the first with the Ethernet driver mana, and " : "", words);
}

/* The modules, what for, and @hyperv: only on Hyper-V */
static const struct {
	const char *name, *what;
	bool hyperv;
} modules[] = {
	{ "mana", "the Ethernet driver", false },
	{ "mana_ib", "the InfiniBand driver, through which DPDK reaches the adapter", false },
	{ "ib_uverbs", "which gives user space access to InfiniBand drivers", false },
	{ DRIVER_KERNEL, "the synthetic interface's driver", true },
	{ DRIVER_USER, "which hands the synthetic interface to DPDK's netvsc", true },
};

/** judge_missing() - a module that the kernel does not have */
static void judge_missing(struct exam *exam, const char *name, const char *what, bool hyperv)
{
	char fix[256], words[EXAM_WORDS];

	if (!module_index(exam->host)) {
		find(exam, VERDICT_UNKNOWN, name, NULL,
		     "not loaded; whether kernel %s has it cannot be seen here", exam->release);
		return;
	}
	exam_module(exam, name, fix, words);
	find(exam, hyperv ? VERDICT_WARNING : VERDICT_FAIL, name, *fix ? fix : NULL,
	     "missing in kernel %s: %s%s%s", exam->release, what,
	     hyperv ? "; without it DPDK can only drive the VF directly (--pmd mana)" : "", words);
}

/** judge_present() - a module that could be loaded, and is not */
static void judge_present(struct exam *exam, const char *name, const char *what)
{
	char where[128], blocked[128], fix[256];

	if (!real_adapters(exam)) {
		find(exam, VERDICT_OK, name, NULL,
		     "available; the kernel loads it when an adapter appears");
		return;
	}
	if (!strcmp(name, DRIVER_USER)) {
		find(exam, VERDICT_OK, name, NULL,
		     "available; 'manakin setup' loads it when needed");
		return;
	}
	if (module_blocked(exam->host, name, where, blocked)) {
		module_fix(name, where, blocked, fix);
		find(exam, VERDICT_FAIL, name, fix, "not loaded, as %s has '%s': %s", where,
		     blocked, what);
		return;
	}
	snprintf(fix, sizeof(fix), "sudo modprobe %s", name);
	find(exam, VERDICT_FAIL, name, fix, "not loaded: %s", what);
}

void check_modules(struct exam *exam)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		const char *name = modules[i].name;
		enum module_state state;

		if (modules[i].hyperv && !exam->hyperv)
			continue;
		if (module_state(exam->host, name, &state)) {
			find(exam, VERDICT_UNKNOWN, name, NULL,
			     "the kernel's modules cannot be read");
			continue;
		}
		switch (state) {
		case MODULE_LOADED:
			find(exam, VERDICT_OK, name, NULL, "loaded");
			break;
		case MODULE_BUILTIN:
			find(exam, VERDICT_OK, name, NULL, "built into the kernel");
			break;
		case MODULE_MISSING:
			judge_missing(exam, name, modules[i].what, modules[i].hyperv);
			break;
		case MODULE_PRESENT:
			judge_present(exam, name, modules[i].what);
			break;
		}
	}
}

void check_image(struct exam *exam)
{
	const char *name = *exam->distro.name ? exam->distro.name : "an unknown distribution";
	const char *older;

	if (exam->container.kind != CONTAINER_NONE) {
		find(exam, VERDICT_OK, NULL, NULL,
		     "%s in the container; the guide's list is of the hosts' images%s%s", name,
		     *exam->kernel_distro.name ? ", and this kernel is of " : "",
		     exam->kernel_distro.name);
		return;
	}
	if (distro_supported(&exam->distro, exam->release, &older)) {
		find(exam, VERDICT_OK, NULL, NULL, "%s is on the guide's list", name);
		return;
	}
	if (older) {
		find(exam, VERDICT_WARNING, NULL, distro_install(&exam->distro, PACKAGE_KERNEL),
		     "%s is on the guide's list from kernel %s on; this is %s", name, older,
		     exam->release);
		return;
	}
	find(exam, VERDICT_OK, NULL, NULL,
	     "%s is not on the guide's list, which is not exhaustive: RHEL 8.9, 9.4, Ubuntu "
	     "20.04, 22.04 with 5.15.0-1045-azure; the other checks judge what it has",
	     name);
}
