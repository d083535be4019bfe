/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * JSON (RFC 8259), written to a stream.
 *
 * This writes {"cpus":2,"memory":[]}:
 *
 *	struct vsu_json j = { .to = file };
 *
 *	vsu_json_open(&j, NULL, '{');
 *	vsu_json_u64(&j, "cpus", 2);
 *	vsu_json_open(&j, "memory", '[');
 *	vsu_json_close(&j, ']');
 *	vsu_json_close(&j, '}');
 *
 * Commas are written where they belong. The caller passes keys in objects, and NULL in
 * arrays. Keys are not escaped: they are words of the program, without quotes and
 * backslashes. The owner of the stream checks it for errors.
 *
 * Threads: one at a time for a struct vsu_json and its stream.
 */
#ifndef VMM_SYS_UTIL_JSON_H
#define VMM_SYS_UTIL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

struct vsu_json {
	FILE *to;
	bool more;	/* a comma precedes the next value; set to append to an object */
};

/* An object or an array; the bracket is '{' or '[', and then '}' or ']'. */
VSU_API void vsu_json_open(struct vsu_json *j, const char *key, char bracket);
VSU_API void vsu_json_close(struct vsu_json *j, char bracket);

VSU_API void vsu_json_u64(struct vsu_json *j, const char *key, uint64_t value);
VSU_API void vsu_json_i64(struct vsu_json *j, const char *key, int64_t value);
VSU_API void vsu_json_bool(struct vsu_json *j, const char *key, bool value);
/* text NULL: null. */
VSU_API void vsu_json_text(struct vsu_json *j, const char *key, const char *text);

/*
 * Writes text as a JSON string with quotes. File names may contain arbitrary bytes;
 * invalid UTF-8 becomes U+FFFD.
 */
VSU_API void vsu_json_string(const char *text, FILE *to);

VSU_END_DECLS

#endif
