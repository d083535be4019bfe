/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file as the value of an option: a path, or an open descriptor as "fd:N" or
 * "fd:N:NAME", where NAME stands for it in messages. "./fd:N" is a path.
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_FILE_VALUE_H
#define VMM_SYS_UTIL_FILE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VSU_FILE_VALUE_FD "fd:"
/* In place of N, this word stands for a descriptor of another process; it cannot be opened. */
#define VSU_FILE_VALUE_FORMER "former"

struct vsu_file_value {
	const char *name;	/* the path, NAME, or the whole text: part of the text */
	bool has_fd;
	int fd;			/* borrowed */
};

/* -EINVAL: "fd:" without a number; -EBADF: a descriptor of another process. */
VSU_API int vsu_file_value_read(const char *text, struct vsu_file_value *out,
				struct vsu_error *err) VSU_NODISCARD;

/* Returns the member name, even for a text that vsu_file_value_read() refuses. */
VSU_API const char *vsu_file_value_name(const char *text);

VSU_API bool vsu_file_value_is_fd(const char *text);

/*
 * Writes the value for another process, to which no descriptor was passed: "fd:former:NAME" in place
 * of "fd:7:NAME". A new text, which the caller frees; NULL: no memory.
 */
VSU_API char *vsu_file_value_former(const char *text);

/*
 * Opens a path with the flags of open(2), or duplicates the descriptor and ignores them.
 * Returns a new close-on-exec descriptor, or -errno.
 */
VSU_API int vsu_file_value_open(const char *text, int flags) VSU_NODISCARD;

/* Opens the file name in the folder that the text names, with the flags; or -errno. */
VSU_API int vsu_file_value_open_in(const char *text, const char *name, int flags) VSU_NODISCARD;

/*
 * Reads a text to its end, from an open file or pipe; *out ends with a 0, and the caller frees it.
 * -E2BIG: it has max bytes or more; -EBADMSG: a byte is 0.
 */
VSU_API int vsu_file_value_read_text(int fd, size_t max, char **out, struct vsu_error *err) VSU_NODISCARD;

/* Calls stat() for a path, or fstat() for a descriptor: 0 or -errno. */
VSU_API int vsu_file_value_stat(const char *text, struct stat *st) VSU_NODISCARD;

/* Tells whether both files exist and are the same one. */
VSU_API bool vsu_file_value_is_same(const char *a, const char *b);

VSU_END_DECLS

#endif
