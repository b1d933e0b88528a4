/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check of the container that this process is in: what it must be started with. What follows
 * from the kernel, its modules and the adapter is the host's; find() says so of their commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/check/exam.h"
#include "host/machine/ask.h"
#include "host/machine/mount.h"

/**
 * Lines by kind of container; %s stands for docker or podman. Hugepages and locked memory are as
 * Kubernetes' documents have them ("Manage HugePages"); a pod's spec has no limit of locked memory.
 */
static const struct {
	const char *pod, *run, *lxc;
} lines[] = {
	[WANT_HUGEPAGES] = {
		"resources: {limits: {hugepages-2Mi: 1Gi, memory: 1Gi}}",
		"%s run --cgroup-parent=<a cgroup without a hugetlb limit>",
		"lxc.cgroup2.hugetlb.2MB.max = max",
	},
	[WANT_HUGETLBFS] = {
		"volumes: [{name: hugepages, emptyDir: {medium: HugePages}}] and "
		"volumeMounts: [{name: hugepages, mountPath: /dev/hugepages}]",
		"%s run --volume=/dev/hugepages:/dev/hugepages",
		"lxc.mount.entry = /dev/hugepages dev/hugepages none bind,create=dir",
	},
	[WANT_MEMLOCK] = {
		"securityContext: {capabilities: {add: [IPC_LOCK]}}",
		"%s run --ulimit=memlock=-1",
		"lxc.prlimit.memlock = unlimited",
	},
	[WANT_FILES] = {
		"EAL's --single-file-segments",
		"%s run --ulimit=nofile=1048576, or EAL's --single-file-segments",
		"lxc.prlimit.nofile = 1048576, or EAL's --single-file-segments",
	},
	[WANT_NET_RAW] = {
		"securityContext: {capabilities: {add: [NET_RAW]}}",
		"%s run --cap-add=NET_RAW",
		"lxc.cap.keep = net_raw, or no lxc.cap.drop of it",
	},
	[WANT_INFINIBAND] = {
		"securityContext: {privileged: true} with "
		"volumes: [{name: infiniband, hostPath: {path: /dev/infiniband}}] and "
		"volumeMounts: [{name: infiniband, mountPath: /dev/infiniband}]",
		"%s run --device=/dev/infiniband",
		"lxc.mount.entry = /dev/infiniband dev/infiniband none bind,create=dir and "
		"lxc.cgroup2.devices.allow = c 231:* rw",
	},
	[WANT_NETWORK] = {
		"hostNetwork: true",
		"%s run --network=host",
		"lxc.net.0.type = none",
	},
	[WANT_SYSFS] = {
		"securityContext: {privileged: true}",
		"%s run --volume=/sys:/sys",
		"lxc.mount.auto = sys:rw",
	},
};

/** runtime() - the command that runs such containers */
static const char *runtime(const struct exam *exam)
{
	return exam->container.kind == CONTAINER_PODMAN ? "podman" : "docker";
}

const char *container_fix(const struct exam *exam, enum container_want want)
{
	static char text[128];

	switch (exam->container.kind) {
	case CONTAINER_NONE:
		return NULL;
	case CONTAINER_KUBERNETES:
		return lines[want].pod;
	case CONTAINER_LXC:
		return lines[want].lxc;
	case CONTAINER_DOCKER:
	case CONTAINER_PODMAN:
	case CONTAINER_OTHER:
		break;
	}
	snprintf(text, sizeof(text), lines[want].run, runtime(exam));
	return text;
}

/** uio_fix() - the same, to have a device of a port that was handed over */
static const char *uio_fix(const struct exam *exam, const char *path, char *text, size_t size)
{
	switch (exam->container.kind) {
	case CONTAINER_NONE:
		return NULL;
	case CONTAINER_KUBERNETES:
		return "securityContext: {privileged: true}";
	case CONTAINER_LXC:
		snprintf(text, size, "lxc.mount.entry = %s %s none bind,create=file", path,
			 path + 1);
		return text;
	case CONTAINER_DOCKER:
	case CONTAINER_PODMAN:
	case CONTAINER_OTHER:
		break;
	}
	snprintf(text, size, "%s run --device=%s", runtime(exam), path);
	return text;
}

/** judge_capabilities() - those that the kernel asks of net_mana */
static void judge_capabilities(struct exam *exam)
{
	const struct container *container = &exam->container;

	if (!container->has_capabilities) {
		find(exam, VERDICT_UNKNOWN, "capabilities", NULL, "/proc/self/status has none");
		return;
	}
	if (!(container->capabilities >> CAP_NET_RAW & 1))
		find(exam, VERDICT_FAIL, "capabilities", container_fix(exam, WANT_NET_RAW),
		     "no CAP_NET_RAW: the kernel refuses net_mana's queue pairs, which are raw "
		     "(IBV_QPT_RAW_PACKET)");
	else if (container->user)
		find(exam, VERDICT_WARNING, "capabilities", "run the container as root",
		     "CAP_NET_RAW of a user namespace (rootless): before 6.17 the kernel wants it "
		     "of the host's for net_mana's raw queue pairs");
	else
		find(exam, VERDICT_OK, "capabilities", NULL, "CAP_NET_RAW%s%s",
		     container->capabilities >> CAP_IPC_LOCK & 1 ? ", CAP_IPC_LOCK" : "",
		     container->capabilities >> CAP_SYS_ADMIN & 1 ? ", CAP_SYS_ADMIN" : "");
}

