/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors that a client attaches to a line (SCM_RIGHTS), and the words of the line
 * that name them: fd:N is the descriptor with the index N of its message.
 *
 * A read from a UNIX socket ends behind a message with descriptors. They therefore belong
 * to the line that has the last byte of the read.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_PASSED_H
#define VMM_CONTROL_PASSED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

#define VMM_PASSED_MAX 16u	/* descriptors of one line */

/*
 * Threads that close descriptors of peers, which the first call may start; NULL: there are none, and
 * the caller closes.
 */
typedef struct vsu_closer *(*vmm_closer_fn)(void *opaque);

struct vmm_passed {
	vmm_closer_fn closer;	/* or NULL */
	void *opaque;		/* of it */
	unsigned int n;
	unsigned int used;	/* a bit for each that a word has named */
	size_t end;		/* of the line's bytes that were received with them */
	int fds[VMM_PASSED_MAX];	/* owned */
};

/*
 * Receives bytes behind len others. Result as vsu_sock_recv(); -E2BIG: too many
 * descriptors, -EBUSY: those of another line are still pending.
 */
ssize_t vmm_passed_receive(struct vmm_passed *p, int sock, char *to, size_t room,
			   size_t len);

/* len bytes of a line were removed from the buffer. */
void vmm_passed_advance(struct vmm_passed *p, size_t len);

/*
 * The command has succeeded, and has copies of what it used: closes the sockets of these.
 * vmm_passed_close() would disconnect them, or receive what their peers have sent.
 */
void vmm_passed_release(struct vmm_passed *p);

/* Closes all; a file whose server is unresponsive is closed by another thread. */
void vmm_passed_close(struct vmm_passed *p);

/*
 * The descriptor that the word "fd:N" names, borrowed until the command returns. p may
 * be NULL, without descriptors. -EBADF: the message had none with this index.
 */
int vmm_passed_find(struct vmm_passed *p, const char *word, int *fd,
		    struct vsu_error *err);

/* A request has used all that came with the line. p may be NULL. */
void vmm_passed_use_all(struct vmm_passed *p);

/* -EINVAL: a descriptor was attached that no word has named. */
int vmm_passed_check_used(const struct vmm_passed *p, struct vsu_error *err);

#endif
