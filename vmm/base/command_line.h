/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes command lines as JSON. */
#ifndef VMM_BASE_COMMAND_LINE_H
#define VMM_BASE_COMMAND_LINE_H

#include <stdio.h>

#include <vmm-sys-util/json.h>

/*
 * Writes the member "arguments": the n words of a command line without the flags of skipped,
 * which ends with NULL. Words behind "--", which are names of files, get "./" in front
 * if they look like options, and "--" itself is left out.
 */
void vmm_command_line_member(struct vsu_json *j, char *const *words, int n,
			     const char *const *skipped);

/* Writes a line with an object whose only member is that. */
void vmm_command_line_write(FILE *to, char *const *words, int n);

#endif
