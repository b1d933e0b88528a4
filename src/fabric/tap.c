/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/tap.c - a Linux tap: the vPort is plugged into this machine's network stack.
 *
 * Theory of operation
 *
 * The tap has one queue and carries a virtio_net_hdr (Linux, linux/virtio_net.h) before each frame,
 * so that large TCP segments and partial checksums cross it unchanged in both directions: the stack
 * on the other side neither segments nor computes checksums, and one system call moves up to 64
 * KiB.
 *
 *	direction	system call	memory
 *	from the vPort	writev()	the client's own pieces; not copied
 *	to the vPort	readv()		an arena of the port's
 *
 * A frame for which the vPort has no buffer stays in the arena for the next poll (backlog.h).
 *
 * A tap that this process creates is not persistent, so it disappears with the process.
 */
#include "base/error.h"
#include "base/uninitialized.h"
#include "fabric/backlog.h"
#include "fabric/port.h"

#include "base/log.h"
#include "base/passed.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TAP_DEVICE        "/dev/net/tun"

#define TAP_READ_MAX      (FABRIC_FRAME_MAX + 1u) /* bytes; the last shows too long ones */
#define TAP_ARENA_SIZE    (4u * 65600u) /* bytes: four of the largest, or a burst of ordinary ones */

#define TCP_HEADER_SIZE   20u /* bytes, without options */
#define TCP_HEADER_LENGTH 12u /* offset of the length, in the high four bits */

/**
 * struct tap - the fabric's state
 * @name:	of the interface
 * @gone:	the interface has been deleted
 * @said_send:	it has been logged why a frame could not be sent
 * @backlog:	the frames in the arena
 * @arena:	TAP_ARENA_SIZE bytes
 */
struct tap {
	char name[IFNAMSIZ];
	atomic_bool gone;
	atomic_bool said_send;
	struct backlog backlog;
	uint8_t *arena;
};

/**
 * attach() - create the tap, or attach to one that exists
 * @fd:		/dev/net/tun
 * @existed:	an interface of that name is there
 *
 * Return: 0, or negative errno with @error set
 */
static int attach(int fd, const char *name, bool existed, struct error *error)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int rc;

	strcpy(request.ifr_name, name);
	rc = ioctl(fd, TUNSETIFF, &request) ? -errno : 0;
	if (rc == -EINVAL && existed) {
		/* A tap created with multi_queue must be opened that way. */
		request.ifr_flags |= IFF_MULTI_QUEUE;
		rc = ioctl(fd, TUNSETIFF, &request) ? -errno : 0;
	}
	switch (rc) {
	case 0:
		return 0;
	case -EBUSY:
		return error_fail(error, rc,
				  "fabric tap: %s is in use by another process; stop that process "
				  "or choose another name",
				  name);
	case -EPERM:
	case -EACCES:
		return error_fail(error, rc,
				  "fabric tap: no permission to %s %s; run with CAP_NET_ADMIN, or "
				  "have root create it: ip tuntap add %s mode tap user $USER",
				  existed ? "open" : "create", name, name);
	case -EINVAL:
		return error_fail(
			error, rc,
			existed ? "fabric tap: %s exists and is not a tap; choose another name"
				: "fabric tap: '%s' is refused as an "
				  "interface name; choose another name",
			name);
	default:
		return error_fail(error, rc, "fabric tap: %s cannot be opened: %s", name,
				  error_reason(-rc));
	}
}

/**
 * set_offload() - set the header format, and the offloads that the stack may use
 *
 * Return: 0, or negative errno with @error set
 */
static int set_offload(int fd, const char *name, bool offload, struct error *error)
{
	unsigned int features = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
	int size = sizeof(struct virtio_net_hdr), little_endian = 1, rc;

	if (!ioctl(fd, TUNSETVNETHDRSZ, &size) && !ioctl(fd, TUNSETVNETLE, &little_endian) &&
	    !ioctl(fd, TUNSETOFFLOAD, features))
		return 0;
	rc = -errno;
	return error_fail(error, rc, "fabric tap: the offloads of %s cannot be set: %s", name,
			  error_reason(-rc));
}

/**
 * configure() - give a tap that we have created the vPort's MTU, and bring it up
 *
 * Return: 0, or negative errno with @error set
 */
static int configure(int control, const char *name, uint16_t mtu, struct error *error)
{
	struct ifreq request = { .ifr_mtu = mtu };
	int rc;

	strcpy(request.ifr_name, name);
	if (!ioctl(control, SIOCSIFMTU, &request) && !ioctl(control, SIOCGIFFLAGS, &request)) {
		request.ifr_flags |= IFF_UP;
		if (!ioctl(control, SIOCSIFFLAGS, &request))
			return 0;
	}
	rc = -errno;
	return error_fail(error, rc, "fabric tap: %s cannot be brought up with an MTU of %u: %s",
			  name, mtu, error_reason(-rc));
}

