/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads a path, "fd:N" or "fd:N:NAME". */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "base/file_value.h"

static const char prefix[] = "fd:";

bool prog_file_value_is_fd(const char *text)
{
	return !strncmp(text, prefix, strlen(prefix));
}

const char *prog_file_value_name(const char *text)
{
	const char *colon = prog_file_value_is_fd(text) ?
			    strchr(text + strlen(prefix), ':') : NULL;

	return colon && colon[1] ? colon + 1 : text;
}

int prog_file_value_read(const char *text, struct prog_file_value *out,
			 struct vsu_error *err)
{
	struct prog_file_value v = { prog_file_value_name(text), false, -1 };
	char number[12] = "";
	uint64_t fd;
	size_t len;

	if (prog_file_value_is_fd(text)) {
		text += strlen(prefix);
		len = strcspn(text, ":");
		if (len < sizeof(number))
			memcpy(number, text, len);
		if (vsu_parse_u64(number, &fd) < 0 || fd > INT_MAX)
			return vsu_error_set(err, -EINVAL,
					     "'fd:%s' is not a descriptor such as fd:3; write './fd:...' for a file of that name",
					     text);
		v.has_fd = true;
		v.fd = (int)fd;
	}
	*out = v;
	return 0;
}
