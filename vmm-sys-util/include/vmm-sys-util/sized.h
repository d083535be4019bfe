/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Structs that a caller fills and that grow with the library: their first
 * member is "size_t size", which the caller sets to sizeof the struct as its
 * headers know it.
 *
 *   shorter than the library's  built against older headers: the members that
 *                               the caller does not know are 0
 *   longer than the library's   built against newer headers: the members that
 *                               the library does not know are not read
 *   0                           forgotten: refused, because every member
 *                               would be taken for unset
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
 * Copies the sized struct at from into to, a struct of to_size bytes of the
 * library's own, clears what from does not cover, and sets the copy's size to
 * the bytes that were taken over. name is the struct's in the sentence, as in
 * "struct virtdev_ops". Fails with -EINVAL, and leaves to alone, when from is
 * NULL or when its size does not even cover the member size.
 */
VSU_API int vsu_copy_sized(void *to, size_t to_size, const void *from,
			   const char *name, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