/** compare() - log how an existing tap differs from what one would expect */
static void compare(int control, const char *name, uint16_t mtu)
{
	struct ifreq request = { 0 };

	strcpy(request.ifr_name, name);
	if (!ioctl(control, SIOCGIFFLAGS, &request) && !(request.ifr_flags & IFF_UP))
		log_say(LOG_NOTICE, "tap %s is down; to bring it up: ip link set %s up", name,
			name);
	if (!ioctl(control, SIOCGIFMTU, &request) && request.ifr_mtu != mtu)
		log_say(LOG_NOTICE,
			"tap %s has an MTU of %d, the vPort has "
			"%u; to change it: ip link set %s mtu %u",
			name, request.ifr_mtu, mtu, name, mtu);
}

/**
 * open_tap() - the interface, ready to be read and written
 *
 * Return: a descriptor, or negative errno with @error set
 */
static int open_tap(char *name, bool offload, uint16_t mtu, struct error *error)
{
	struct ifreq request = { 0 };
	bool existed;
	int control, fd, rc;

	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0)
		return error_fail(error, -errno, "fabric tap: cannot open a socket: %s",
				  error_reason(errno));
	strcpy(request.ifr_name, name);
	existed = !ioctl(control, SIOCGIFFLAGS, &request);

	fd = open(TAP_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		const char *next = "";

		rc = -errno;
		if (rc == -ENOENT || rc == -ENODEV || rc == -ENXIO)
			next = "; load the driver: modprobe tun";
		else if (rc == -EACCES || rc == -EPERM)
			next = "; run as root, or make it accessible: chmod 0666 " TAP_DEVICE;
		error_fail(error, rc, "fabric tap: %s cannot be opened: %s%s", TAP_DEVICE,
			   strerror(-rc), next);
		goto out;
	}
	rc = attach(fd, name, existed, error);
	if (!rc)
		rc = set_offload(fd, name, offload, error);
	if (!rc && existed)
		compare(control, name, mtu);
	if (!rc && !existed)
		rc = configure(control, name, mtu, error);
	if (rc)
		close(fd);
out:
	close(control);
	return rc ? rc : fd;
}

/**
 * take_tap() - a tap that this process was started with
 * @name:	fd:N; replaced by the interface's, IFNAMSIZ bytes
 *
 * Return: a descriptor, or negative errno with @error set
 */
