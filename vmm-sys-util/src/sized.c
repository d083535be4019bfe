/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copying structs whose callers may have been built against other headers. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

static bool is_zero(const unsigned char *bytes, size_t n)
{
	while (n && !bytes[n - 1])
		n--;
	return !n;
}

static int check_size(size_t size, size_t to_size, const void *from,
		      const char *name, struct vsu_error *err)
{
	if (size < sizeof(size))
		return vsu_error_set(err, -EINVAL,
				     "%s: size is %zu; set it to sizeof(%s)",
				     name, size, name);
	if (size > VSU_MAX_STRUCT)
		return vsu_error_set(err, -E2BIG,
				     "%s: size is %zu, the maximum is %u; set it to sizeof(%s)",
				     name, size, VSU_MAX_STRUCT, name);
	if (size > to_size && !is_zero((const unsigned char *)from + to_size, size - to_size))
		return vsu_error_set(err, -E2BIG,
				     "%s: a member behind byte %zu is not 0, but this library is older than the member; leave it 0, or use a newer library",
				     name, to_size);
	return 0;
}

int vsu_copy_sized(void *to, size_t to_size, const void *from,
		   const char *name, struct vsu_error *err)
{
	size_t size;
	int rc;

	if (!from)
		return vsu_error_set(err, -EINVAL,
				     "%s is NULL; give one, with its size set to sizeof(%s)",
				     name, name);
	memcpy(&size, from, sizeof(size));
	rc = check_size(size, to_size, from, name, err);
	if (rc < 0)
		return rc;
	if (size > to_size)
		size = to_size;
	memset(to, 0, to_size);
	memcpy(to, from, size);
	memcpy(to, &size, sizeof(size));
	return 0;
}

int vsu_check_array(const void *array, size_t n, const char *name, struct vsu_error *err)
{
	return array || !n ? 0 :
	       vsu_error_set(err, -EINVAL, "%s is NULL, but its number is %zu; pass an array, or 0",
			     name, n);
}
