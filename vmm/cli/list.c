/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cutting keys out of lists. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "cli/list.h"

/* Length of the first element; a doubled comma belongs to it. */
static size_t element(const char *list)
{
	size_t n = 0;

	while (list[n]) {
		if (list[n] == ',' && list[n + 1] != ',')
			break;
		n += list[n] == ',' ? 2 : 1;
	}
	return n;
}

/* The value of an element of that name, or NULL. */
static const char *value_of(const char *item, size_t len, const char *key)
{
	const size_t n = strlen(key);

	if (len < n || memcmp(item, key, n) || (len > n && item[n] != '='))
		return NULL;
	return item + n + (len > n);
}

static int append(char *to, size_t size, const char *from, size_t len)
{
	const size_t have = strlen(to);

	if (have + len + 2 > size)
		return -ENAMETOOLONG;
	if (have)
		strcat(to, ",");
	strncat(to, from, len);
	return 0;
}

int vmm_list_cut(const char *list, const char *key, char *rest, char *value,
		 size_t size)
{
	const char *v;
	int found = 0, rc = 0;
	size_t len;

	*rest = *value = 0;
	while (*list && rc >= 0) {
		len = element(list);
		v = value_of(list, len, key);
		if (v) {
			found = 1;
			*value = 0;
			rc = append(value, size, v,
				    len - (size_t)(v - list));
		} else {
			rc = append(rest, size, list, len);
		}
		list += len + (list[len] == ',');
	}
	return rc < 0 ? rc : found;
}

bool vmm_list_has(const char *list, const char *key)
{
	size_t len;

	for (; *list; list += len + (list[len] == ',')) {
		len = element(list);
		if (value_of(list, len, key))
			return true;
	}
	return false;
}
