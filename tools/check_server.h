/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end under test is a process that listens. A command has started it, or somebody
 * else has. Threads: confined to one.
 */
#ifndef TOOLS_CHECK_SERVER_H
#define TOOLS_CHECK_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

struct check_server {
	const char *path;	/* the socket at which it listens */
	const char *command;	/* a line for the shell; NULL: the process is not ours */
	pid_t pid;		/* 0: not running, or not ours */
	bool ends;		/* in order with each connection */
	char *const *argv;	/* in place of command: a front-end, which may end with any status */
	bool left;		/* it has closed its last connection before the user */
	bool used;		/* the process has accepted a connection */
	char death[80];		/* the sentence for an end with an error; the user clears it */
};

/* Starts the process. The first user of its socket waits until it listens. */
int check_server_start(struct check_server *s, struct vsu_error *err);

/*
 * A connected socket, or a negative errno. If the process has ended, starts it again,
 * and waits until it listens.
 */
int check_server_connect(struct check_server *s, struct vsu_error *err);

/* Notes the end of the process, for which it waits half a second, or longer if it ends. */
void check_server_await_end(struct check_server *s);
/* Notes the end of the process without waiting. */
void check_server_reap(struct check_server *s);

/*
 * Connects and disconnects. The result is whether somebody listens; s->ends tells whether the
 * process has ended with its connection, as some back-ends do.
 */
int check_server_probe(struct check_server *s, struct vsu_error *err);

/* Ends all processes of the group that the process leads. */
void check_server_stop(struct check_server *s);

/*
 * SIGINT, SIGTERM and SIGHUP end them, too, and remove the socket for a front-end, before they
 * end the caller.
 */
void check_server_catch_signals(void);

#endif
