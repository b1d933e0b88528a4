/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/handlers.h - the commands.
 */
#ifndef MANAKIN_VFIO_USER_HANDLERS_H
#define MANAKIN_VFIO_USER_HANDLERS_H

#include "vfio_user/conn.h"

/**
 * command_handle() - execute a command and reply to it
 * @command:	its header
 * @body:	what follows, as long as the header says
 *
 * Return: 0, or a negative errno that is to be sent
 */
int command_handle(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
		   const uint8_t *body);

#endif
