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
 * text is an object whose member name is an array of strings. They are decoded
 * in place and stored to words, up to max of them. Of other members, brackets and strings
 * are checked, and numbers and words are not. Returns the number of strings. -EBADMSG: not
 * such a document; -E2BIG: more strings.
 */
VSU_API int vsu_json_read_strings(char *text, const char *name, char **words, int max,
				  struct vsu_error *err) VSU_NODISCARD;

/* Reads a member that is one string in the same way. Returns 0 or -EBADMSG. */
VSU_API int vsu_json_read_string(char *text, const char *name, char **word,
				 struct vsu_error *err) VSU_NODISCARD;

/* Maximum bytes of a path, with its terminator. */
#define VSU_JSON_PATH 128

/* path: names and indexes, as in "devices.0.kind"; value: a string, or its text. */
typedef void (*vsu_json_fn)(void *opaque, const char *path, const char *value,
			    bool is_string);

/*
 * Calls fn for each value of an object that is neither an object nor an array, in
 * order. Both texts are valid during the call; text is modified. -EBADMSG: no such
 * object, or too deep; fn was called for what precedes the fault.
 */
VSU_API int vsu_json_walk(char *text, vsu_json_fn fn, void *opaque, struct vsu_error *err) VSU_NODISCARD;

/*
 * Whether a path has a form: "devices.#.rings.#.*", where each # is an index, and * at the end
 * is at least one name. *last is the last index, *rest the names of *, in the path. Both are
 * changed only if the form has them and the path matches; both may be NULL.
 */
VSU_API bool vsu_json_match(const char *path, const char *form, unsigned int *last, const char **rest);

VSU_END_DECLS

#endif
