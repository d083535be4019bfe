/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Writes JSON:
 *
 *	struct vmm_json j = { .to = file };
 *
 *	vmm_json_open(&j, NULL, '{');
 *	vmm_json_u64(&j, "cpus", 2);
 *	vmm_json_open(&j, "memory", '[');
 *	vmm_json_close(&j, ']');
 *	vmm_json_close(&j, '}');	{"cpus":2,"memory":[]}
 *
 * Commas are written where they belong. The caller passes keys in objects, and NULL in
 * arrays; keys are words of the program.
 */
#ifndef VMM_BASE_JSON_H
#define VMM_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct vmm_json {
	FILE *to;
	bool more;	/* a comma precedes the next value; set to append to an object */
};

/* An object or an array; the bracket is '{' or '[', and then '}' or ']'. */
void vmm_json_open(struct vmm_json *j, const char *key, char bracket);
void vmm_json_close(struct vmm_json *j, char bracket);

void vmm_json_u64(struct vmm_json *j, const char *key, uint64_t value);
void vmm_json_i64(struct vmm_json *j, const char *key, int64_t value);
void vmm_json_bool(struct vmm_json *j, const char *key, bool value);
/* text NULL: null. */
void vmm_json_text(struct vmm_json *j, const char *key, const char *text);

/*
 * The member "arguments": the n words of a command line without the flags of skipped,
 * which ends with NULL. Words behind "--", which are names of files, get "./" in front
 * if they look like options, and "--" itself is left out.
 */
void vmm_json_arguments(struct vmm_json *j, char *const *words, int n,
			const char *const *skipped);

/* A line with an object whose only member is that. */
void vmm_json_command_line(FILE *to, char *const *words, int n);

/*
 * Writes text as a JSON string with quotes. File names may contain arbitrary bytes;
 * invalid UTF-8 becomes U+FFFD.
 */
void vmm_json_string(const char *text, FILE *to);

#endif
