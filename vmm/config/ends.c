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

/* How a value begins; a word is a whole value, others are followed by a path. */
static const struct {
	const char *text;
	bool is_word;
	int how;
} serial_ends[] = {
	{ "stdio", true, VMM_SERIAL_STDIO },
	{ "null", true, VMM_SERIAL_NULL },
	{ "pty", true, VMM_SERIAL_PTY },
	{ "socket:", false, VMM_SERIAL_SOCKET },
	{ "", false, VMM_SERIAL_FILE },
};

void vmm_serial_end_read(struct vmm_serial_end *end)
{
	const char *text = end->path;
	size_t i = 0, len;

	end->how = VMM_SERIAL_DEFAULT;
	if (!text)
		return;
	while (serial_ends[i].is_word ? strcmp(text, serial_ends[i].text) :
					strncmp(text, serial_ends[i].text, strlen(serial_ends[i].text)))
		i++;
	len = strlen(serial_ends[i].text);
	end->how = serial_ends[i].how;
	end->path = serial_ends[i].is_word ? NULL : text + len;
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
