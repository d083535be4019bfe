/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Commands for a machine that runs, over a UNIX socket: one line in, one line
 * of JSON out, for several clients at once, each as many as it likes.
 *
 *   request   words that spaces divide: "status", "resize balloon 512M"
 *   answer    {"ok":true}, with what a command has to say besides, or
 *             {"ok":false,"error":"a sentence"}
 *
 * A client that sends more than a line may hold, a byte of zero, or an end within a
 * line, or does not read what it is answered, is let go of. Where every place is
 * taken, the client that has been silent for longest gives way to the next one;
 * those that wait for an answer stay, and where all do, the next one is refused. All
 * are told why, but for who does not read. Whoever may connect may give commands.
 *
 * A command may be answered later, when what it asked for has happened: the
 * client's next lines wait until then, and a client that leaves takes nothing
 * back.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <ev.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>

#define VMM_CONTROL_CLIENTS 8u
#define VMM_CONTROL_LINE 8192u	/* bytes of a request, its end included */
#define VMM_CONTROL_WORDS 8u

/*
 * Carries a command out; words[0] is its name. The text written to answer is
 * further members of the JSON object, each with a comma before it. A negative
 * errno, with its sentence: nothing was changed, and that text is dropped. What
 * vmm_control_wait() returned: the answer follows, and that text is dropped, too.
 */
typedef int (*vmm_control_fn)(void *opaque, char *const *words, FILE *answer,
			      struct vsu_error *err);

struct vmm_control_command {
	const char *name;
	const char *args;	/* "DEVICE SIZE"; NULL: none */
	unsigned int nargs, nargs_max;	/* at least, at most */
	vmm_control_fn fn;
};

struct vmm_control;

/* commands ends with a row without a name and outlives it, as opaque does. */
int vmm_control_new(struct ev_loop *loop, const char *path,
		    const struct vmm_control_command *commands, void *opaque,
		    struct vmm_control **out, struct vsu_error *err);

/*
 * For the command that is being carried out: its client is answered by a
 * vmm_control_tell() of the same subject.
 */
int vmm_control_wait(struct vmm_control *control, const void *subject);

/*
 * Answers all who wait for the subject, with members as a command writes them, or
 * with the refusal that err has unless it is NULL. Returns how many there were.
 */
unsigned int vmm_control_tell(struct vmm_control *control, const void *subject,
			      const char *members,
			      const struct vsu_error *err);

void vmm_control_free(struct vmm_control *control);

#endif
