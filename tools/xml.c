/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Text in a file of XML. */
#include <config.h>

#include "xml.h"

/* Control characters are not allowed in XML. */
void xml_text(FILE *to, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '&':
			fputs("&amp;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc((unsigned char)*text < ' ' && *text != '\n' ? ' ' : *text, to);
			break;
		}
}
