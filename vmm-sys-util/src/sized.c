/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copying structs whose callers may have been built against other headers. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

int vsu_copy_sized(void *to, size_t to_size, const void *from,
		   const char *name, struct vsu_error *err)
{
	size_t size;

	if (!from)
		return vsu_error_set(err, -EINVAL,
				     "%s is NULL; give one, with its size set to sizeof(%s)",
				     name, name);
	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size))
		return vsu_error_set(err, -EINVAL,
				     "%s: size is %zu; set it to sizeof(%s)",
				     name, size, name);
	if (size > to_size)
		size = to_size;
	memset(to, 0, to_size);
	memcpy(to, from, size);
	memcpy(to, &size, sizeof(size));
	return 0;
}
