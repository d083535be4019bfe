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

/* The meaning of such a value. */
struct vsu_list_value {
	const char *key;	/* its key: "path"; NULL: a key is required */
	const char *alone;	/* properties that a value alone implies, or NULL */
	const char *refusal;	/* if a key is required: the remedy, or NULL */
};

/* Whether the list begins with a word that is no key of the table. */
VSU_API bool vsu_list_value_is_first(const struct vsu_option *table, const char *list);

/* Returns the list with the value's key in buf, or list if buf is too small. */
VSU_API const char *vsu_list_value_with_key(const struct vsu_list_value *value,
					    const char *list, char *buf, size_t size);

/* Bytes of a number as text. */
#define VSU_OPTION_VALUE_NUMBER 24

/* The value as it is typed for the option: of a string its text; number is for digits. */
VSU_API const char *vsu_option_value_text(const struct vsu_option *option,
					  const struct vsu_option_value *value,
					  char number[VSU_OPTION_VALUE_NUMBER]);

/* The text as a value of a list, with its commas doubled, which the caller frees. NULL: no memory. */
VSU_API char *vsu_list_escape(const char *text);

/* An item of a list, as typed, with doubled commas: "key=value", "key", or as the first one a value alone. */
struct vsu_list_item {
	const char *text;
	size_t len;
};

/* The item at *list, which moves to the next one; false: the list has no more (*list is NULL). */
VSU_API bool vsu_list_next(const char **list, struct vsu_list_item *item);

/* Whether the item is or begins with this text, "key=value". */
VSU_API bool vsu_list_item_is(const struct vsu_list_item *item, const char *text);
VSU_API bool vsu_list_item_begins(const struct vsu_list_item *item, const char *text);

VSU_END_DECLS

#endif
