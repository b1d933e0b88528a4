/* SPDX-License-Identifier: BSD-3-Clause */
#include "vfio_user/descriptors.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void descriptors_put(struct msghdr *message, union descriptors_room *room, const int *fds,
		     unsigned int n)
{
	size_t size = n * sizeof(int);

	message->msg_control = n ? room : NULL;
	message->msg_controllen = n ? CMSG_SPACE(size) : 0;
	if (!n)
		return;
	memset(room->bytes, 0, CMSG_SPACE(size));
	room->header.cmsg_level = SOL_SOCKET;
	room->header.cmsg_type = SCM_RIGHTS;
	room->header.cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(&room->header), fds, size);
}

void descriptors_expect(struct msghdr *message, union descriptors_room *room)
{
	message->msg_control = room;
	message->msg_controllen = sizeof(room->bytes);
}

unsigned int descriptors_take(struct msghdr *message, int fds[DESCRIPTORS_MAX])
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + n, CMSG_DATA(c), size);
		n += (unsigned int)(size / sizeof(int));
	}
	return n;
}

bool descriptor_in_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

void descriptors_close(int *fds, unsigned int *n)
{
	for (unsigned int i = 0; i < *n; i++)
		close(fds[i]);
	*n = 0;
}
