/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/container.h. The lines are those of containers of containerd, Docker, Podman and LXC.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "host/machine/container.h"
#include "host/machine/hugetlb.h"
#include "host/machine/mount.h"
#include "tree.h"

#define ROOT        "24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define HOSTS(root) "1049 1042 8:1 " root " /etc/hosts rw,relatime - ext4 /dev/sda1 rw\n"

static const struct {
	const char *mounts, *cgroup;
	enum container_kind kind;
} kinds[] = {
	{ ROOT, "0::/user.slice/user-1000.slice/session-3.scope\n", CONTAINER_NONE },
	{ ROOT, "0::/system.slice/docker.service\n", CONTAINER_NONE },
	{ ROOT, "0::/system.slice/kubelet.service\n", CONTAINER_NONE },
	{ ROOT HOSTS("/var/lib/kubelet/pods/0e7c/etc-hosts"), "0::/\n", CONTAINER_KUBERNETES },
	/* /var is a file system of its own */
	{ ROOT HOSTS("/lib/kubelet/pods/0e7c/etc-hosts"), "0::/\n", CONTAINER_KUBERNETES },
	/* The kubelet's Docker leaves traces of both. */
	{ ROOT HOSTS("/var/lib/docker/containers/3f1d/hosts"),
	  "4:memory:/kubepods/burstable/pod0e7c/3f1d\n", CONTAINER_KUBERNETES },
	{ ROOT HOSTS("/var/lib/docker/containers/3f1d/hosts"), "0::/\n", CONTAINER_DOCKER },
	{ ROOT, "4:memory:/docker/3f1d\n", CONTAINER_DOCKER },
	{ ROOT, "0::/system.slice/docker-3f1d.scope\n", CONTAINER_DOCKER },
	{ ROOT HOSTS("/containers/overlay-containers/3f1d/userdata/hosts"), "0::/\n",
	  CONTAINER_PODMAN },
	{ ROOT, "0::/machine.slice/libpod-3f1d.scope/container\n", CONTAINER_PODMAN },
	{ ROOT, "0::/lxc.payload.c1\n", CONTAINER_LXC },
	{ ROOT "520 512 0:45 /proc/cpuinfo /proc/cpuinfo rw - fuse.lxcfs lxcfs rw\n", "0::/\n",
	  CONTAINER_LXC },
	{ "", "", CONTAINER_NONE },
	{ "24 1 8:1\n24 1 8:1 / / rw\n - \nx - y\n1 2 3 / /etc/hosts rw - x\n", "0:\n:\n\n",
	  CONTAINER_NONE },
};

static void which_kind(void **state)
{
	struct container container;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tree_put(kinds[i].mounts, "proc/self/mountinfo");
		tree_put(kinds[i].cgroup, "proc/self/cgroup");
		container_read(&tree_host, &container);
		if (container.kind != kinds[i].kind)
			fail_msg("%zu: %s", i, container_name(container.kind));
		assert_int_equal(*container.why != '\0', container.kind != CONTAINER_NONE);
	}
}

static void what_pid_1_was_told(void **state)
{
	struct container container;

	(void)state;
	tree_put("podman\n", "run/systemd/container");
	container_read(&tree_host, &container);
	assert_int_equal(container.kind, CONTAINER_PODMAN);
	tree_put("systemd-nspawn\n", "run/systemd/container");
	container_read(&tree_host, &container);
	assert_int_equal(container.kind, CONTAINER_OTHER);
	assert_string_equal(container.why, "/run/systemd/container says container=systemd-nspawn");
}

/** a file that marks a container counts only where there is a namespace or an overlay, too */
static void marks(void **state)
{
	struct container container;

	(void)state;
	tree_put("", ".dockerenv");
	tree_put("kthreadd\n", "proc/2/comm");
	tree_put(ROOT, "proc/self/mountinfo");
	container_read(&tree_host, &container);
	assert_int_equal(container.kind, CONTAINER_NONE);
	tree_put("24 1 0:50 / / rw - overlay overlay rw\n", "proc/self/mountinfo");
	container_read(&tree_host, &container);
	assert_int_equal(container.kind, CONTAINER_DOCKER);
	tree_put(ROOT, "proc/self/mountinfo");
	tree_put("bash\n", "proc/2/comm");
	container_read(&tree_host, &container);
	assert_int_equal(container.kind, CONTAINER_DOCKER);
	tree_put("", "run/secrets/kubernetes.io/serviceaccount/token");
	container_read(&tree_host, &container);
	assert_int_equal(container.kind, CONTAINER_KUBERNETES);
}

static void rights(void **state)
{
	struct container container;

	(void)state;
	container_read(&tree_host, &container);
	assert_false(container.has_capabilities);
	tree_put("Name:\tx\nCapInh:\t0\nCapEff:\t00000000a80425fb\nCapBnd:\t0\n",
		 "proc/self/status");
	tree_put("         0          0 4294967295\n", "proc/self/uid_map");
	container_read(&tree_host, &container);
	assert_true(container.has_capabilities);
	assert_int_equal(container.capabilities, 0xa80425fb);
	assert_false(container.user);
	tree_put("         0       1000          1\n         1     100000      65536\n",
		 "proc/self/uid_map");
	container_read(&tree_host, &container);
	assert_true(container.user);
}

