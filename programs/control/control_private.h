/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The control socket and its clients: of control.c and subscribers.c. */
#ifndef VMM_CONTROL_CONTROL_PRIVATE_H
#define VMM_CONTROL_CONTROL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/sock.h>

#include "control/control.h"
#include "control/passed.h"
#include "control/waiting.h"

struct client {
	struct vmm_control *control;
	struct vsu_io readable;
	struct vsu_alarm more;		/* it has sent further lines, which wait for the next turn */
	int sock;		/* -1: unused */
	struct vmm_waiting waiting;
	bool ended;		/* the client has closed its sending side */
	bool subscribed;	/* receives events */
	uint64_t process;	/* that connected, from vmm_control_peer(); 0: unknown */
	uint64_t heard;		/* turn of its last line */
	struct vmm_passed passed; /* descriptors of a line that is not executed yet */
	size_t len;		/* length of the current line */
	char line[VMM_CONTROL_LINE];
};

struct vmm_control {
	struct vmm_control_config config;
	int listener;
	bool has_path;
	struct vsu_sock_path path;
	struct vsu_io connecting;
	struct vsu_alarm again;		/* retries accept() after a failure */
	struct client *served;	/* the client whose command is being executed, or NULL */
	bool is_heard;		/* as config.listen knows */
	struct vmm_passed *passed; /* descriptors of its line, or NULL */
	uint64_t turns;		/* number of reads and accepts */
	struct client clients[VMM_CONTROL_CLIENTS];
};

/*
 * The process that connected, as a number for comparisons. In a jail, processes outside have
 * the number 0 of SO_PEERCRED. 0: unknown.
 */
uint64_t vmm_control_peer(int sock);

/* NULL: all places are occupied. */
struct client *vmm_control_free_place(struct vmm_control *c);
/* The client that leaves in favour of another one; NULL: all wait for replies. */
struct client *vmm_control_idlest(struct vmm_control *c);

/* After a client has subscribed or left: calls config.listen if that changes something. */
void vmm_control_count_subscribers(struct vmm_control *c);

bool vmm_client_is_gone(const struct client *client);
bool vmm_client_is_awaiting(const struct client *client);

#endif
