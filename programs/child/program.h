/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An installed program that serves this process: its arguments, the descriptors that it inherits,
 * and what it prints.
 *
 * Threads: the main thread, before others are started.
 */
#ifndef PROGRAMS_CHILD_PROGRAM_H
#define PROGRAMS_CHILD_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

#define PROG_PROGRAM_MAX_ARGUMENTS 128
#define PROG_PROGRAM_MAX_FDS 64
/* Bytes of messages that are kept. */
#define PROG_PROGRAM_MESSAGES 65536
/* The exit status of one that was not executed. */
#define PROG_PROGRAM_NOT_STARTED 127

struct confine_plan;
struct prog_child;

/* All zero: no arguments. The first one is the program. */
struct prog_program {
	char *argv[PROG_PROGRAM_MAX_ARGUMENTS + 1];
	unsigned int argc;
	int fds[PROG_PROGRAM_MAX_FDS];
	unsigned int nfds;
	int rc;			/* of the first argument or descriptor that could not be added */
	const char *path;	/* the file of the program; NULL: the first argument is looked up in PATH */
	/*
	 * CONFINE_CLOSE of it is executed before the program, and calls that reach other processes and
	 * hosts are denied (confine/denied_calls.h). NULL: none.
	 */
	struct confine_plan *plan;
	const char *failure, *remedy;	/* begin and end of its message if it cannot be executed, or NULL */
	const char *lost;	/* for prog_leash_report() */
};

void prog_program_add(struct prog_program *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void prog_program_pass(struct prog_program *p, int fd);
void prog_program_free(struct prog_program *p);

/*
 * Starts a child of this process, in a session of its own: signals of the terminal do not reach it.
 * It prints into messages.
 */
int prog_program_start(struct prog_program *p, int messages, struct prog_child *child, struct vsu_error *err) VSU_NODISCARD;

/* Called in the child: this process becomes the program. */
_Noreturn void prog_program_become(const struct prog_program *p, int messages);

/* A file in memory for messages, which does not grow. */
int prog_program_messages(int *fd, struct vsu_error *err);

/* The last line of that file, or an empty text. */
const char *prog_program_last_line(int messages, char text[PROG_PROGRAM_MESSAGES]);

/* All of that file as one line: spaces replace ends of lines. */
const char *prog_program_text(int messages, char text[PROG_PROGRAM_MESSAGES]);

/*
 * Receives len bytes from its socket before vsu_now_ns() is the deadline: 0, -ETIMEDOUT, or
 * -ECONNRESET: the program has closed it.
 */
int prog_program_receive(int fd, void *to, size_t len, uint64_t deadline);

#endif