#define PAGES                                                                                      \
	"mkdir -p \"$1\"/sys/kernel/mm/hugepages/hugepages-2048kB "                                \
	"\"$1\"/sys/kernel/mm/hugepages/hugepages-1048576kB"
#define V2 "30 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"

static void limits_of_version_2(void **state)
{
	struct hugetlb_limit limits[HUGETLB_SIZES];

	(void)state;
	assert_int_equal(tree_run(PAGES), 0);
	tree_put(ROOT V2, "proc/self/mountinfo");
	tree_put("0::/a/b\n", "proc/self/cgroup");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 0);
	tree_put("max\n", "sys/fs/cgroup/a/b/hugetlb.2MB.max");
	tree_put("max\n", "sys/fs/cgroup/a/b/hugetlb.2MB.rsvd.max");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 0);
	/* What is above limits too; here it leaves less. */
	tree_put("1073741824\n", "sys/fs/cgroup/a/b/hugetlb.2MB.max");
	tree_put("4194304\n", "sys/fs/cgroup/a/b/hugetlb.2MB.current");
	tree_put("2147483648\n", "sys/fs/cgroup/a/hugetlb.2MB.rsvd.max");
	tree_put("2147483648\n", "sys/fs/cgroup/a/hugetlb.2MB.rsvd.current");
	tree_put("0\n", "sys/fs/cgroup/a/b/hugetlb.1GB.max");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 2);
	assert_int_equal(limits[0].kib, 1048576);
	assert_int_equal(limits[0].limit, 0);
	assert_int_equal(limits[1].kib, 2048);
	assert_string_equal(limits[1].file, "/sys/fs/cgroup/a/hugetlb.2MB.rsvd.max");
	assert_true(limits[1].limit == 2147483648 && limits[1].used == 2147483648);
	tree_put("nonsense\n", "sys/fs/cgroup/a/b/hugetlb.1GB.max");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 1);
}

/** in a cgroup namespace: what is above is not seen, and the path may lead out of it */
static void limits_in_a_namespace(void **state)
{
	struct hugetlb_limit limits[HUGETLB_SIZES];

	(void)state;
	assert_int_equal(tree_run(PAGES), 0);
	tree_put(ROOT V2, "proc/self/mountinfo");
	tree_put("0::/../../other\n", "proc/self/cgroup");
	tree_put("0\n", "sys/fs/cgroup/hugetlb.2MB.max");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 1);
	assert_string_equal(limits[0].file, "/sys/fs/cgroup/hugetlb.2MB.max");
}

static void limits_of_version_1(void **state)
{
	struct hugetlb_limit limits[HUGETLB_SIZES];

	(void)state;
	assert_int_equal(tree_run(PAGES), 0);
	/* Docker without a cgroup namespace: mounted is the container's own part of the hierarchy. */
	tree_put(ROOT
		 "33 32 0:30 /docker/3f1d /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
		 "34 32 0:31 /docker/3f1d /sys/fs/cgroup/hugetlb ro - cgroup cgroup rw,hugetlb\n"
		 "35 32 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		 "proc/self/mountinfo");
	tree_put("5:hugetlb:/docker/3f1d\n4:memory:/docker/3f1d\n0::/\n", "proc/self/cgroup");
	tree_put("9223372036852678656\n", "sys/fs/cgroup/hugetlb/hugetlb.2MB.limit_in_bytes");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 0);
	tree_put("4194304\n", "sys/fs/cgroup/hugetlb/hugetlb.2MB.limit_in_bytes");
	tree_put("2097152\n", "sys/fs/cgroup/hugetlb/hugetlb.2MB.usage_in_bytes");
	assert_int_equal(hugetlb_limits(&tree_host, limits), 1);
	assert_int_equal(limits[0].limit, 4194304);
	assert_int_equal(limits[0].used, 2097152);
	assert_string_equal(limits[0].file, "/sys/fs/cgroup/hugetlb/hugetlb.2MB.limit_in_bytes");
}

static void readonly_mounts(void **state)
{
	(void)state;
	tree_put(ROOT "26 24 0:5 / /sys rw - sysfs sysfs rw\n", "proc/self/mountinfo");
	assert_false(mount_is_readonly(&tree_host, "/sys"));
	tree_put(ROOT "26 24 0:5 / /sys ro,nosuid - sysfs sysfs rw\n", "proc/self/mountinfo");
	assert_true(mount_is_readonly(&tree_host, "/sys"));
	assert_false(mount_is_readonly(&tree_host, "/proc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(which_kind, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(what_pid_1_was_told, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(marks, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(rights, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(limits_of_version_2, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(limits_in_a_namespace, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(limits_of_version_1, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(readonly_mounts, tree_setup, tree_teardown),
	};

	return cmocka_run_group_tests_name("host container", tests, NULL, NULL);
}
