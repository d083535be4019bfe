/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reading one list of strings out of a JSON document (RFC 8259).
 *
 * Threads: no state.
 */
#ifndef PROGRAMS_JSON_READ_H
#define PROGRAMS_JSON_READ_H

#include <vmm-sys-util/error.h>

/*
 * text is an object whose member name is an array of strings. They are decoded
 * in place and stored to words, up to max of them; other members are checked for
 * their form and ignored. Returns their number. -EBADMSG: not such a document;
 * -E2BIG: more strings.
 */
int prog_json_read_strings(char *text, const char *name, char **words, int max,
			   struct vsu_error *err);

#endif
