/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: what each manager reads, and what makes it read again, is in a table.
 *
 * NetworkManager: keyfile.unmanaged-devices, to which each file can add (NetworkManager.conf(5)). It
 * is the only one of its settings that takes effect on an interface that is there, and in both
 * directions, when the configuration is read again; managed=0 of a [device] section and udev's
 * NM_UNMANAGED are looked at once in an interface's life.
 *
 * systemd-networkd: Unmanaged=yes in the first .network file that matches. The files of all
 * directories are sorted by their names, and '-' comes before the digits: so this one comes before
 * netplan's 10-netplan-*, and before 00-* (systemd.network(5)).
 *
 * cloud-init has a rule of udev that calls it for each interface that appears or disappears, upon
 * which it may configure the network anew. RUN:= ends the list of programs that udev runs for this
 * interface. systemd's own, which sets the interface's sysctls, stays in it.
 */
#include "host/handover/unmanage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/mac.h"
#include "process/child.h"

#define NEW      ".new" /* added to the name of a file that is being written */
#define RUN_MS   15000  /* until a command must have ended */
#define STOP_MS  2000   /* until it must have ended once it was told to */
#define TEXT_MAX 1024u
#define SAID_MAX 200u

#define LOOK_AGAIN                                                                                 \
	"udevadm trigger --settle --action=change --subsystem-match=net --attr-match=address=%s"

/* NMDeviceState: what is between the two is on the way up */
#define NM_DISCONNECTED 30
#define NM_ACTIVATED    100

static const char head[] = "# Written by 'manakin setup'; 'manakin restore' removes it.\n";

static void print_networkmanager(FILE *out, const char *mac, const char *digits)
{
	(void)digits;
	fprintf(out, "[keyfile]\nunmanaged-devices+=mac:%s\n", mac);
}

static void print_networkd(FILE *out, const char *mac, const char *digits)
{
	(void)digits;
	fprintf(out, "[Match]\nPermanentMACAddress=%s\n\n[Link]\nUnmanaged=yes\n", mac);
}

static void print_udev(FILE *out, const char *mac, const char *digits)
{
	fprintf(out,
		"ACTION==\"add\", SUBSYSTEM==\"net\", ATTR{address}==\"%s\", "
		"RUN:=\"/lib/systemd/systemd-sysctl --prefix=/net/ipv4/conf/$name "
		"--prefix=/net/ipv4/neigh/$name --prefix=/net/ipv6/conf/$name "
		"--prefix=/net/ipv6/neigh/$name\"\n"
		"ACTION==\"remove\", SUBSYSTEM==\"net\", ENV{ID_NET_NAME_MAC}==\"enx%s\", "
		"RUN:=\"/bin/true\"\n",
		mac, digits);
}

/**
 * The managers
 * @directory:	of its files; @before and @after are the file's name without the address
 * @again:	makes it read them
 * @first:	before the file is removed; "%s" is the address
 */
static const struct {
	const char *directory, *before, *after;
	void (*print)(FILE *out, const char *mac, const char *digits);
	const char *again, *first;
} table[MANAGERS] = {
	[MANAGER_NETWORKMANAGER] = { "/run/NetworkManager/conf.d", "manakin-", ".conf",
				     print_networkmanager, "nmcli general reload conf",
				     LOOK_AGAIN },
	[MANAGER_NETWORKD] = { "/run/systemd/network", "0-manakin-", ".network", print_networkd,
			       "networkctl reload", LOOK_AGAIN },
	[MANAGER_CLOUD_INIT] = { "/run/udev/rules.d", "0-manakin-", ".rules", print_udev,
				 "udevadm control --reload", "udevadm settle --timeout=10" },
};