static int take_tap(char *name, bool offload, uint16_t mtu, struct error *error)
{
	struct ifreq request = { 0 };
	int fd = passed_fd(name), control, rc;

	if (fd < 0)
		return error_fail(
			error, fd,
			"fabric tap: no descriptor was passed for %s; open the tap in the "
			"program that starts this one",
			name);
	if (ioctl(fd, TUNGETIFF, &request))
		return error_fail(error, -EINVAL,
				  "fabric tap: %s is not a tap; open " TAP_DEVICE
				  " and attach it with TUNSETIFF",
				  name);
	if ((request.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) !=
	    (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
		return error_fail(error, -EINVAL,
				  "fabric tap: %s (%s) was attached otherwise; its flags must be "
				  "IFF_TAP, IFF_NO_PI and IFF_VNET_HDR",
				  name, request.ifr_name);
	memcpy(name, request.ifr_name, IFNAMSIZ);
	rc = set_offload(fd, name, offload, error);
	if (!rc && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		rc = error_fail(error, -errno, "fabric tap: %s cannot be made non-blocking: %s",
				name, error_reason(errno));
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!rc && control >= 0)
		compare(control, name, mtu);
	if (control >= 0)
		close(control);
	return rc ? rc : fd;
}

/**
 * check_name() - is this a valid name for an interface?
 *
 * Return: 0, or -EINVAL or -ENAMETOOLONG with @error set
 */
static int check_name(const char *name, struct error *error)
{
	if (!name || !*name)
		return error_fail(error, -EINVAL, "fabric tap: a name is missing; write tap:NAME");
	if (strlen(name) >= IFNAMSIZ)
		return error_fail(error, -ENAMETOOLONG,
				  "fabric tap: the name '%s' is too long; "
				  "an interface's has at most %d characters",
				  name, IFNAMSIZ - 1);
	if (passed_is(name))
		return 0;
	/* The kernel would replace %d with a number. */
	if (!strcmp(name, ".") || !strcmp(name, "..") || strpbrk(name, "/:% \t\n\v\f\r"))
		return error_fail(
			error, -EINVAL,
			"fabric tap: '%s' is not a valid interface name; it must not contain "
			"blanks or any of / : %%",
			name);
	return 0;
}

static int tap_open(struct fabric_port *port, const struct fabric_spec *spec, struct error *error)
{
	bool offload = true;
	struct tap *tap;
	int rc;

	rc = check_name(spec->argument, error);
	if (rc)
		return rc;
	for (unsigned int i = 0; i < spec->count; i++) {
		const struct fabric_option *option = &spec->options[i];
		const char *value = option->value ? option->value : "";

		if (strcmp(option->key, "offload"))
			return fabric_option_unknown(port, option, error);
		if (strcmp(value, "on") && strcmp(value, "off"))
			return error_fail(error, -EINVAL,
					  "fabric tap: offload is on or off, not '%s'", value);
		offload = !strcmp(value, "on");
	}

	tap = aligned_alloc(CACHE_LINE, sizeof(*tap));
	if (tap) {
		memset(tap, 0, sizeof(*tap));
		tap->arena = aligned_alloc(CACHE_LINE, TAP_ARENA_SIZE);
	}
	if (!tap || !tap->arena) {
		free(tap);
		return error_fail(error, -ENOMEM, "fabric tap: out of memory");
	}
	strcpy(tap->name, spec->argument);
	rc = (passed_is(tap->name) ? take_tap : open_tap)(tap->name, offload, port->config.mtu,
							  error);
	if (rc < 0) {
		free(tap->arena);
		free(tap);
		return rc;
	}
	port->fd = rc;
	fabric_set_caps(port, offload ? FABRIC_CSUM | FABRIC_GSO : 0);
	port->state = tap;
	return 0;
}

static void tap_close(struct fabric_port *port)
{
	struct tap *tap = port->state;

	close(port->fd);
	free(tap->arena);
	free(tap);
}

/**
 * leave() - the interface has been deleted: stop using it
 *
 * Its descriptor would be in error forever, and keep waking a lane. A timer that is never started
 * replaces it: it is never readable, and cannot be written.
 */
static void leave(struct fabric_port *port)
{
	struct tap *tap = port->state;
	int nothing;

	if (atomic_exchange(&tap->gone, true))
		return;
	log_say(LOG_ERROR,
		"tap %s was deleted; its vPort is disconnected until the adapter is restarted",
		tap->name);
	nothing = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (nothing < 0)
		return;
	dup3(nothing, port->fd, O_CLOEXEC);
	close(nothing);
}

/** request_of() - describe in a virtio_net_hdr what is left to do on a frame of the vPort */
static struct virtio_net_hdr request_of(const struct frame *frame)
{
	struct virtio_net_hdr request = { 0 };

	if (frame->flags & FRAME_CSUM_PARTIAL) {
		request.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		request.csum_start = htole16(frame->csum_start);
		request.csum_offset = htole16(frame->csum_offset);
	} else if (frame->flags & FRAME_CSUM_VALID) {
		request.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (frame->flags & FRAME_GSO) {
		request.gso_type = frame->flags & FRAME_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4
								 : VIRTIO_NET_HDR_GSO_TCPV6;
		request.gso_size = htole16(frame->gso_size);
		request.hdr_len = htole16(frame->hdr_len);
	}
	return request;
}

static void tap_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		     unsigned int n)
{
	struct tap *tap = port->state;
	unsigned int dropped = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct frame *frame = &frames[i];
		struct virtio_net_hdr request = request_of(frame);
		struct iovec iov[1 + FABRIC_PIECES_MAX] uninitialized;
		ssize_t written;

		if (frame->iovcnt > FABRIC_PIECES_MAX || frame->len > FABRIC_FRAME_MAX ||
		    atomic_load_explicit(&tap->gone, memory_order_relaxed)) {
			dropped++;
			continue;
		}
		budget_charge(BUDGET_CALL + budget_bytes(frame->len));
		iov[0] = (struct iovec){ .iov_base = &request, .iov_len = sizeof(request) };
		memcpy(iov + 1, frame->iov, frame->iovcnt * sizeof(*iov));
		do {
			written = writev(port->fd, iov, (int)frame->iovcnt + 1);
		} while (written < 0 && errno == EINTR);
		if (written >= 0) {
			fabric_count_sent(port, lane, frame, 1);
			continue;
		}
		dropped++;
		if (errno == EBADFD)
			leave(port);
		else if (errno != EAGAIN)
			log_once(&tap->said_send, LOG_WARNING,
				 "tap %s does not accept a frame of %u bytes: %s (logged once; "
				 "counted as dropped)%s",
				 tap->name, frame->len, strerror(errno),
				 errno == EIO ? "; check that it is up" : "");
	}
	if (dropped)
		counter_add(&port->lanes[lane].counters.tx_dropped, dropped);
}

/**
 * describe() - turn a virtio_net_hdr from the stack into a frame's flags
 * @request:	the header before the frame
 * @frame:	iov and len are set
 *
 * Return: false for a frame that cannot be passed on
 */
static bool describe(const struct virtio_net_hdr *request, struct frame *frame)
{
	const uint8_t *bytes = frame->iov->iov_base;
	uint32_t tcp, header;

	if (frame->len < ETHERNET_HEADER_SIZE || frame->len > FABRIC_FRAME_MAX)
		return false;
	if (request->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		frame->flags |= FRAME_CSUM_PARTIAL;
		frame->csum_start = le16toh(request->csum_start);
		frame->csum_offset = le16toh(request->csum_offset);
		if ((uint32_t)frame->csum_start + frame->csum_offset + 2 > frame->len)
			return false;
	} else if (request->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		frame->flags |= FRAME_CSUM_VALID;
	}

	switch (request->gso_type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		frame->flags |= FRAME_GSO_TCP4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		frame->flags |= FRAME_GSO_TCP6;
		break;
	default:
		return false; /* not one that we have offered */
	}
	if (!(frame->flags & FRAME_CSUM_PARTIAL))
		return false;
	/* The stack's hdr_len is a hint and may be more than the headers. */
	tcp = frame->csum_start;
	if (tcp + TCP_HEADER_SIZE > frame->len)
		return false;
	header = (uint32_t)(bytes[tcp + TCP_HEADER_LENGTH] >> 4) * 4;
	if (header < TCP_HEADER_SIZE || tcp + header > frame->len)
		return false;
	frame->hdr_len = (uint16_t)(tcp + header);
	frame->gso_size = le16toh(request->gso_size);
	return frame->gso_size > 0;
}

/**
 * fill() - read frames into the empty arena, as many as the turn allows
 * @budget:	most frames
 */
static void fill(struct fabric_port *port, unsigned int lane, unsigned int budget)
{
	struct tap *tap = port->state;
	uint32_t start = budget_spent;
	unsigned int n = 0;
	size_t at = 0;

	while (n < budget && at + TAP_READ_MAX <= TAP_ARENA_SIZE &&
	       budget_since(start) < BUDGET_TURN) {
		struct virtio_net_hdr request;
		struct iovec iov[2] = {
			{ .iov_base = &request, .iov_len = sizeof(request) },
			{ .iov_base = tap->arena + at, .iov_len = TAP_READ_MAX },
		};
		struct frame *frame = &tap->backlog.frames[n];
		struct iovec *piece = &tap->backlog.iov[n];
		ssize_t got = readv(port->fd, iov, 2);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EBADFD)
				leave(port);
			break;
		}
		if (got < (ssize_t)sizeof(request))
			break;
		budget_charge(BUDGET_CALL + budget_bytes((uint64_t)got));
		*piece = (struct iovec){ .iov_base = tap->arena + at,
					 .iov_len = (size_t)got - sizeof(request) };
		*frame = (struct frame){ .iov = piece,
					 .iovcnt = 1,
					 .len = (uint32_t)piece->iov_len };
		if (!describe(&request, frame)) {
			counter_add(&port->lanes[lane].counters.rx_dropped, 1);
			continue;
		}
		at += (frame->len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
		n++;
	}
	backlog_filled(&tap->backlog, n);
}

static unsigned int tap_poll(struct fabric_port *port, unsigned int lane, unsigned int budget)
{
	struct tap *tap = port->state;
	unsigned int done;

	if (!backlog_begin(&tap->backlog))
		return 0;
	if (!backlog_pending(&tap->backlog) &&
	    !atomic_load_explicit(&tap->gone, memory_order_relaxed))
		fill(port, lane, budget);
	done = backlog_deliver(&tap->backlog, port, lane, budget);
	backlog_end(&tap->backlog);
	return done;
}

static bool tap_is_source(const struct fabric_port *port)
{
	const struct tap *tap = port->state;

	return backlog_is_source(&tap->backlog);
}

const struct fabric_ops fabric_tap = {
	.name = "tap",
	.usage = "tap:NAME[+offload=on|off]",
	.open = tap_open,
	.close = tap_close,
	.send = tap_send,
	.poll = tap_poll,
	.is_source = tap_is_source,
};
