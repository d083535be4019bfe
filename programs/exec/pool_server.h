/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "cvmm pool": keeps machines that wait for a command, each in a process of its own, and gives
 * clients to them. This process reads nothing of a guest.
 *
 *	vmm_pool_server_open()
 *	vmm_pool_server_run()     returns in each process of a machine, too
 *	vmm_pool_server_close()
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_POOL_SERVER_H
#define VMM_EXEC_POOL_SERVER_H

#include <stdint.h>
#include <sys/poll.h>
#include <sys/types.h>

#include <cvmm/template.h>
#include <vmm-sys-util/sock.h>

#include "child/child.h"
#include "exec/pool_command.h"
#include "exec/pool_wire.h"

#define VMM_POOL_MAX_MACHINES 1024u	/* that wait or run */
#define VMM_POOL_MAX_CLIENTS 16u	/* that have not been given to a machine */

struct vmm_pool_machine {
	struct prog_child child; /* its process; the deadline is for one that has closed its socket */
	int fd;			/* its end ends the machine; -1: it ends */
	enum { VMM_POOL_MAKES, VMM_POOL_WAITS, VMM_POOL_RUNS, VMM_POOL_ENDS } state;
	char *text;		/* of READY */
	size_t len;
};

struct vmm_pool_server {
	struct cvmm_template *template;	/* locked, so that it is not removed */
	int listener, signal_fd;
	struct vsu_sock_path path;
	unsigned int size, nmachines, nclients;
	unsigned int failures;	/* machines that ended while they waited, since the last command */
	/* STOPS: machines that wait end, and no new one is made */
	enum { VMM_POOL_FILLS, VMM_POOL_FULL, VMM_POOL_STOPS } state;
	unsigned int signals;
	int status;
	struct vmm_pool_machine machines[VMM_POOL_MAX_MACHINES];
	int clients[VMM_POOL_MAX_CLIENTS];
	struct vmm_pool_packet packet;
};

/* -EADDRINUSE: a pool of the template runs; errors of cvmm_template_open(). Closed in each case. */
int vmm_pool_server_open(struct vmm_pool_server *s, const struct vmm_pool_command_line *c,
			 struct vsu_error *err);

/*
 * Until a signal or a failure has ended all machines: the exit status. In the process of a machine
 * it returns at once, with *machine_fd, for vmm_pool_worker_make(); else that is -1.
 */
int vmm_pool_server_run(struct vmm_pool_server *s, int *machine_fd, struct vsu_error *err);

/* Called in the process of a machine: frees descriptors only. */
void vmm_pool_server_close(struct vmm_pool_server *s);

/* The row of a machine that waits and has this text, or -1; *others: whether others wait. */
int vmm_pool_server_find(const struct vmm_pool_server *s, const char *text, size_t len, bool *others);

#endif
