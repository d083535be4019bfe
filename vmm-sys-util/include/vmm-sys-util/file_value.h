/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A file as the value of an option: a path, or "fd:N" or "fd:N:NAME", an open descriptor
 * and its name in messages. A file with such a name is written as "./fd:N".
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_FILE_VALUE_H
#define VMM_SYS_UTIL_FILE_VALUE_H

#include <stdbool.h>
#include <sys/stat.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VSU_FILE_VALUE_FD "fd:"
/* In place of N: a descriptor of another process, which cannot be opened again. */
#define VSU_FILE_VALUE_FORMER "former"

struct vsu_file_value {
	const char *name;	/* the path, NAME, or the whole text: part of the text */
	bool has_fd;
	int fd;			/* borrowed */
};

/* -EINVAL: "fd:" without a number; -EBADF: a descriptor of another process. */
VSU_API int vsu_file_value_read(const char *text, struct vsu_file_value *out,
				struct vsu_error *err) VSU_NODISCARD;

/* The member name of the text, also of one that is refused. */
VSU_API const char *vsu_file_value_name(const char *text);

VSU_API bool vsu_file_value_is_fd(const char *text);

/* A new descriptor of the file, with flags of open(2) for a path, and close-on-exec; or -errno. */
VSU_API int vsu_file_value_open(const char *text, int flags) VSU_NODISCARD;

/* The same of a file in the folder that the text names. */
VSU_API int vsu_file_value_open_in(const char *text, const char *name, int flags) VSU_NODISCARD;

/* stat() of a path, or fstat() of a descriptor: 0 or -errno. */
VSU_API int vsu_file_value_stat(const char *text, struct stat *st) VSU_NODISCARD;

/* Whether both exist, and are one file. */
VSU_API bool vsu_file_value_is_same(const char *a, const char *b);

VSU_END_DECLS

#endif
