/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of the modules of an initrd. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "initrd/lines.h"
#include "initrd/names.h"

static const struct kind {
	const char *word;
	size_t at;		/* of a member */
} kinds[] = {
	{ "required", offsetof(struct vmm_names, required) },
	{ "optional", offsetof(struct vmm_names, optional) },
	{ "later", offsetof(struct vmm_names, later) },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void vmm_names_write(FILE *f, const struct vmm_initrd *initrd)
{
	const char *const *const lists[KINDS] = { initrd->names, initrd->others, initrd->later };
	const char *const *name;
	size_t i;

	for (i = 0; i < KINDS; i++)
		for (name = lists[i]; name && *name; name++)
			fprintf(f, "%s %s\n", kinds[i].word, *name);
}

static const char **list_of(struct vmm_names *n, struct vmm_slice word)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (vmm_slice_is(word, kinds[i].word))
			return (const char **)(void *)((char *)n + kinds[i].at);
	return NULL;
}

/* A name ends at a blank or at the end of its line, which a zero byte replaces. */
static int add_name(const struct vmm_names *n, const char **list, struct vmm_slice name, struct vsu_error *err)
{
	unsigned int i = 0;

	while (list[i])
		i++;
	if (i == VMM_NAMES_MAX)
		return vsu_error_set(err, -E2BIG, "more than %d modules are named", VMM_NAMES_MAX);
	n->text[name.at - n->text + (ptrdiff_t)name.len] = '\0';
	list[i] = name.at;
	return 0;
}

static int read_names(struct vmm_names *n, const struct vmm_lines *lines, struct vsu_error *err)
{
	struct vmm_slice line, word, name;
	const char **list;
	size_t at = 0;
	int rc = 0;

	while (!rc && vmm_lines_next(lines, &at, &line)) {
		list = vmm_slice_word(&line, &word) ? list_of(n, word) : NULL;
		rc = list && vmm_slice_word(&line, &name) ? add_name(n, list, name, err) :
		     vsu_error_set(err, -EBADMSG, "a line is not 'required NAME', 'optional NAME' or 'later NAME'");
	}
	return rc;
}

int vmm_names_read(struct vmm_names *n, const char *path, struct vsu_error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct vmm_lines lines;
	int rc;

	memset(n, 0, sizeof(*n));
	rc = vmm_lines_read_take_fd(&lines, fd < 0 ? -errno : fd, path, err);
	if (rc < 0)
		return rc;
	n->text = lines.bytes;
	rc = read_names(n, &lines, err);
	if (rc < 0) {
		vmm_names_free(n);
		return vsu_error_prefix(err, rc, "'%s'", path);
	}
	return 0;
}

void vmm_names_free(struct vmm_names *n)
{
	free(n->text);
	memset(n, 0, sizeof(*n));
}
