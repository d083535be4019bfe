/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Lists of properties that begin with a value in place of "key=value", as in
 * "--disk FILE" or "--memory 1G,prealloc".
 *
 * Threads: no state.
 */
#ifndef VMM_BASE_VALUE_H
#define VMM_BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/option.h>

/* The meaning of such a value. */
struct vmm_value {
	const char *key;	/* its key: "path"; NULL: a key is required */
	const char *alone;	/* properties that a value alone implies, or NULL */
	const char *refusal;	/* if a key is required: the remedy, or NULL */
};

/* Whether the list begins with a word that is no key of the table. */
bool vmm_value_is_first(const struct vsu_option *table, const char *list);

/* Returns the list with the value's key in buf, or list if buf is too small. */
const char *vmm_value_with_key(const struct vmm_value *value,
			       const char *list, char *buf, size_t size);

/* Bytes of a number as text. */
#define VMM_VALUE_NUMBER 24

/* The value as it is typed for the option: of a string its text; number is for digits. */
const char *vmm_value_text(const struct vsu_option *option, const struct vsu_option_value *value,
			   char number[VMM_VALUE_NUMBER]);

/* The text as a value of a list, with its commas doubled, which the caller frees. NULL: no memory. */
char *vmm_value_escape(const char *text);

/* An item of a list, as typed, with doubled commas: "key=value", "key", or as the first one a value alone. */
struct vmm_item {
	const char *text;
	size_t len;
};

/* The item at *list, which moves to the next one; false: the list has no more (*list is NULL). */
bool vmm_item_next(const char **list, struct vmm_item *item);

/* Whether the item is or begins with this text, "key=value". */
bool vmm_item_is(const struct vmm_item *item, const char *text);
bool vmm_item_begins(const struct vmm_item *item, const char *text);

#endif
