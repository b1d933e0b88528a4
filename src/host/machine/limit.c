/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/limit.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/machine/ask.h"

/** may_lock() - does this process have CAP_IPC_LOCK? */
static bool may_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK);
}

static unsigned long long or_none(rlim_t limit)
{
	return limit == RLIM_INFINITY ? ULLONG_MAX : limit;
}

/** limit_json(), limit_of() - a limit in an answer; null: there is none */
static json_t *limit_json(unsigned long long limit)
{
	return limit == ULLONG_MAX ? json_null() : json_integer((json_int_t)limit);
}

static unsigned long long limit_of(const json_t *answer, const char *name)
{
	const json_t *limit = json_object_get(answer, name);

	return json_is_integer(limit) ? (unsigned long long)json_integer_value(limit) : ULLONG_MAX;
}

int limits_read(const struct host *host, struct limits *limits)
{
	struct rlimit limit = { 0, 0 };
	json_t *answer;
	int err;

	memset(limits, 0, sizeof(*limits));
	if (host->tree)
		return -ENODATA;
	if (ask_recall(host, &answer, &err, "limits")) {
		*limits = (struct limits){ .locked = limit_of(answer, "memlock"),
					   .files = limit_of(answer, "files"),
					   .files_hard = limit_of(answer, "files_hard") };
		json_decref(answer);
		return err;
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	limits->locked = may_lock() ? ULLONG_MAX : or_none(limit.rlim_cur);
	getrlimit(RLIMIT_NOFILE, &limit);
	limits->files = or_none(limit.rlim_cur);
	limits->files_hard = or_none(limit.rlim_max);
	if (ask_noted(host))
		ask_note(host, 0,
			 json_pack("{s:o, s:o, s:o}", "memlock", limit_json(limits->locked),
				   "files", limit_json(limits->files), "files_hard",
				   limit_json(limits->files_hard)),
			 "limits");
	return 0;
}

/** ask_queues() - of the kernel; see limits_queues() */
static int ask_queues(const char *interface, unsigned int *queues)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = { .ifr_data = (char *)&channels };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	*queues = 0;
	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		err = -errno;
	close(fd);
	if (!err && !channels.max_combined)
		err = -EOPNOTSUPP;
	*queues = channels.max_combined;
	return err;
}

int limits_queues(const struct host *host, const char *interface, unsigned int *queues)
{
	json_t *answer;
	int err;

	*queues = 0;
	if (ask_recall(host, &answer, &err, "channels/%s", interface)) {
		*queues = (unsigned int)json_integer_value(answer);
		json_decref(answer);
		return err;
	}
	if (!host_has_interfaces(host))
		return -ENODATA;
	err = ask_queues(interface, queues);
	ask_note(host, err, json_integer(*queues), "channels/%s", interface);
	return err;
}
