/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command that is killed and restarted. */
#ifndef INTEROP_KILLED_H
#define INTEROP_KILLED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct killed {
	char **command;
	pid_t pid;
	uint64_t when_ns;	/* time of the last kill */
};

void killed_start(struct killed *k);
/* Sends that signal and waits for the end. */
void killed_end(struct killed *k, int number);
/* Whether it ended by itself. */
bool killed_ended(const struct killed *k);
/* Waits until a new process listens. False: it has ended. */
bool killed_listens(const struct killed *k, const char *socket);

#endif
