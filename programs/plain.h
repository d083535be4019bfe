/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Text of another process or of a file for people: a terminal would obey its control characters, so
 * each of them becomes a question mark.
 *
 * Threads: no state.
 */
#ifndef VMM_PLAIN_H
#define VMM_PLAIN_H

#include <stdio.h>

void vmm_print_plain(const char *text, FILE *to);

/* Prints the bytes of a text up to its end. */
void vmm_print_plain_part(const char *text, const char *end, FILE *to);

#endif
