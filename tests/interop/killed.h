/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command that is killed, and begun again. */
#ifndef INTEROP_KILLED_H
#define INTEROP_KILLED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct killed {
	char **command;
	pid_t pid;
	uint64_t when_ns;	/* it was killed, the last time */
};

void killed_start(struct killed *k);
/* By that signal, and it is gone. */
void killed_end(struct killed *k, int number);
/* By itself. */
bool killed_ended(const struct killed *k);
/* A young one is about to listen. False: it has ended. */
bool killed_listens(const struct killed *k, const char *socket);

#endif
