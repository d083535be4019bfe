/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command that is killed and restarted. */
#ifndef INTEROP_KILLED_H
#define INTEROP_KILLED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct killed {
	char **command;
	pid_t pid;		/* 0: it has ended; its number may belong to another process */
	uint64_t when_ns;	/* time of the last kill */
};

void killed_start(struct killed *k);
/* Sends that signal, if it has not ended, and waits for the end. */
void killed_end(struct killed *k, int number);
/* Whether it ended by itself. */
bool killed_ended(struct killed *k);
/* Waits until a new process listens. False: it has ended. */
bool killed_listens(struct killed *k, const char *socket);

#endif
