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

void limits_read(struct limits *limits)
{
	struct rlimit limit = { 0, 0 };

	getrlimit(RLIMIT_MEMLOCK, &limit);
	limits->locked = may_lock() ? ULLONG_MAX : or_none(limit.rlim_cur);
	getrlimit(RLIMIT_NOFILE, &limit);
	limits->files = or_none(limit.rlim_cur);
	limits->files_hard = or_none(limit.rlim_max);
}

int limits_queues(const char *interface, unsigned int *queues)
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
