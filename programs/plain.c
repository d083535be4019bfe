/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Prints text without control characters. */
#include <config.h>

#include <string.h>

#include "plain.h"

/* Bytes of a control character at the text's beginning: 0, 1, or 2 (C1 in UTF-8). */
static unsigned int control_len(const unsigned char *text)
{
	if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] <= 0x9f)
		return 2;
	return text[0] < ' ' || text[0] == 0x7f;
}

void vmm_print_plain_part(const char *text, const char *end, FILE *to)
{
	unsigned int n;

	while (text < end) {
		n = control_len((const unsigned char *)text);
		fputc(n ? '?' : *text, to);
		text += n ? n : 1;
	}
}

void vmm_print_plain(const char *text, FILE *to)
{
	vmm_print_plain_part(text, text + strlen(text), to);
}
