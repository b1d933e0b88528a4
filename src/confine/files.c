/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine/files.c - no file of the machine is within reach.
 *
 * Theory of operation
 *
 * Landlock refuses every access by name, and TCP besides; what is open already stays usable.
 * Exceptions are the folders from which sockets are removed at the end: files in them, and empty
 * folders, can be removed and nothing else. It needs no privilege.
 *
 * A kernel without Landlock has mount namespaces. Whoever may make one moves to one that holds an
 * empty, read-only file system, and the old one is no longer mounted. Nothing can be removed at the
 * end; a socket that is left behind is replaced at the next start.
 */
#include "confine/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compat.h"

#define SCAFFOLD          "/proc" /* a folder that every machine has: the empty one is put together there */

/*
 * Linux, include/uapi/linux/landlock.h of 6.12. The headers that the program is compiled with may
 * be older than the kernel that it runs on.
 */
#define VERSION_FLAG      1u
#define RULE_PATH_BENEATH 1
#define FS_REMOVE_DIR     (1ull << 4)
#define FS_REMOVE_FILE    (1ull << 5)
#define NET_ALL           3ull
#define SCOPE_ABSTRACT    1ull

/** struct ruleset - struct landlock_ruleset_attr */
struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/** struct beneath - struct landlock_path_beneath_attr */
struct beneath {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

static_assert(sizeof(struct ruleset) == 24, "landlock_ruleset_attr");
static_assert(sizeof(struct beneath) == 12, "landlock_path_beneath_attr");

/** rights() - what this version can refuse: rights of files, and the size of its structure */
static uint64_t rights(int version, size_t *size)
{
	/* Version 1 has 13; refer, truncate and ioctl of devices came in 2, 3 and 5. */
	unsigned int n = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;

	*size = version >= 6   ? sizeof(struct ruleset)
		: version >= 4 ? offsetof(struct ruleset, scoped)
			       : offsetof(struct ruleset, handled_access_net);
	return (1ull << n) - 1;
}

/** allow_removal() - an exception; a folder that cannot be opened has none */
static void allow_removal(int ruleset, const char *folder)
{
	struct beneath beneath = { .allowed_access = FS_REMOVE_FILE | FS_REMOVE_DIR };

	beneath.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &beneath, 0);
	close(beneath.parent_fd);
}

/** make_ruleset() - Landlock's; a descriptor or a negative errno */
static int make_ruleset(const struct confine_config *config)
{
	struct ruleset wanted = { .handled_access_net = NET_ALL };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
	size_t size;
	int fd;

	if (version < 0)
		return -errno;
	wanted.handled_access_fs = rights((int)version, &size);
	if (!config->sends_abstract)
		wanted.scoped = SCOPE_ABSTRACT;
	fd = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
	if (fd < 0)
		return -errno;
	for (unsigned int i = 0; i < config->n_folders; i++)
		allow_removal(fd, config->folders[i]);
	return fd;
}

/** make_root() - move this thread to an empty mount namespace; its descriptor or a negative errno */
static int make_root(void)
{
	int root, err;

	if (unshare(CLONE_FS | CLONE_NEWNS) < 0)
		return -errno;
	root = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	/*
	 * Whoever enters the namespace has its root. It is the one to be replaced, and a process in
	 * a chroot has another.
	 */
	if (setns(root, CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", SCAFFOLD, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "nr_inodes=1") == 0 &&
	    chdir(SCAFFOLD) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
	    umount2(".", MNT_DETACH) == 0 && chdir("/") == 0)
		return root;
	err = -errno;
	close(root);
	return err;
}

int files_prepare(struct files *files, const struct confine_config *config)
{
	*files = (struct files){ .root = -1 };
	files->ruleset = make_ruleset(config);
	if (files->ruleset >= 0)
		return 0;
	files->ruleset = -1;
	files->root = make_root();
	return files->root < 0 ? files->root : 0;
}

int files_enter_root(const struct files *files)
{
	if (files->root < 0)
		return 0;
	/* A thread that shares its root with others cannot change namespaces. */
	return unshare(CLONE_FS) < 0 || setns(files->root, CLONE_NEWNS) < 0 ? -errno : 0;
}

int files_enter_ruleset(const struct files *files)
{
	if (files->ruleset < 0)
		return 0;
	return syscall(SYS_landlock_restrict_self, files->ruleset, 0) < 0 ? -errno : 0;
}

void files_release(struct files *files)
{
	if (files->ruleset >= 0)
		close(files->ruleset);
	if (files->root >= 0)
		close(files->root);
}
