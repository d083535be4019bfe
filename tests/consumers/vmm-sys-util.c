/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvmm-sys-util, in the common part of C99 and C++11. */
#include <string.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/version.h>

int main(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	uint64_t size = 0;

	if (vsu_parse_size("256M", &size) || size != (256u << 20))
		return 1;
	vsu_error_set(&err, -1, "size %s", "256M");
	if (strcmp(err.msg, "size 256M"))
		return 1;
	return strlen(vsu_version()) > 0 ? 0 : 1;
}
