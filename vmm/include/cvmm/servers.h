/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Back-ends of devices that the owner of a machine starts: a device whose option has
 * "backend=spawn" is served by a process, which the machine, confined or not, cannot start itself.
 * The member servers of struct cvmm_host has the functions.
 *
 *	add       for each such device, when the machine is made or the device is added
 *	connect   starts its server, and again after it has ended, if the device reconnects
 *	remove    ends it, at the latest when the machine is freed
 *
 * Threads: that of the machine; with "incoming", at first the one that waits for the guest.
 */
#ifndef CVMM_SERVERS_H
#define CVMM_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cvmm/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/loop.h>

VSU_BEGIN_DECLS

struct devkind;

/*
 * The server of one device: a program of this project for its kind, or one with the same options.
 * Fixed layout.
 */
struct cvmm_server {
	struct vsu_loop *loop;	/* of the machine: for watchers, until the server is removed */
	const struct devkind *kind;	/* of the device (<device-kinds/kind.h>) */
	const void *config;	/* of the kind: devkind_get_value() reads its values, which
				 * devkind_daemon_option() writes as options of the daemon */
	uint32_t queues, queue_size; /* "--num-queues" and "--queue-size" of the daemon; 0: its default */
	const char *name;	/* of the server, for lines of a log */
	/*
	 * Whether descriptors that values name (fd:N) are of a device that was added to a running
	 * machine: they are open during the call alone. Otherwise they are those of the options.
	 */
	bool passes;
	bool continues;		/* the guest has used the device before */
};

/* The functions of the owner that start servers. All are required. Fixed layout. */
struct cvmm_servers {
	void *opaque;		/* argument of add */
	/* Copies what it needs of config. 0 and *server, or a negative errno. */
	int (*add)(void *opaque, const struct cvmm_server *config, void **server, struct vsu_error *err);
	/*
	 * Starts the server, in place of one that was started before: a socket that is connected to it,
	 * which the machine closes, or a negative errno. A server that cannot be started closes its end.
	 */
	int (*connect)(void *server, struct vsu_error *err);
	pid_t (*pid)(void *server);	/* 0: not known */
	/* Replaces the sentence of a lost connection by the reason, if the server has printed one. */
	void (*explain)(void *server, struct vsu_error *err);
	void (*remove)(void *server);	/* ends it; server may be NULL */
};

VSU_END_DECLS

#endif
