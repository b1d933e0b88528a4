/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/check/exam.h - what the files with the checks share.
 */
#ifndef MANAKIN_HOST_CHECK_EXAM_H
#define MANAKIN_HOST_CHECK_EXAM_H

#include "host/check/check.h"
#include "host/machine/distro.h"
#include "host/machine/port.h"

#define EXAM_PORTS 256u

/**
 * struct exam - a run of the checks
 * @port:	the ports to check: those named, or all; @asked: the user named them
 * @real:	an adapter in hardware (or one that is missing) is checked, not only adapters in
 *		software
 * @hyperv:	the machine is a guest of Hyper-V; @azure: of Azure
 * @release:	of the kernel
 * @check:	name of the running check
 * @err:	-ENOMEM, if memory ran out
 */
struct exam {
	const struct host *host;
	const struct check_request *request;
	struct check_report *report;
	struct machine machine;
	const struct mana_port *port[EXAM_PORTS];
	size_t n_ports;
	bool asked;
	bool real;
	bool hyperv, azure;
	char release[128];
	struct distro distro;
	const char *check;
	int err;
};

/**
 * find() - report a finding
 * @subject, @fix: may be NULL
 * @format:	and what follows: the evidence
 */
__attribute__((format(printf, 5, 6))) void find(struct exam *exam, enum verdict verdict,
						const char *subject, const char *fix,
						const char *format, ...);

/** exam_adapter() - the adapter of a port, NULL if it has none */
const struct mana_adapter *exam_adapter(const struct exam *exam, const struct mana_port *port);

/* The checks; see the table in check.c */
void check_linux(struct exam *exam);
void check_azure(struct exam *exam);
void check_adapter(struct exam *exam);
void check_kernel(struct exam *exam);
void check_modules(struct exam *exam);
void check_image(struct exam *exam);
void check_rdma_core(struct exam *exam);
void check_rdma_provider(struct exam *exam);
void check_rdma_device(struct exam *exam);
void check_interfaces(struct exam *exam);
void check_managers(struct exam *exam);
void check_queues(struct exam *exam);
void check_descriptors(struct exam *exam);
void check_dpdk(struct exam *exam);
void check_hugepages(struct exam *exam);
void check_hugetlbfs(struct exam *exam);
void check_memlock(struct exam *exam);
void check_files(struct exam *exam);
void check_failsafe(struct exam *exam);

#endif
