/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Text in a file of XML, for reports and plots. */
#ifndef TOOLS_XML_H
#define TOOLS_XML_H

#include <stdio.h>

/* Writes text so that it is neither markup nor ends an attribute. */
void xml_text(FILE *to, const char *text);

#endif
