/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A line of "vhost-user-tool trace", its descriptors, its text. */
#ifndef TOOLS_TRACE_LINE_H
#define TOOLS_TRACE_LINE_H

#include <stdio.h>

#include "exchange.h"

/* Descriptors of a message that are examined; the others are only counted. */
#define TRACE_MAX_NOTES 16u

struct trace_fd {
	const char *kind;	/* "an eventfd" */
	bool has_size, has_seals;
	uint64_t size;		/* bytes */
	int seals;		/* F_SEAL_* */
};

/* A message, or an event that is not one. */
struct trace_line {
	uint64_t time_ns;	/* since the program began to listen */
	unsigned int connection;	/* from 1 */
	enum vhost_user_side channel, from;
	const char *event;		/* a sentence; the members below are not set */
	const struct relay_message *m;
	const struct verdict *v;
	uint32_t device;		/* VIRTIO's number, for names of features; 0: unknown */
	struct trace_fd fds[TRACE_MAX_NOTES];
};

/* Examines the descriptors of m. Does not block on files of a dead server. */
void trace_examine(struct trace_line *line);

/* Writes "a file in memory of 4096 bytes (seals shrink grow)" and the like. */
void trace_put_fd(FILE *to, const struct trace_fd *fd);

void trace_text(FILE *to, const struct trace_line *line);
void trace_json(FILE *to, const struct trace_line *line);

#endif
