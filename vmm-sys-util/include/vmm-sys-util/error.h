/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The reason of a failure: a sentence for users, numbers for programs.
 *
 * Functions return 0 or a positive count on success and a negative errno on
 * failure. The last argument of control path functions points to a struct
 * vsu_error of the caller, or is NULL. On failure it receives one sentence in
 * the caller's terms and, for some rules, the numbers that broke the rule. The
 * struct owns no memory.
 *
 * Meaning of the codes, the same in all libraries:
 *
 *   -EINVAL      the caller passed an invalid argument
 *   -EFAULT      a guest address range is not covered by memory
 *   -EBADMSG     a peer or guest sent malformed data
 *   -EPROTO      well formed, but illegal now (order, state, number of fds)
 *   -EMSGSIZE    larger than the protocol allows
 *   -EOPNOTSUPP  not negotiated, or not offered by this host
 *   -ECONNRESET  the peer has disconnected; the object is unusable
 *   -EAGAIN      not possible now: wait for the fd, then call again
 *   -ENOSPC      a ring or a table is full
 *   -EBUSY       in use
 *   -ETIMEDOUT   the peer did not answer in time
 *
 * Other codes are those of the system call that failed.
 *
 * Threads: a struct vsu_error belongs to one thread at a time.
 */
#ifndef VMM_SYS_UTIL_ERROR_H
#define VMM_SYS_UTIL_ERROR_H

#include <stdarg.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* 512 bytes, fixed layout. All zero means "no error". */
struct vsu_error {
	int32_t code;	/* the negative errno that the call returned */
	uint32_t arg;	/* number of the argument, ring, region or message */
	uint64_t got;	/* the value that broke the rule */
	uint64_t limit;	/* the limit that this value violates */
	char msg[488];	/* one sentence without newline, always terminated */
};

#define VSU_ERROR_INIT { 0, 0, 0, 0, { 0 } }

/*
 * Fills *err with a code and a sentence and returns the code, so that
 * "return vsu_error_set(err, -EINVAL, ...)" is the usual form. The operands
 * become 0. If the sentence is too long for msg, "..." replaces its middle: the
 * option at its beginning and the remedy at its end remain. Control characters
 * and invalid UTF-8, for example of a peer or a file name, become '?'.
 */
VSU_API int vsu_error_set(struct vsu_error *err, int code, const char *fmt, ...)
	VSU_PRINTF(3, 4) VSU_COLD;
VSU_API int vsu_error_setv(struct vsu_error *err, int code, const char *fmt,
			   va_list ap) VSU_PRINTF(3, 0) VSU_COLD;

/*
 * Fills *err as vsu_error_set() does, and appends ": " and the text of vsu_strerror().
 * For system calls: vsu_error_sys(err, -errno, "cannot open '%s'", path).
 */
VSU_API int vsu_error_sys(struct vsu_error *err, int code, const char *fmt, ...)
	VSU_PRINTF(3, 4) VSU_COLD;

/*
 * Prepends "context: " to the sentence in *err, sets and returns the code, and
 * keeps the operands. For callers that add, for example, the option's name.
 */
VSU_API int vsu_error_prefix(struct vsu_error *err, int code,
			     const char *fmt, ...) VSU_PRINTF(3, 4) VSU_COLD;

/*
 * Sets the operands, after vsu_error_set(). Returns err->code (0 if err is NULL).
 */
VSU_API int vsu_error_operands(struct vsu_error *err, uint32_t arg,
			       uint64_t got, uint64_t limit);

/*
 * Replaces bytes that could control a terminal or mislead its reader by question marks: control
 * characters, characters that reorder text or end a line, and invalid UTF-8. The functions above
 * call it for each sentence.
 */
VSU_API void vsu_make_printable(char *text);

/* Sets *err to "no error". */
VSU_API void vsu_error_clear(struct vsu_error *err);

/*
 * The text of an errno value, positive or negative, in English whatever the
 * locale is. Writes it to the caller's buffer, which is returned. Thread-safe.
 */
VSU_API const char *vsu_strerror(int code, char *buf, unsigned int size);

VSU_END_DECLS

#endif
