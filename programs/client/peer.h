/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process at the other end of a socket. A back-end listens: a command has started it, or
 * somebody else has. A front-end, which is always started, connects.
 *
 * Threads: confined to one.
 */
#ifndef PROGRAMS_CLIENT_PEER_H
#define PROGRAMS_CLIENT_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

struct peer {
	const char *path;	/* the socket */
	const char *command;	/* a line for the shell; NULL: argv */
	char *const *argv;	/* NULL as well: the process is not ours */
	bool connects;		/* a front-end, which may end with any status */
	pid_t pid;		/* 0: not running, or not ours */
	pid_t group;		/* of its processes; 0: none */
	uint64_t start_ns;	/* when it was started, as vsu_now_ns() */
	bool ends;		/* in order with each connection */
	bool left;		/* it has closed its last connection before the user */
	bool used;		/* the process has accepted a connection */
	char death[80];		/* the sentence for an end with an error; the user clears it */
};

/* Starts the process. The first user of its socket waits until it listens. */
int peer_start(struct peer *p, struct vsu_error *err);

/*
 * Returns whether rc, the failure of a connection, means that the process was started and does not
 * listen yet. Waits a moment then, so that the caller tries again.
 */
bool peer_starts(struct peer *p, int rc);

/*
 * A connected socket, or a negative errno. If the process has ended, starts it again,
 * and waits until it listens.
 */
int peer_connect(struct peer *p, struct vsu_error *err);

/* Notes the end of the process, for which it waits half a second, or longer if it ends. */
void peer_await_end(struct peer *p);
/* Notes the end of the process without waiting. */
void peer_reap(struct peer *p);

/*
 * Connects and disconnects. The result is whether somebody listens; p->ends tells whether the
 * process has ended with its connection, as some back-ends do.
 */
int peer_probe(struct peer *p, struct vsu_error *err);

/* Ends all processes of the group that the process leads. */
void peer_stop(struct peer *p);

/*
 * SIGINT, SIGTERM and SIGHUP end those of the process that was started last, too, and remove the
 * socket for a front-end, before they end the caller.
 */
void peer_catch_signals(void);

#endif
