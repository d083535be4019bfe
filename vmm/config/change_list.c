/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device's list of keys with other values. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/change_list.h"
#include "config/device_rows.h"

/* The length of the first item; a doubled comma does not end it. */
static size_t item_len(const char *item)
{
	size_t n = 0;

	while (item[n] && (item[n] != ',' || item[n + 1] == ','))
		n += item[n] == ',' ? 2 : 1;
	return n;
}

static const char *next_item(const char *item)
{
	item += item_len(item);
	return *item ? item + 1 : NULL;
}

static bool has_key(const char *keys, const char *key, size_t len)
{
	for (; keys; keys = next_item(keys))
		if (!strncmp(keys, key, len) && (!keys[len] || strchr("=,", keys[len])))
			return true;
	return false;
}

/* Items of the list whose keys do not get another value. */
static bool put_rest(const char *item, const char *first_key, const char *keys, FILE *to)
{
	const char *key;
	size_t len;
	bool any = false;

	for (; item; item = next_item(item), first_key = NULL) {
		key = first_key ? first_key : item;
		len = first_key ? strlen(first_key) : strcspn(item, "=,");
		if (!*item || has_key(keys, key, len))
			continue;
		fprintf(to, "%s%.*s", any ? "," : "", (int)item_len(item), item);
		any = true;
	}
	return any;
}

/* A comma in a value is doubled. */
static void put_path(const char *path, FILE *to)
{
	fputs("path=", to);
	for (; *path; path++)
		fputs(*path == ',' ? ",," : (char[]){ *path, '\0' }, to);
}

static void put_list(const struct vmm_device_option *option,
		     const struct vmm_device_kind *kind, const char *keys, FILE *to)
{
	struct vsu_option rows[VMM_DEVICE_ROWS];
	const char *rest = option->list;
	bool any = true;

	vmm_device_rows(kind, rows);
	if (option->how == VMM_DEVICE_DISK_PATH) {
		put_path(rest, to);
	} else {
		if (option->how == VMM_DEVICE_ANY) {
			fprintf(to, "%.*s,", (int)item_len(rest), rest);
			rest = next_item(rest);
		}
		any = put_rest(rest, rest && *rest && prog_value_is_first(rows, rest) ?
				     kind->value.key : NULL, keys, to);
	}
	fprintf(to, "%s%s", any ? "," : "", keys);
}

int vmm_device_list_change(const struct vmm_device_option *option,
			   const struct vmm_device_kind *kind, const char *keys,
			   char **out, struct vsu_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to)
		put_list(option, kind, keys, to);
	if (!to || fclose(to)) {
		free(text);
		return vsu_error_set(err, -ENOMEM, "no memory for a list of keys");
	}
	*out = text;
	return 0;
}
