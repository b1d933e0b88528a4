/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: an interface does not show what is built on it in another namespace. Only
 * the other one does, in IFLA_LINK: the number of ours, with the id that our namespace has there
 * (IFLA_LINK_NETNSID). So each namespace is entered, once, by a thread of its own, since setns(2)
 * moves only the thread that calls it: the process itself stays where it is.
 *
 * A namespace is found by a process in it, or by a mount that keeps it, such as those of ip-netns(8)
 * and of container runtimes. One that only an open file keeps is not found.
 */
#include "host/machine/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host/machine/netlink.h"

#define TRIES 20u /* of a dump, while interfaces come and go */

/**
 * struct search - the namespaces in which was looked, and what is there
 * @own:	descriptor of ours
 * @seen:	inode numbers of @n_seen
 * @id:		of ours, in the namespace that is searched
 * @where:	that namespace, in words
 */
struct search {
	struct netns_children *found;
	int own;
	unsigned long long *seen;
	size_t n_seen;
	int id;
	const char *where;
	int err;
};

void netns_children_free(struct netns_children *found)
{
	free(found->child);
	memset(found, 0, sizeof(*found));
}

/**
 * is_new() - was no namespace of this name searched yet? It is noted.
 * @name:	"net:[4026531840]"
 */
static bool is_new(struct search *search, const char *name)
{
	unsigned long long inode, *more;

	if (sscanf(name, "net:[%llu]", &inode) != 1)
		return false;
	for (size_t i = 0; i < search->n_seen; i++)
		if (search->seen[i] == inode)
			return false;
	more = reallocarray(search->seen, search->n_seen + 1, sizeof(*more));
	if (!more) {
		search->err = -ENOMEM;
		return false;
	}
	search->seen = more;
	more[search->n_seen++] = inode;
	return true;
}

/**
 * struct link - an interface of the other namespace
 * @id:		of the namespace that the one it is built on is in; -1: the same
 */
struct link {
	struct netns_child child;
	int id;
};

