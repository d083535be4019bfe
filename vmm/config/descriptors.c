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

#include "config/descriptors.h"
#include "config/device_option.h"
#include "config/option_rows.h"
#include "memory/memory_options.h"

/* A search: the first number in a value, or the first that is not open. */
struct search {
	bool closed;		/* looks for a closed one */
	bool found;
	int fd;
	int failed;		/* -ENOMEM: not all was read */
};

static void look_at(struct search *s, int fd)
{
	if (s->found)
		return;
	s->found = !s->closed || fcntl(fd, F_GETFD) < 0;
	s->fd = fd;
}

/* A text without a number is refused where it is used. */
static void look_at_file(struct search *s, const char *text)
{
	struct vsu_file_value v;

	if (!vsu_file_value_read(text, &v, NULL) && v.has_fd)
		look_at(s, v.fd);
}

/* Checks the number that a key of a device names. */
static int look_at_digits(void *search, const char *word, const char **at, struct vsu_error *err)
{
	char *end;
	const unsigned long number = strtoul(*at, &end, 10);

	if (**at < '0' || **at > '9' || number > INT_MAX)
		return vsu_error_set(err, -EINVAL, "'%s' is not a descriptor", word);
	look_at(search, (int)number);
	*at = end;
	return (int)number;
}

static int accept_all(void *search, struct vsu_error *err)
{
	(void)search;
	(void)err;
	return 0;
}

/* A list that cannot be parsed is refused later. */
static void look_at_device(struct search *s, const struct vmm_argument *a)
{
	const struct vmm_device_option option = { a->row->how, a->value.text };
	const struct vmm_device_fds fds = { s, look_at_digits, accept_all };
	struct vmm_device_spec spec;

	if (option.how == VMM_DEVICE_DISK_PATH)
		look_at_file(s, option.list);
	else
		(void)!vmm_device_option_parse(&option, &fds, &spec, NULL);
}

static void look_at_memory(struct search *s, const char *list)
{
	const struct vmm_memory_lists lists = { .what = "--memory", .list = { list }, .n = 1 };
	struct vmm_memory_specs specs;
	const char *path;
	const int rc = vmm_memory_specs_read(&specs, &lists, NULL);

	if (rc < 0) {
		s->failed = rc == -ENOMEM ? rc : 0;
		return;
	}
	path = vmem_backend_text(specs.list[0].backend, "mem-path");
	if (path)
		look_at_file(s, path);
	vmm_memory_specs_free(&specs);
}

/* 1: found; 0: not; -ENOMEM. */
static int search_value(struct search *s, const struct vmm_argument *a, struct vsu_error *err)
{
	if (!a->value.text)
		return 0;
	if (a->row->how)
		look_at_device(s, a);
	else if (!strcmp(vmm_argument_name(a), "memory"))
		look_at_memory(s, a->value.text);
	else if (a->row->refers != DEVKIND_REFERS_NOTHING && a->row->refers != DEVKIND_REFERS_TEXT)
		look_at_file(s, a->value.text);
	return s->failed ? vsu_error_set(err, s->failed, "no memory for options") : s->found;
}

int vmm_descriptors_named(const struct vmm_argument *a, struct vsu_error *err)
{
	struct search s = { .closed = false };

	return search_value(&s, a, err);
}

int vmm_descriptors_check(const struct vmm_arguments *a, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < a->n; i++) {
		struct search s = { .closed = true };
		const int rc = search_value(&s, &a->list[i], err);

		if (rc < 0)
			return rc;
		if (rc > 0)
			return vsu_error_set(err, -EBADF, "%s%s: descriptor %d of '%s' is not open in this process; pass it, or name the file by its path",
					     a->list[i].row->option.kind == VSU_OPTION_OPERAND ? "" : "option --",
					     vmm_argument_name(&a->list[i]), s.fd, a->list[i].value.text);
	}
	return 0;
}
