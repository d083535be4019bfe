/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The control socket of a machine, which is the argument of its commands.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_MACHINE_SOCKET_H
#define VMM_CONTROL_MACHINE_SOCKET_H

#include <cvmm/events.h>
#include <device-kinds/socket_access.h>

#include "control/control.h"

/* A machine and its socket. All zero: no socket. */
struct vmm_machine_socket {
	struct cvmm_machine *machine;	/* NULL: it is not made yet, or was freed */
	struct vmm_control *control;
	/*
	 * Sets the level from which on lines are logged, unless name is NULL. Returns its name,
	 * or NULL if no level has this name. The member is NULL if there are no levels.
	 */
	const char *(*log_level)(const char *name);
};

struct vmm_machine_socket_config {
	struct vsu_loop *loop;	/* of the caller, who dispatches it while the machine exists */
	/* As members of struct vmm_control_config: */
	void *opaque;
	void (*log)(void *opaque, enum cvmm_log_level level, const char *cause, const char *text);
	vmm_closer_fn closer;
	const char *path;
	int fd;
	const struct vmm_control_command *commands; /* the table; their argument is the socket */
	const struct devkind_socket_access *access;	/* to a socket that is created; NULL: 0600 */
};

/*
 * Opens the socket, whose clients wait until the loop turns. The machine's owner passes events to
 * vmm_machine_socket_event(). The machine answers all requests when it is freed: close the socket after
 * that, without a machine.
 */
int vmm_machine_socket_open(struct vmm_machine_socket *s, const struct vmm_machine_socket_config *config,
			    struct vsu_error *err);
void vmm_machine_socket_close(struct vmm_machine_socket *s);

/* An event of the machine, for clients that listen. No effect without a socket. */
void vmm_machine_socket_event(const struct vmm_machine_socket *s, const struct cvmm_event *event);

#endif
