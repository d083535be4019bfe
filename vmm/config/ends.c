/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the value of --serial. */
#include <config.h>

#include <stdbool.h>
#include <string.h>

#include "config/ends.h"

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
