/* SPDX-License-Identifier: GPL-2.0 */
/*
 * link.h - the cable between the host's cards and the adapter's fabric.
 *
 * A virtio network device without a network interface; its other end is a socket of
 * the adapter. Each of its packets is a header followed by the data that
 * docs/vmbus.md describes.
 */
#ifndef MANAKIN_LAB_LINK_H
#define MANAKIN_LAB_LINK_H

#include <linux/build_bug.h>
#include <linux/rndis.h>
#include <linux/types.h>

#define LINK_MAGIC     0x6b6e614du /* "Mank" */
#define LINK_FRAME_MAX 16000u	   /* bytes of a frame */

enum link_type {
	LINK_HELLO = 1,	   /* from here: announce the ports */
	LINK_PORT = 2,	   /* to here: a port, or a change of one */
	LINK_FRAME = 3,	   /* both ways */
	LINK_PATH = 4,	   /* from here: a driver has switched the data path of a port */
	LINK_VF = 5,	   /* to here: the VF is being added or removed */
	LINK_VF_DONE = 6,  /* from here: that is done */
	LINK_ALL_SAID = 7, /* to here: all ports have been announced */
	LINK_PULL = 8,	   /* to here: remove a port's card */
};

enum link_flags {
	LINK_CHECKSUM_PARTIAL = 1 << 0, /* the field holds the pseudo-header's sum */
	LINK_LARGE4 = 1 << 1,		/* to be cut into TCP segments */
	LINK_LARGE6 = 1 << 2,
};

/* Little-endian. checksum_start and the fields after it count from the start of the frame. */
struct link_header {
	__le32 magic;
	u8 type;
	u8 port;
	__le16 flags;
	__le16 checksum_start;
	__le16 checksum_offset;
	__le16 header_len;
	__le16 segment_size;
};
static_assert(sizeof(struct link_header) == 16);

/* After the header of LINK_PORT; of LINK_PATH and LINK_VF: one __le32, 1 or 0. */
struct link_port {
	u8 mac[6];
	__le16 mtu;
	u8 up;
	u8 vf;
	u8 unused[6];
};
static_assert(sizeof(struct link_port) == 16);

struct link;

int link_register(void);
void link_unregister(void);

/* The rest under host_lock */
void link_serve_all(void);
void link_flush_all(void);
bool link_has_room(struct link *link, unsigned int packets);
u8 *link_frame(struct link *link);
void link_send(struct link *link, struct link_header *header, u32 len);
void link_say_path(struct link *link, u8 port, bool vf);

/* But for these, which take it */
void link_say_vf_done(struct link *link, bool there);
bool link_on_vf(struct link *link);

/* vf.c: the VF's place on the PCI bus */
struct vf;

struct vf *vf_create(struct link *link, unsigned int slot, u32 serial);
void vf_set(struct vf *vf, bool there);
void vf_destroy(struct vf *vf);

#endif