/** digits_of() - of a MAC address; false: it is none */
static bool digits_of(const char *key, char digits[13])
{
	uint8_t mac[6];

	if (mac_parse(key, mac))
		return false;
	snprintf(digits, 13, "%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return true;
}

bool unmanage_path(enum manager manager, const char *key, char path[UNMANAGE_PATH])
{
	char digits[13];

	if (!digits_of(key, digits))
		return false;
	snprintf(path, UNMANAGE_PATH, "%s/%s%s%s", table[manager].directory, table[manager].before,
		 digits, table[manager].after);
	return true;
}

void unmanage_print(FILE *out, enum manager manager, const char *key)
{
	char digits[13];

	if (!digits_of(key, digits))
		return;
	fputs(head, out);
	table[manager].print(out, key, digits);
}

/** text_of() - the same as a string; false: no memory */
static bool text_of(enum manager manager, const char *key, char text[TEXT_MAX])
{
	FILE *out = fmemopen(text, TEXT_MAX, "w");

	if (!out)
		return false;
	unmanage_print(out, manager, key);
	return !fclose(out);
}

bool unmanage_is(const struct host *host, enum manager manager, const char *key)
{
	char path[UNMANAGE_PATH], want[TEXT_MAX], have[TEXT_MAX];

	if (!unmanage_path(manager, key, path) || !text_of(manager, key, want) ||
	    host_read(host, have, sizeof(have), "%s", path) < 0)
		return false;
	want[strlen(want) - 1] = '\0'; /* host_read() leaves out the last line feed */
	return !strcmp(want, have);
}

bool unmanage_has(const struct host *host, enum manager manager, const char *key)
{
	char path[UNMANAGE_PATH];

	return unmanage_path(manager, key, path) &&
	       (host_exists(host, "%s", path) || host_exists(host, "%s" NEW, path));
}

/** directory() - open a manager's directory; @make: create what is missing of it */
static int directory(const struct host *host, enum manager manager, bool make)
{
	const char *path = table[manager].directory + 1;

	return make ? beneath_directory(host->fd, path, 0755)
		    : beneath_open(host->fd, path, O_RDONLY | O_DIRECTORY, 0);
}

/** write_file() - under a name that the manager ignores, then rename it */
static int write_file(int dir, const char *name, const char *new, const char *text)
{
	int fd = openat(dir, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	int err;

	if (fd < 0)
		return -errno;
	err = beneath_write(fd, text);
	if (!err && fchmod(fd, 0644)) /* whatever the umask: systemd-networkd is not root */
		err = -errno;
	close(fd);
	if (!err && renameat(dir, new, dir, name))
		err = -errno;
	if (err)
		unlinkat(dir, new, 0);
	return err;
}

int unmanage_put(const struct host *host, enum manager manager, const char *key)
{
	char path[UNMANAGE_PATH], new[UNMANAGE_PATH + sizeof(NEW)], text[TEXT_MAX];
	const char *name;
	int dir, err;

	if (!unmanage_path(manager, key, path) || !text_of(manager, key, text))
		return -EINVAL;
	name = strrchr(path, '/') + 1;
	snprintf(new, sizeof(new), "%s" NEW, name);
	dir = directory(host, manager, true);
	if (dir < 0)
		return dir;
	err = write_file(dir, name, new, text);
	close(dir);
	return err;
}

int unmanage_remove(const struct host *host, enum manager manager, const char *key)
{
	char path[UNMANAGE_PATH], new[UNMANAGE_PATH + sizeof(NEW)];
	const char *name;
	int dir, err;

	if (!unmanage_path(manager, key, path))
		return -EINVAL;
	name = strrchr(path, '/') + 1;
	snprintf(new, sizeof(new), "%s" NEW, name);
	dir = directory(host, manager, false);
	if (dir < 0) /* through a link setup wrote nothing */
		return dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP ? 0 : dir;
	err = unlinkat(dir, new, 0) && errno != ENOENT ? -errno : 0;
	if (!err && unlinkat(dir, name, 0) && errno != ENOENT)
		err = -errno;
	close(dir);
	return err;
}

const char *unmanage_command(const struct host *host, enum manager manager)
{
	return host_is_machine(host) &&
			       (manager == MANAGER_CLOUD_INIT || manager_runs(host, manager))
		       ? table[manager].again
		       : NULL;
}

char *unmanage_first(const struct host *host, enum manager manager, const char *key)
{
	char *command = NULL;

	if (!host_is_machine(host))
		return NULL;
	return asprintf(&command, table[manager].first, key) < 0 ? NULL : command;
}

/** arguments() - a command's words, its program with the directory that it is in; or NULL */
static char **arguments(const struct host *host, const char *command)
{
	/* Not PATH: this runs as root, perhaps in another user's environment. */
	static const char *const directories[] = { "/usr/bin", "/usr/sbin", "/bin", "/sbin" };
	char text[160], *rest = text, *word, **argv = NULL;
	const char *found = NULL;
	int err = 0;

	snprintf(text, sizeof(text), "%s", command);
	word = strsep(&rest, " ");
	for (size_t i = 0; !found && i < sizeof(directories) / sizeof(directories[0]); i++)
		if (host_exists(host, "%s/%s", directories[i], word))
			found = directories[i];
	if (!found)
		return NULL;
	err = child_args_add(&argv, "%s/%s", found, word);
	while (!err && (word = strsep(&rest, " ")))
		err = child_args_add(&argv, "%s", word);
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}

/** listen_to() - keep the beginning of what a program prints until it ends; 0 or -ETIMEDOUT */
static int listen_to(int from, char *said, size_t size)
{
	uint64_t deadline = clock_deadline(RUN_MS);
	struct pollfd fd = { .fd = from, .events = POLLIN };
	char rest[256];
	size_t len = 0;
	ssize_t n;

	while (!clock_passed(deadline)) {
		if (poll(&fd, 1, 100) <= 0)
			continue;
		n = len < size - 1 ? read(from, said + len, size - 1 - len)
				   : read(from, rest, sizeof(rest));
		if (n <= 0)
			return 0;
		if (len < size - 1)
			len += (size_t)n;
		said[len] = '\0';
	}
	return -ETIMEDOUT;
}

/**
 * run() - run a program to its end
 * @said:	filled in with the first line that it printed
 */
static int run(const struct host *host, const char *command, char said[SAID_MAX],
	       struct error *error)
{
	struct child_plan plan = { .argv = arguments(host, command) };
	struct child child;
	char fate[80];
	int fds[2], err, status;

	*said = '\0';
	if (!plan.argv)
		return error_fail(error, -ENOENT, "'%s': there is no such program", command);
	err = pipe2(fds, O_CLOEXEC) ? -errno : 0;
	if (!err) {
		plan.out = plan.err = fds[1];
		err = child_start(&child, &plan);
		close(fds[1]);
		if (err)
			close(fds[0]);
	}
	child_args_free(plan.argv);
	if (err)
		return error_fail(error, err, "cannot start '%s': %s", command, error_reason(-err));
	err = listen_to(fds[0], said, SAID_MAX);
	close(fds[0]);
	status = child_stop(&child, err ? SIGTERM : 0, err ? STOP_MS : -1);
	said[strcspn(said, "\n")] = '\0';
	if (err)
		return error_fail(error, err, "'%s' has not ended within %d seconds", command,
				  RUN_MS / 1000);
	if (status)
		return error_fail(error, -EIO, "'%s' %s%s%s", command,
				  child_fate(status, fate, sizeof(fate)), *said ? ": " : "", said);
	return 0;
}

int unmanage_run(const struct host *host, const char *command, struct error *error)
{
	char said[SAID_MAX];

	return command ? run(host, command, said, error) : 0;
}

bool unmanage_busy(const struct host *host, enum manager manager, const char *name)
{
	char command[80], said[SAID_MAX];
	struct error error;
	int state;

	if (manager != MANAGER_NETWORKMANAGER)
		return false;
	snprintf(command, sizeof(command), "nmcli -g GENERAL.STATE device show %s", name);
	if (run(host, command, said, &error))
		return false;
	state = atoi(said);
	return state > NM_DISCONNECTED && state < NM_ACTIVATED;
}
