/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Structs of a caller to which later releases add members at the end. The first member
 * is "size_t size", which the caller sets to sizeof the struct. The library compares it
 * with its own:
 *
 *   smaller   the caller was built with older headers: the missing members are 0
 *   greater   the caller was built with newer headers: the library ignores the
 *             additional members
 *   0         the caller did not set it: the call fails
 *
 * Threads: pure functions.
 */
#ifndef VMM_SYS_UTIL_SIZED_H
#define VMM_SYS_UTIL_SIZED_H

#include <stddef.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Copies the caller's struct at from to the library's struct at to, which has to_size
 * bytes. Members that from lacks are 0. The size of the copy is the number of copied
 * bytes. name is the name of the struct in the error message, such as
 * "struct virtdev_ops". -EINVAL: from is NULL, or its size is less than
 * sizeof(size_t); to is unchanged.
 */
VSU_API int vsu_copy_sized(void *to, size_t to_size, const void *from,
			   const char *name, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
