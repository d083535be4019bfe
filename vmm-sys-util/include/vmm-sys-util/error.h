/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The reason of a failure, for people and for programs.
 *
 * Functions return 0 or a positive count on success and a negative errno on
 * failure. Functions of the control path take an optional last argument, a
 * struct vsu_error that the caller owns and that they fill on failure only:
 * one sentence in the caller's terms, and the operands of the rule that was
 * broken. Nothing is allocated and there is nothing to free. NULL is allowed
 * wherever a struct vsu_error pointer is taken.
 *
 * Meaning of the codes, the same in all libraries:
 *
 *   -EINVAL      an argument of the caller is wrong
 *   -EFAULT      a guest address range is not covered by memory
 *   -EBADMSG     a peer or guest sent malformed data
 *   -EPROTO      well formed, but illegal now (order, state, number of fds)
 *   -EMSGSIZE    larger than the protocol allows
 *   -EOPNOTSUPP  not negotiated, or not offered by this host
 *   -ECONNRESET  the peer is gone; the object is dead
 *   -EAGAIN      would block, or not now: wait for the fd
 *   -ENOSPC      a ring or a table is full
 *   -ELOOP       a descriptor chain does not end
 *   -EBUSY       in use by somebody else
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
	uint32_t arg;	/* which argument, ring, region or message */
	uint64_t got;	/* the value that broke the rule */
	uint64_t limit;	/* the value that would have been allowed */
	char msg[488];	/* one sentence without newline, always terminated */
};

#define VSU_ERROR_INIT { 0, 0, 0, 0, { 0 } }

/*
 * Fills *err with a code and a sentence and returns the code, so that
 * "return vsu_error_set(err, -EINVAL, ...)" is the usual form. A sentence
 * longer than msg is shortened in its middle, where the value is, so that
 * its beginning (which option) and its end (the remedy) survive. Control
 * characters in the sentence, which a peer or a file name may have brought,
 * are shown as '?'.
 */
VSU_API int vsu_error_set(struct vsu_error *err, int code, const char *fmt, ...)
	VSU_PRINTF(3, 4) VSU_COLD;
VSU_API int vsu_error_setv(struct vsu_error *err, int code, const char *fmt,
			   va_list ap) VSU_PRINTF(3, 0) VSU_COLD;

/*
 * As vsu_error_set(), and appends ": " and the system's text for the code.
 * For system calls: vsu_error_sys(err, -errno, "cannot open '%s'", path).
 */
VSU_API int vsu_error_sys(struct vsu_error *err, int code, const char *fmt, ...)
	VSU_PRINTF(3, 4) VSU_COLD;

/*
 * Puts "context: " in front of the sentence that is in *err and returns code,
 * for callers that know more than the function that failed.
 */
VSU_API int vsu_error_prefix(struct vsu_error *err, int code,
			     const char *fmt, ...) VSU_PRINTF(3, 4) VSU_COLD;

/* Adds the operands for programs; returns err->code (0 when err is NULL). */
VSU_API int vsu_error_operands(struct vsu_error *err, uint32_t arg,
			       uint64_t got, uint64_t limit);

/* Back to "no error". */
VSU_API void vsu_error_clear(struct vsu_error *err);

/*
 * The text of an errno value, positive or negative, without locale. Writes
 * into the caller's buffer and returns it. Thread-safe.
 */
VSU_API const char *vsu_strerror(int code, char *buf, unsigned int size);

VSU_END_DECLS

#endif
