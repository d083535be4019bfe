/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A terminal in raw mode, which is restored when the program stops or ends.
 *
 * The program calls vsu_terminal_init() to change the modes, vsu_terminal_suspend() before it stops
 * itself, vsu_terminal_resume() after it is continued, and vsu_terminal_restore() at its end. The
 * library handles no signals. While this process is in the background, no call changes the modes:
 * SIGTTOU would stop the process, and the modes are those of another program.
 *
 * Threads: one thread at a time uses a terminal.
 */
#ifndef VMM_SYS_UTIL_TERMINAL_H
#define VMM_SYS_UTIL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <termios.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* The caller zeroes it and sets the first members. Its size is part of the ABI. */
struct vsu_terminal {
	int in_fd;		/* borrowed; negative: no terminal */
	void (*quit)(void *opaque); /* of vsu_terminal_filter(): Ctrl-A x, or NULL */
	void (*info)(void *opaque); /* of vsu_terminal_filter(): Ctrl-A c, or NULL */
	void *opaque;
	/* for the caller to read */
	bool is_used;		/* in_fd is a terminal, until vsu_terminal_restore() */
	bool raw;		/* its modes are changed; false: not, or this process is in the background */
	/* private */
	bool changed;		/* saved are the modes before */
	bool escaped;		/* Ctrl-A was the last key */
	struct termios saved;
};

/*
 * Sets raw mode if in_fd is a terminal: input arrives by single characters, without echo and
 * signals, and output is unchanged. In the background, only vsu_terminal_resume() does so later.
 */
VSU_API void vsu_terminal_init(struct vsu_terminal *t);

/* Restores the modes, for the last time, and discards unread input, if in the foreground. */
VSU_API void vsu_terminal_restore(struct vsu_terminal *t);

/* Restores the modes and discards unread input, before the process stops. */
VSU_API void vsu_terminal_suspend(struct vsu_terminal *t);

/* Sets raw mode again, after the process was continued or has come to the foreground. */
VSU_API void vsu_terminal_resume(struct vsu_terminal *t);

/*
 * Reads a terminal, or another file, as read() does. -EAGAIN in the background of a terminal, where SIGTTIN would stop this
 * process: the input is another program's. Others: those of read().
 */
VSU_API ssize_t vsu_terminal_read(int fd, void *bytes, size_t len) VSU_NODISCARD;

/*
 * Removes escape sequences from typed bytes in place, and calls their functions: Ctrl-A x, Ctrl-A c;
 * Ctrl-A and another key is that key. Returns the number of bytes that remain. Without raw mode all
 * bytes remain.
 */
VSU_API size_t vsu_terminal_filter(struct vsu_terminal *t, unsigned char *bytes, size_t n);

/*
 * Opens a terminal or pipe again for writing without blocking. Programs that share out_fd are not
 * affected. The caller owns the descriptor. -ENOTTY: neither; other errors are those of open().
 */
VSU_API int vsu_terminal_reopen(int out_fd) VSU_NODISCARD;

VSU_END_DECLS

#endif
