/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the descriptors in options by what their rows and keys refer to. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/option_list.h>

#include "config/descriptors.h"
#include "config/list_edit.h"
#include "config/option_rows.h"

#define MEMORY_FILE "mem-path="

/* A search: the first number in a value, or the first that is not open. */
struct search {
	bool closed;		/* looks for a closed one */
	bool found;
	int fd;
};

/* digits: up to another character. A text without digits is refused where it is used. */
static void look_at(struct search *s, const char *digits)
{
	char *end;
	const unsigned long number = strtoul(digits, &end, 10);

	if (s->found || end == digits || *digits == '-' || *digits == '+' || number > INT_MAX)
		return;
	s->found = !s->closed || fcntl((int)number, F_GETFD) < 0;
	s->fd = (int)number;
}

static void look_at_file(struct search *s, const char *value)
{
	if (vsu_file_value_is_fd(value))
		look_at(s, value + strlen(VSU_FILE_VALUE_FD));
}

static int look_at_item(void *opaque, const struct vmm_list_item *item,
			struct vmm_list_change *change, struct vsu_error *err)
{
	const char *digits = vmm_list_item_digits(item);

	(void)change;
	(void)err;
	if (digits)
		look_at(opaque, digits);
	return 0;
}

/* A list that cannot be parsed is refused later. */
static void look_at_device(struct search *s, const struct vmm_argument *a)
{
	const struct vmm_device_option option = { a->row->how, a->value.text };
	char *text;

	if (a->row->how == VMM_DEVICE_DISK_PATH)
		look_at_file(s, a->value.text);
	else if (!vmm_list_edit(&option, look_at_item, s, &text, NULL))
		free(text);
}

static bool is_memory(const struct vmm_argument *a)
{
	return !strcmp(vmm_argument_name(a), "memory");
}

static void look_at_memory(struct search *s, const char *list)
{
	struct vsu_list_item item;

	while (vsu_list_next(&list, &item))
		if (vsu_list_item_begins(&item, MEMORY_FILE))
			look_at_file(s, item.text + strlen(MEMORY_FILE));
}

static struct search search_value(const struct vmm_argument *a, bool closed)
{
	struct search s = { .closed = closed };

	if (!a->value.text)
		return s;
	if (a->row->change == VMM_CHANGE_DEVICE || a->row->how)
		look_at_device(&s, a);
	else if (is_memory(a))
		look_at_memory(&s, a->value.text);
	else if (a->row->refers != VMM_REFERS_NOTHING && a->row->refers != VMM_REFERS_TEXT)
		look_at_file(&s, a->value.text);
	return s;
}

bool vmm_descriptors_named(const struct vmm_argument *a)
{
	return search_value(a, false).found;
}

int vmm_descriptors_check(const struct vmm_arguments *a, struct vsu_error *err)
{
	struct search s;
	unsigned int i;

	for (i = 0; i < a->n; i++) {
		s = search_value(&a->list[i], true);
		if (s.found)
			return vsu_error_set(err, -EBADF, "%s%s: descriptor %d of '%s' is not open in this process; pass it, or name the file by its path",
					     a->list[i].row->option.kind == VSU_OPTION_OPERAND ? "" : "option --",
					     vmm_argument_name(&a->list[i]), s.fd, a->list[i].value.text);
	}
	return 0;
}

/* ---------------------------------------------------------------- another process */

/* Of "fd:7" or "fd:7:NAME" */
static void put_forgotten(FILE *to, const char *value, size_t len)
{
	const size_t digits = strlen(VSU_FILE_VALUE_FD) + strspn(value + strlen(VSU_FILE_VALUE_FD), "0123456789");

	fprintf(to, VSU_FILE_VALUE_FD VSU_FILE_VALUE_FORMER "%.*s", (int)(len - digits), value + digits);
}

static void put_memory(FILE *to, const char *list)
{
	const size_t key = strlen(MEMORY_FILE);
	struct vsu_list_item item;
	const char *comma = "";

	while (vsu_list_next(&list, &item)) {
		fputs(comma, to);
		comma = ",";
		if (!vsu_list_item_begins(&item, MEMORY_FILE VSU_FILE_VALUE_FD)) {
			fprintf(to, "%.*s", (int)item.len, item.text);
			continue;
		}
		fputs(MEMORY_FILE, to);
		put_forgotten(to, item.text + key, item.len - key);
	}
}

int vmm_descriptors_forget(const struct vmm_argument *a, char **out, struct vsu_error *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to;

	*out = NULL;
	if (!vmm_descriptors_named(a))
		return 0;
	to = open_memstream(&text, &len);
	if (to && is_memory(a))
		put_memory(to, a->value.text);
	else if (to)
		put_forgotten(to, a->value.text, strlen(a->value.text));
	if (!to || fclose(to) || !text) {
		free(text);
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	*out = text;
	return 0;
}
