/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the values of --serial and --control. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "config/ends.h"

#define INHERITED "fd:"

void vmm_serial_end_read(struct vmm_serial_end *end)
{
	const char *text = end->path;

	end->how = !text ? VMM_SERIAL_DEFAULT :
		   !strcmp(text, "stdio") ? VMM_SERIAL_STDIO :
		   !strcmp(text, "null") ? VMM_SERIAL_NULL : VMM_SERIAL_FILE;
	end->path = end->how == VMM_SERIAL_FILE ? text : NULL;
}

int vmm_control_end_read(struct vmm_control_end *end, struct vsu_error *err)
{
	const char *text = end->path;
	uint64_t fd;

	if (!text || strncmp(text, INHERITED, strlen(INHERITED)) != 0)
		return 0;
	text += strlen(INHERITED);
	if (vsu_parse_u64(text, &fd) < 0 || fd > INT_MAX)
		return vsu_error_set(err, -EINVAL, "option --control: '%s' is not the number of a descriptor",
				     text);
	*end = (struct vmm_control_end){ .inherited = true, .fd = (int)fd };
	return 0;
}
