/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The address of the other end of a migration:
 *
 *   unix:PATH       a UNIX socket
 *   tcp:HOST:PORT   TCP, with brackets around an IPv6 address; neither encrypted nor
 *                   authenticated
 *   exec:COMMAND    a command of the shell, whose standard input and output are the
 *                   connection
 *
 * The source connects, the destination listens. Both run the command of exec:.
 */
#ifndef VMM_MIGRATION_ADDRESS_H
#define VMM_MIGRATION_ADDRESS_H

#include "migration/stream.h"

/* -EINVAL: no such address. */
int vmm_address_check(const char *address, struct vsu_error *err);

/* Makes the connection of s. They block as the stream does. */
int vmm_address_connect(const char *address, struct vmm_stream *s,
			struct vsu_error *err);
/* Accepts one connection, and stops listening. */
int vmm_address_accept(const char *address, struct vmm_stream *s,
		       struct vsu_error *err);

#endif
