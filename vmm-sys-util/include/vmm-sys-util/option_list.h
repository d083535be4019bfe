/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Lists of properties as text: items, and lists that begin with a value in place of
 * "key=value", as in "--disk FILE" or "--memory 1G,prealloc".
 *
 * vsu_option_parse_list() (vmm-sys-util/option.h) reads a list by its table.
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_OPTION_LIST_H
#define VMM_SYS_UTIL_OPTION_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/option.h>

VSU_BEGIN_DECLS

/* How a list is read if it begins with a value. */
struct vsu_list_value {
	const char *key;	/* the value's key, "path"; NULL: users must type a key */
	const char *alone;	/* properties that a value alone implies, or NULL */
	const char *refusal;	/* what to type instead if key is NULL, or NULL */
};

/*
 * Tells whether the list begins with a value: with text that contains '/' or ':', or with
 * a word that is neither a key of the table nor followed by '='.
 */
VSU_API bool vsu_list_value_is_first(const struct vsu_option *table, const char *list);

/*
 * Writes the list to buf with the value's key in front, and value->alone behind a value
 * without further items. Returns buf, or list if there is no key or buf is too small.
 */
VSU_API const char *vsu_list_value_with_key(const struct vsu_list_value *value,
					    const char *list, char *buf, size_t size);

/* The size of a buffer for a number as text. */
#define VSU_OPTION_VALUE_NUMBER 24

/* Returns the value as users type it; digits are written to number. */
VSU_API const char *vsu_option_value_text(const struct vsu_option *option,
					  const struct vsu_option_value *value,
					  char number[VSU_OPTION_VALUE_NUMBER]);

/* Returns a copy of the text with doubled commas, which the caller frees; NULL: no memory. */
VSU_API char *vsu_list_escape(const char *text);

/* An item of a list as typed, with doubled commas: "key=value", "key", or in front a value. */
struct vsu_list_item {
	const char *text;
	size_t len;
};

/* Sets item to the one at *list, and *list to the next one or NULL; false: there is no item. */
VSU_API bool vsu_list_next(const char **list, struct vsu_list_item *item);

/* Tell whether the item is, or begins with, the text: "key=value". */
VSU_API bool vsu_list_item_is(const struct vsu_list_item *item, const char *text);
VSU_API bool vsu_list_item_begins(const struct vsu_list_item *item, const char *text);

VSU_END_DECLS

#endif
