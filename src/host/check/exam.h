/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/check/exam.h - what the files with the checks share.
 */
#ifndef MANAKIN_HOST_CHECK_EXAM_H
#define MANAKIN_HOST_CHECK_EXAM_H

#include "host/check/check.h"
#include "host/machine/container.h"
#include "host/machine/distro.h"
#include "host/machine/packages.h"
#include "host/machine/port.h"

#define EXAM_PORTS 256u
#define EXAM_WORDS 640u

/**
 * struct exam - a run of the checks
 * @port:	the ports to check: those named, or all; @asked: the user named them
 * @real:	an adapter in hardware (or one that is missing) is checked, not only adapters in
 *		software
 * @hyperv:	the machine is a guest of Hyper-V; @azure: of Azure
 * @release:	of the kernel
 * @distro:	that the files are of; @kernel_distro: that the kernel is of: another one in a
 *		container, and then without a name if it is not known
 * @packages:	which package has which module; NULL: that cannot be read
 * @container:	that this process is in
 * @check:	name of the running check; @image: in a container it is about the image; @rdma: it is
 *		about applications of RDMA
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
	struct distro distro, kernel_distro;
	struct packages *packages;
	struct container container;
	const char *check;
	bool image, rdma;
	int err;
};

/**
 * find() - report a finding
 * @subject, @fix: may be NULL. In a container a command with sudo is one for the host, or for the
 *		image, and is reported as such, without sudo
 * @format:	and what follows: the evidence
 */
__attribute__((format(printf, 5, 6))) void find(struct exam *exam, enum verdict verdict,
						const char *subject, const char *fix,
						const char *format, ...);

/** exam_adapter() - the adapter of a port, NULL if it has none */
const struct mana_adapter *exam_adapter(const struct exam *exam, const struct mana_port *port);

/**
 * exam_module() - how a kernel without a module gets it
 * @fix:	filled in; empty: no command is known to bring it
 * @words:	filled in: what the kernel's distribution has, and which others do
 */
void exam_module(const struct exam *exam, const char *module, char fix[256],
		 char words[EXAM_WORDS]);

/** What a container can lack that it is started with */
enum container_want {
	WANT_HUGEPAGES, /* of 2 MB */
	WANT_HUGETLBFS,
	WANT_MEMLOCK,
	WANT_FILES,
	WANT_NET_RAW,
	WANT_INFINIBAND,
	WANT_NETWORK,
	WANT_SYSFS,
};

/** container_fix() - a line of a pod's spec, of `docker run` or the like; NULL: not in a container */
const char *container_fix(const struct exam *exam, enum container_want want);

/** exam_upgraded() - are there modules of other kernels than the running one? */
bool exam_upgraded(const struct exam *exam);

/** module_fix() - the command that ends what module_blocked() found, and loads the module */
void module_fix(const char *name, const char *where, const char *what, char fix[256]);

/** judge_driverless() - an adapter whose PCI function has no driver: why not? */
void judge_driverless(struct exam *exam, const struct mana_adapter *adapter);

/** judge_no_adapter() - there is no PCI function of MANA: is accelerated networking off? */
void judge_no_adapter(struct exam *exam);

/** exam_driverless() - an adapter without a driver; NULL: all have one */
const struct mana_adapter *exam_driverless(const struct exam *exam);

/* The checks; see the table in check.c */
void check_linux(struct exam *exam);
void check_container(struct exam *exam);
void check_azure(struct exam *exam);
void check_adapter(struct exam *exam);
void check_kernel(struct exam *exam);
void check_modules(struct exam *exam);
void check_kernel_bugs(struct exam *exam);
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
void check_rdma_kernel(struct exam *exam);
void check_rdma_library(struct exam *exam);
void check_rdma_ports(struct exam *exam);

#endif
