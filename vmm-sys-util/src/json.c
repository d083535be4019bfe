/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes JSON. */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <vmm-sys-util/json.h>

/* UTF-8 sequences: mask and value of the first byte, and the smallest code point. */
static const struct form {
	unsigned char mask, first;
	size_t len;
	uint32_t least;
} forms[] = {
	{ 0x80, 0x00, 1, 0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

/* The length of the character at s; 0: invalid UTF-8. */
static size_t character_len(const unsigned char *s)
{
	const struct form *form = forms, *end = forms + 4;
	uint32_t value;
	size_t i;

	while (form < end && (*s & form->mask) != form->first)
		form++;
	if (form == end)
		return 0;
	value = *s & (unsigned char)~form->mask;
	for (i = 1; i < form->len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;	/* also at the terminating 0 */
		value = value << 6 | (s[i] & 0x3f);
	}
	if (value < form->least || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return form->len;
}

void vsu_json_string(const char *text, FILE *to)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	fputc('"', to);
	for (; *s; s += len ? len : 1) {
		len = character_len(s);
		if (!len)
			fputs("\\ufffd", to);
		else if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if (*s < ' ')
			fprintf(to, "\\u%04x", *s);
		else
			fwrite(s, 1, len, to);
	}
	fputc('"', to);
}

/* -------------------------------------------------------------------- members */

static void put_key(struct vsu_json *j, const char *key)
{
	if (j->more)
		fputc(',', j->to);
	if (key)
		fprintf(j->to, "\"%s\":", key);
	j->more = true;
}

void vsu_json_open(struct vsu_json *j, const char *key, char bracket)
{
	put_key(j, key);
	fputc(bracket, j->to);
	j->more = false;
}

void vsu_json_close(struct vsu_json *j, char bracket)
{
	fputc(bracket, j->to);
	j->more = true;
}

void vsu_json_u64(struct vsu_json *j, const char *key, uint64_t value)
{
	put_key(j, key);
	fprintf(j->to, "%" PRIu64, value);
}

void vsu_json_i64(struct vsu_json *j, const char *key, int64_t value)
{
	put_key(j, key);
	fprintf(j->to, "%" PRId64, value);
}

void vsu_json_bool(struct vsu_json *j, const char *key, bool value)
{
	put_key(j, key);
	fputs(value ? "true" : "false", j->to);
}

void vsu_json_text(struct vsu_json *j, const char *key, const char *text)
{
	put_key(j, key);
	if (text)
		vsu_json_string(text, j->to);
	else
		fputs("null", j->to);
}
