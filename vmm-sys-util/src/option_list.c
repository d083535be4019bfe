/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lists of properties that begin with a value in place of "key=value". */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option_list.h>

static bool is_key(const struct vsu_option *table, const char *word, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && !memcmp(table->name, word, len))
			return true;
	return false;
}

bool vsu_list_value_is_first(const struct vsu_option *table, const char *list)
{
	const size_t len = strcspn(list, "=,");

	/* A path or an address may contain '=', as nbd://host/?socket=PATH. */
	if (memchr(list, '/', len) || memchr(list, ':', len))
		return true;
	return len && list[len] != '=' && !is_key(table, list, len);
}

const char *vsu_list_value_with_key(const struct vsu_list_value *value,
			       const char *list, char *buf, size_t size)
{
	const bool alone = value->alone && !strchr(list, ',');
	int len;

	if (!value->key)
		return list;
	len = snprintf(buf, size, "%s=%s%s%s", value->key, list,
		       alone ? "," : "", alone ? value->alone : "");
	return len > 0 && (size_t)len < size ? buf : list;
}

const char *vsu_option_value_text(const struct vsu_option *option,
				  const struct vsu_option_value *value,
				  char number[VSU_OPTION_VALUE_NUMBER])
{
	switch (option->kind) {
	case VSU_OPTION_FLAG:
		return value->number ? "on" : "off";
	case VSU_OPTION_CHOICE:
		return option->choices[value->number];
	case VSU_OPTION_U64:
	case VSU_OPTION_SIZE:
		snprintf(number, VSU_OPTION_VALUE_NUMBER, "%" PRIu64, value->number);
		return number;
	case VSU_OPTION_TIME:
	case VSU_OPTION_TIME_MS:
		snprintf(number, VSU_OPTION_VALUE_NUMBER, "%" PRIu64 "ms", value->number);
		return number;
	default:
		return value->text;
	}
}

char *vsu_list_escape(const char *text)
{
	char *out = malloc(2 * strlen(text) + 1), *to = out;

	for (; out && *text; *to++ = *text++)
		if (*text == ',')
			*to++ = ',';
	if (out)
		*to = '\0';
	return out;
}

/* Returns the length of the first item. */
static size_t item_len(const char *list)
{
	size_t len = 0;

	while (list[len] && (list[len] != ',' || list[len + 1] == ','))
		len += list[len] == ',' ? 2 : 1;
	return len;
}

bool vsu_list_next(const char **list, struct vsu_list_item *item)
{
	if (!*list || !**list)
		return false;
	item->text = *list;
	item->len = item_len(*list);
	*list = item->text[item->len] ? item->text + item->len + 1 : NULL;
	return true;
}

bool vsu_list_item_is(const struct vsu_list_item *item, const char *text)
{
	return item->len == strlen(text) && vsu_list_item_begins(item, text);
}

bool vsu_list_item_begins(const struct vsu_list_item *item, const char *text)
{
	const size_t len = strlen(text);

	return item->len >= len && !memcmp(item->text, text, len);
}
