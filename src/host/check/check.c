/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the machine is read once (host/machine/port.h); then each function of the
 * table examines one requirement and reports findings. A check reports what it found and judges
 * that; it ignores other checks' findings, unless two would say the same. None of them changes
 * anything, and the only process that is started is a fork of this one, which asks libibverbs
 * (rdma_pick.c).
 */
#include "host/check/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/check/exam.h"

/**
 * The checks, in the order of the guide; @real: of use only where there is or should be an adapter
 * in hardware; @image: in a container it is about the container's image; @rdma: it is about
 * applications of RDMA
 */
static const struct {
	const char *name;
	bool real, image, rdma;
	void (*run)(struct exam *exam);
} checks[] = {
	{ "linux", false, false, false, check_linux },
	{ "container", false, false, false, check_container },
	{ "azure", true, false, false, check_azure },
	{ "adapter", true, false, false, check_adapter },
	{ "kernel", true, false, false, check_kernel },
	{ "kernel-bugs", true, false, false, check_kernel_bugs },
	{ "module", true, false, false, check_modules },
	{ "image", true, false, false, check_image },
	{ "rdma-core", true, true, false, check_rdma_core },
	{ "rdma-provider", true, true, false, check_rdma_provider },
	{ "rdma-device", true, false, false, check_rdma_device },
	{ "interface", false, false, false, check_interfaces },
	{ "manager", true, false, false, check_managers },
	{ "queues", false, false, false, check_queues },
	{ "descriptors", false, false, false, check_descriptors },
	{ "dpdk", true, true, false, check_dpdk },
	{ "hugepages", false, false, false, check_hugepages },
	{ "hugetlbfs", false, false, false, check_hugetlbfs },
	{ "memlock", true, false, false, check_memlock },
	{ "files", false, false, false, check_files },
	{ "failsafe", true, false, false, check_failsafe },
	{ "rdma-kernel", true, false, true, check_rdma_kernel },
	{ "rdma-library", true, true, true, check_rdma_library },
	{ "rdma-port", true, false, true, check_rdma_ports },
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_OK] = "ok",           [VERDICT_NOTE] = "note",
		[VERDICT_UNKNOWN] = "unknown", [VERDICT_WARNING] = "warning",
		[VERDICT_FAIL] = "fail",
	};

	return names[verdict];
}

/** is_software() - a port of an adapter in software */
static bool is_software(const struct exam *exam, const struct mana_port *port)
{
	const struct mana_adapter *adapter = exam_adapter(exam, port);

	return adapter && adapter->kind == ADAPTER_SOFTWARE;
}

/** choose_ports() - the ports to check; an interface that is not MANA's is a finding */
static int choose_ports(struct exam *exam, struct error *error)
{
	const struct check_request *request = exam->request;
	bool software = false;

	exam->asked = request->n_words > 0;
	exam->check = "interface";
	for (size_t i = 0; i < request->n_words && i < EXAM_PORTS; i++) {
		const char *word = request->words[i];
		int err = machine_find(&exam->machine, word, &exam->port[exam->n_ports], error);

		if (err && err != -ENOTSUP)
			return err;
		if (err)
			find(exam, VERDICT_FAIL, word, NULL, "%s", error->text);
		else
			exam->n_ports++;
	}
	for (size_t i = 0; !exam->asked && i < exam->machine.n_ports && i < EXAM_PORTS; i++)
		exam->port[exam->n_ports++] = &exam->machine.port[i];
	for (size_t i = 0; i < exam->n_ports; i++) {
		if (is_software(exam, exam->port[i]))
			software = true;
		else
			exam->real = true;
	}
	/* An adapter whose ports are not visible is in hardware as well; so is a missing one.
	 */
	for (size_t i = 0; !exam->asked && i < exam->machine.n_adapters; i++)
		exam->real |= exam->machine.adapter[i].kind != ADAPTER_SOFTWARE;
	exam->real |= !software;
	return 0;
}

/** read_distros() - of the files, and of the kernel, and what their packages have */
static void read_distros(struct exam *exam)
{
	struct error error;

	distro_read(exam->host, &exam->distro);
	container_read(exam->host, &exam->container);
	exam->kernel_distro = exam->distro;
	exam->check = "image";
	if (packages_open(&exam->packages, NULL, &error)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL,
		     "which packages have what is missing cannot be told: %s", error.text);
		memset(&exam->kernel_distro, 0, sizeof(exam->kernel_distro));
		return;
	}
	distro_commands(&exam->distro, exam->packages, exam->release,
			exam->container.kind != CONTAINER_NONE);
	if (exam->container.kind != CONTAINER_NONE)
		packages_of_kernel(exam->packages, exam->release, &exam->kernel_distro);
}

int check_run(const struct host *host, const struct check_request *request,
	      struct check_report *report, struct error *error)
{
	struct exam *exam = calloc(1, sizeof(*exam));
	int err;

	memset(report, 0, sizeof(*report));
	if (!exam)
		return error_fail(error, -ENOMEM, "out of memory");
	exam->host = host;
	exam->request = request;
	exam->report = report;
	host_read(host, exam->release, sizeof(exam->release), "/proc/sys/kernel/osrelease");
	read_distros(exam);
	err = machine_read(host, &exam->machine, error);
	if (!err)
		err = choose_ports(exam, error);
	for (size_t i = 0; !err && i < CHECKS; i++) {
		if (checks[i].real && !exam->real)
			continue;
		exam->check = checks[i].name;
		exam->image = checks[i].image;
		exam->rdma = checks[i].rdma;
		checks[i].run(exam);
		err = exam->err;
		if (err)
			error_say(error, "out of memory");
	}
	machine_free(&exam->machine);
	packages_close(exam->packages);
	free(exam);
	return err;
}

void check_report_free(struct check_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		free(report->finding[i].subject);
		free(report->finding[i].evidence);
		free(report->finding[i].fix);
	}
	free(report->finding);
	memset(report, 0, sizeof(*report));
}
