/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The commands of a machine's control socket. Each reads its words, and calls a function of
 * <cvmm/requests.h>.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_COMMANDS_H
#define VMM_CONTROL_COMMANDS_H

#include <device-kinds/socket_access.h>

#include "control/command.h"
#include "control/control.h"
#include <cvmm/events.h>

/* The table of commands; it ends with a row without a name. */
extern const struct vmm_control_command vmm_machine_commands[];

struct vmm_commands_config {
	struct vsu_loop *loop;	/* of the caller, who dispatches it while the machine exists */
	/* As members of struct vmm_control_config: */
	void *opaque;
	void (*log)(void *opaque, enum cvmm_log_level level, const char *cause, const char *text);
	vmm_closer_fn closer;
	const char *path;
	int fd;
	const struct devkind_socket_access *access;	/* to a socket that is created; NULL: 0600 */
};

/*
 * Opens the socket, whose clients wait until the loop turns. The machine's owner passes events to
 * vmm_commands_event(). The machine answers all requests when it is freed: close the socket after
 * that, without a machine.
 */
int vmm_commands_open(struct vmm_commands *c, const struct vmm_commands_config *config,
		      struct vsu_error *err);
void vmm_commands_close(struct vmm_commands *c);

/* An event of the machine, for clients that listen. No effect without a socket. */
void vmm_commands_event(const struct vmm_commands *c, const struct cvmm_event *event);

#endif
