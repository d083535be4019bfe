/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reads one member of a JSON object (RFC 8259), a string or a list of strings, or all
 * values, from a text in memory that it modifies. Nothing is allocated; values may be
 * nested up to 32 deep.
 *
 * Threads: any thread.
 */
#ifndef VMM_SYS_UTIL_JSON_READ_H
#define VMM_SYS_UTIL_JSON_READ_H

#include <stdbool.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Reads the member name of the object text, an array of strings. The strings are decoded
 * in place and stored to words, up to max of them. In other members, the syntax of brackets
 * and strings is checked, but not that of numbers and words. Returns the number of strings.
 * -EBADMSG: not such a document; -E2BIG: more strings.
 */
VSU_API int vsu_json_read_strings(char *text, const char *name, char **words, int max,
				  struct vsu_error *err) VSU_NODISCARD;

/* Reads a member that is one string in the same way. Returns 0 or -EBADMSG. */
VSU_API int vsu_json_read_string(char *text, const char *name, char **word,
				 struct vsu_error *err) VSU_NODISCARD;

/* Maximum bytes of a path, with its terminator. Names of annotations have up to 317. */
#define VSU_JSON_PATH 512

/* path: names and indexes, as in "devices.0.kind"; value: a string, or its text. */
typedef void (*vsu_json_fn)(void *opaque, const char *path, const char *value,
			    bool is_string);

/*
 * Calls fn for each string, number and word in the object text, in order. The arguments
 * of fn are valid during its call; text is modified. -EBADMSG: text is no object, or is
 * nested too deeply; fn was called for the values before the fault.
 */
VSU_API int vsu_json_walk(char *text, vsu_json_fn fn, void *opaque, struct vsu_error *err) VSU_NODISCARD;

/*
 * Returns whether a path matches a form such as "devices.#.rings.#.*", where each # is an
 * index, and * at the end is at least one name. *last receives the last index, *rest the part
 * of path that * matches. Both are changed only if the form has them and the path matches;
 * both may be NULL.
 */
VSU_API bool vsu_json_match(const char *path, const char *form, unsigned int *last, const char **rest);

VSU_END_DECLS

#endif
