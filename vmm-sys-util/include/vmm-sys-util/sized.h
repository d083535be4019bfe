/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Structs of a caller to which later releases add members at the end. The first member
 * is "size_t size", which the caller sets to sizeof the struct. The library compares it
 * with its own:
 *
 *   smaller   the caller was built with older headers: the missing members are 0
 *   greater   the caller was built with newer headers: the additional members must
 *             be 0, as their default is; else the caller requests something that this
 *             library cannot do, and the call fails
 *   0         the caller did not set it: the call fails
 *
 * So a caller zeroes the whole struct before it sets members.
 *
 * Threads: pure functions.
 */
#ifndef VMM_SYS_UTIL_SIZED_H
#define VMM_SYS_UTIL_SIZED_H

#include <stddef.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Bytes of the largest struct; a greater size was not set by the caller. */
#define VSU_MAX_STRUCT 4096u

/*
 * Copies the caller's struct at from to the library's struct at to, which has to_size
 * bytes. Members that from lacks are 0. The size of the copy is the number of copied
 * bytes. name is the name of the struct in the error message, such as
 * "struct virtdev_ops". -EINVAL: from is NULL, or its size is less than
 * sizeof(size_t); -E2BIG: an additional member is not 0, or the size exceeds
 * VSU_MAX_STRUCT. to is unchanged after a failure.
 */
VSU_API int vsu_copy_sized(void *to, size_t to_size, const void *from,
			   const char *name, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Checks an array of a caller: -EINVAL if it is NULL and n is not 0. name is that of the array
 * in the error message, such as "config->regions".
 */
VSU_API int vsu_check_array(const void *array, size_t n, const char *name,
			    struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