/** judge_network() - are the adapters' interfaces in this network namespace? */
static void judge_network(struct exam *exam)
{
	for (size_t i = 0; i < exam->machine.n_adapters; i++) {
		const struct mana_adapter *adapter = &exam->machine.adapter[i];
		bool seen = false;

		if (adapter->kind == ADAPTER_SOFTWARE || strcmp(adapter->driver, "mana") != 0)
			continue;
		for (size_t j = 0; j < exam->machine.n_ports; j++)
			seen |= exam->machine.port[j].adapter == (int)i && exam->machine.port[j].vf;
		if (!seen)
			find(exam, VERDICT_FAIL, adapter->address,
			     container_fix(exam, WANT_NETWORK),
			     "its interfaces are not in this network namespace, and net_mana looks "
			     "for a port's MAC address among those that it sees below "
			     "/sys/bus/pci/devices/%s/net",
			     adapter->address);
	}
}

/** opened() - can a device be opened? 0 or a negative errno; -ENODATA: not known, of a tree */
static int opened(const struct host *host, const char *path)
{
	json_t *answer;
	int fd, err;

	if (host->tree)
		return -ENODATA;
	if (ask_recall(host, &answer, &err, "opened%s", path)) {
		json_decref(answer);
		return err;
	}
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	err = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	ask_note(host, err, json_true(), "opened%s", path);
	return err;
}

/** judge_device_file() - is a device there, and may it be opened? */
static void judge_device_file(struct exam *exam, const char *path, const char *fix)
{
	int err;

	if (!host_exists(exam->host, "%s", path)) {
		find(exam, VERDICT_FAIL, path, fix,
		     "not in this container: the runtime gives it only the devices that it is "
		     "told to");
		return;
	}
	/* A device that the cgroup forbids is seen by opening it alone. */
	err = opened(exam->host, path);
	if (err && err != -ENODATA)
		find(exam, VERDICT_FAIL, path, fix, "cannot be opened: %s%s", strerror(-err),
		     err == -EPERM ? "; the container's cgroup does not allow this device" : "");
	else
		find(exam, VERDICT_OK, path, NULL, "in this container");
}

/** judge_devices() - those of the adapters' RDMA devices, and of ports that are handed over */
static void judge_devices(struct exam *exam)
{
	bool netvsc = false;

	for (size_t i = 0; i < exam->machine.n_adapters; i++) {
		struct names names;

		if (exam->machine.adapter[i].kind == ADAPTER_SOFTWARE)
			continue;
		host_list(exam->host, &names, "/sys/bus/pci/devices/%s/infiniband_verbs",
			  exam->machine.adapter[i].address);
		for (size_t j = 0; j < names.n; j++) {
			char path[64];

			snprintf(path, sizeof(path), "/dev/infiniband/%.40s", names.name[j]);
			judge_device_file(exam, path, container_fix(exam, WANT_INFINIBAND));
		}
		names_free(&names);
	}
	for (size_t i = 0; i < exam->machine.n_ports; i++) {
		const struct mana_port *port = &exam->machine.port[i];
		struct names names;

		if (port->owner != OWNER_NETVSC)
			continue;
		netvsc = true;
		host_list(exam->host, &names, "/sys/bus/vmbus/devices/%s/uio", port->uuid);
		for (size_t j = 0; j < names.n; j++) {
			char path[64], fix[224];

			snprintf(path, sizeof(path), "/dev/%.40s", names.name[j]);
			judge_device_file(exam, path, uio_fix(exam, path, fix, sizeof(fix)));
		}
		names_free(&names);
	}
	if (netvsc && mount_is_readonly(exam->host, "/sys"))
		find(exam, VERDICT_WARNING, "/sys", container_fix(exam, WANT_SYSFS),
		     "mounted read-only, but DPDK's netvsc opens the rings of its channels there "
		     "for writing");
}

void check_container(struct exam *exam)
{
	static const char *const names[] = {
		[CONTAINER_KUBERNETES] = "a pod of Kubernetes",
		[CONTAINER_DOCKER] = "a container of Docker",
		[CONTAINER_PODMAN] = "a container of Podman",
		[CONTAINER_LXC] = "a container of LXC",
		[CONTAINER_OTHER] = "a container",
	};
	const struct container *container = &exam->container;

	if (container->kind == CONTAINER_NONE)
		return;
	find(exam, VERDICT_OK, NULL, NULL,
	     "%s (%s); kernel, modules, adapter, hugepages and interfaces are the host's",
	     names[container->kind], container->why);
	judge_capabilities(exam);
	if (!exam->real)
		return;
	judge_network(exam);
	judge_devices(exam);
}
