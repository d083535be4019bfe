/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end under test: a process that listens, started by a command, or by somebody
 * else. Threads: confined to one.
 */
#ifndef TOOLS_CHECK_SERVER_H
#define TOOLS_CHECK_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

struct check_server {
	const char *path;	/* of its socket */
	const char *command;	/* for the shell; NULL: the process is not ours */
	pid_t pid;		/* 0: not running, or not ours */
	bool ends;		/* in order with each connection */
	bool used;		/* the process has accepted a connection */
	char death[80];		/* a sentence: it ended with an error; the user clears it */
};

/*
 * A connected socket, or a negative errno. If the process has ended, starts it again,
 * and waits until it listens.
 */
int check_server_connect(struct check_server *s, struct vsu_error *err);

/* Notes the end of the process, for which it waits half a second. */
void check_server_await_end(struct check_server *s);
/* Notes the end of the process without waiting. */
void check_server_reap(struct check_server *s);

/*
 * Connects and disconnects, to see whether somebody listens, and whether the process
 * ends with its connection, as some back-ends do.
 */
int check_server_probe(struct check_server *s, struct vsu_error *err);

/* Ends the process, and those that it has started in its process group. */
void check_server_stop(struct check_server *s);

/* SIGINT, SIGTERM and SIGHUP end them, too, before they end the caller. */
void check_server_catch_signals(void);

#endif
