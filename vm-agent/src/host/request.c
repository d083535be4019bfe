/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records of a request. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm-agent/protocol.h"
#include "vm-agent/request.h"


static int append_text(struct vagent_request *r, char letter, const char *text, size_t len)
{
	char *bytes;

	if (len + 2 > VAGENT_MAX_REQUEST - r->len)
		return -E2BIG;
	bytes = realloc(r->records, r->len + len + 2);
	if (!bytes)
		return -ENOMEM;
	r->records = bytes;
	bytes[r->len] = letter;
	memcpy(bytes + r->len + 1, text, len + 1);
	r->len += (uint32_t)len + 2;
	return 0;
}

void vagent_request_add(struct vagent_request *r, char letter, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	if (r->rc < 0)
		return;
	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		r->rc = -ENOMEM;
		return;
	}
	r->rc = append_text(r, letter, text, (size_t)len);
	free(text);
}

void vagent_request_add_all(struct vagent_request *r, const struct vagent_request *others)
{
	uint32_t at = 0, len;

	for (; !r->rc && at < others->len; at += len + 1) {
		len = (uint32_t)strlen(others->records + at);
		if (len)
			r->rc = append_text(r, others->records[at], others->records + at + 1, len - 1);
	}
}

int vagent_request_check(const struct vagent_request *r, struct vsu_error *err)
{
	if (r->rc == -E2BIG)
		return vsu_error_set(err, r->rc, "the command and its environment exceed %u bytes", VAGENT_MAX_REQUEST);
	return r->rc < 0 ? vsu_error_set(err, r->rc, "no memory for a request") : 0;
}

void vagent_request_free(struct vagent_request *r)
{
	free(r->records);
	*r = (struct vagent_request){ NULL, 0, 0 };
}