static int kind_attribute(const struct nlattr *attr, void *arg)
{
	struct link *link = arg;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		snprintf(link->child.kind, sizeof(link->child.kind), "%.*s",
			 (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int link_attribute(const struct nlattr *attr, void *arg)
{
	struct link *link = arg;
	uint16_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		snprintf(link->child.name, sizeof(link->child.name), "%.*s", (int)len,
			 mnl_attr_get_str(attr));
		break;
	case IFLA_LINK:
		if (len == sizeof(uint32_t))
			link->child.lower = (int)mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK_NETNSID:
		if (len == sizeof(uint32_t))
			link->id = (int)mnl_attr_get_u32(attr);
		break;
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(attr, kind_attribute, link);
	default:
		break;
	}
	return MNL_CB_OK;
}

/** is_pair() - do interfaces of this kind name their other end, and not what they are built on? */
static bool is_pair(const char *kind)
{
	return !strcmp(kind, "veth") || !strcmp(kind, "netkit") || !strcmp(kind, "vxcan");
}

static int add_link(const struct nlmsghdr *header, void *arg)
{
	struct search *search = arg;
	struct netns_child *more;
	struct link link = { .id = -1 };

	if (header->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_parse(header, sizeof(struct ifinfomsg), link_attribute, &link);
	if (link.id < 0 || link.id != search->id || is_pair(link.child.kind))
		return MNL_CB_OK;
	more = reallocarray(search->found->child, search->found->n + 1, sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	search->found->child = more;
	snprintf(link.child.where, sizeof(link.child.where), "%s", search->where);
	more[search->found->n++] = link.child;
	return MNL_CB_OK;
}

static int id_attribute(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == NETNSA_NSID &&
	    mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
		*(int *)arg = (int)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int add_id(const struct nlmsghdr *header, void *arg)
{
	if (header->nlmsg_type != RTM_NEWNSID)
		return MNL_CB_OK;
	return mnl_attr_parse(header, sizeof(struct rtgenmsg), id_attribute, arg);
}

/** own_id() - the id of our namespace in the one of the socket; -1: it has none */
static int own_id(struct mnl_socket *socket, int own)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	int id = -1;

	netlink_begin(request, RTM_GETNSID, 0, sizeof(struct rtgenmsg));
	mnl_attr_put_u32((struct nlmsghdr *)request, NETNSA_FD, (uint32_t)own);
	return netlink_talk(socket, request, add_id, &id) ? -1 : id;
}

/** links() - the interfaces of the socket's namespace that are built on ours */
static int links(struct search *search, struct mnl_socket *socket)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

	netlink_begin(request, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	return netlink_talk(socket, request, add_link, search);
}

/** search_one() - one namespace; @fd: of it, closed */
static void search_one(struct search *search, int fd, const char *where)
{
	struct mnl_socket *socket = NULL;
	size_t before = search->found->n;
	int err = -EINTR;

	if (!setns(fd, CLONE_NEWNET))
		socket = netlink_open();
	close(fd);
	if (!socket)
		return; /* not ours to enter */
	search->where = where;
	/* The first dump gives our namespace its id there, if something is built on ours. */
	search->id = -1;
	links(search, socket);
	search->id = own_id(socket, search->own);
	for (unsigned int i = 0; search->id >= 0 && err == -EINTR && i < TRIES; i++) {
		search->found->n = before;
		err = links(search, socket);
	}
	if (search->id >= 0 && err)
		search->err = err;
	mnl_socket_close(socket);
}

/** read_name() - of a process, for messages */
static void read_name(int proc, const char *pid, char name[24])
{
	char path[40];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%.10s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, name, 23);
	name[len > 0 ? len : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

/** search_process() - the namespace that a process is in */
static void search_process(struct search *search, int proc, const char *pid)
{
	char path[40], inode[40] = "", name[24], where[80];
	int fd;

	snprintf(path, sizeof(path), "%.10s/ns/net", pid);
	if (readlinkat(proc, path, inode, sizeof(inode) - 1) < 0 || !is_new(search, inode))
		return;
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	read_name(proc, pid, name);
	snprintf(where, sizeof(where), "the network namespace of %s (%.10s)", name, pid);
	search_one(search, fd, where);
}

/** unescape() - a path of /proc/self/mountinfo, in which some characters are octal */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		unsigned int byte;

		if (*from == '\\' && sscanf(from + 1, "%3o", &byte) == 1 && byte) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/** search_mounts() - the namespaces that a mount keeps */
static void search_mounts(struct search *search)
{
	char line[4096], name[64], path[4096], where[80];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	struct statfs kind;
	const char *base;
	int fd;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, " - nsfs ") ||
		    sscanf(line, "%*s %*s %*s %63s %4095s", name, path) != 2 ||
		    !is_new(search, name))
			continue;
		unescape(path);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
		if (fd < 0)
			continue;
		/* Something else may be mounted there by now. */
		if (fstatfs(fd, &kind) || kind.f_type != NSFS_MAGIC) {
			close(fd);
			continue;
		}
		base = strrchr(path, '/');
		snprintf(where, sizeof(where), "the network namespace %.48s",
			 base ? base + 1 : path);
		search_one(search, fd, where);
	}
	if (file)
		fclose(file);
}

static void *search_all(void *arg)
{
	struct search *search = arg;
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	/* A name says more than a process. */
	search_mounts(search);
	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			search_process(search, dirfd(proc), entry->d_name);
	if (proc)
		closedir(proc);
	return NULL;
}

int netns_children_read(struct netns_children *found)
{
	struct search search = { .found = found,
				 .own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) };
	char name[40] = "";
	pthread_t thread;
	int err = search.own < 0 ? -errno : 0;

	memset(found, 0, sizeof(*found));
	if (!err && readlink("/proc/self/ns/net", name, sizeof(name) - 1) < 0)
		err = -errno;
	if (!err) {
		is_new(&search, name); /* in ours, the interfaces are known */
		err = -pthread_create(&thread, NULL, search_all, &search);
	}
	if (!err)
		err = -pthread_join(thread, NULL);
	if (search.own >= 0)
		close(search.own);
	free(search.seen);
	return err ? err : search.err;
}
