/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/listen.h - the socket file.
 */
#ifndef MANAKIN_VFIO_USER_LISTEN_H
#define MANAKIN_VFIO_USER_LISTEN_H

struct vfu_server;

/**
 * listen_at() - create the socket file and listen
 * @server:	gets the listening socket and its file
 *
 * Return: 0 or a negative errno
 */
int listen_at(struct vfu_server *server);

#endif
