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
	{ "required", offsetof(struct vagent_priv_names, required) },
	{ "optional", offsetof(struct vagent_priv_names, optional) },
	{ "later", offsetof(struct vagent_priv_names, later) },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void vagent_priv_names_write(FILE *f, const struct vagent_initrd *initrd)
{
	const char *const *const lists[KINDS] = { initrd->names, initrd->others, initrd->later };
	const char *const *name;
	size_t i;

	for (i = 0; i < KINDS; i++)
		for (name = lists[i]; name && *name; name++)
			fprintf(f, "%s %s\n", kinds[i].word, *name);
}

static const char **list_of(struct vagent_priv_names *n, struct vagent_priv_slice word)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (vagent_priv_slice_is(word, kinds[i].word))
			return (const char **)(void *)((char *)n + kinds[i].at);
	return NULL;
}

/* A name ends at a blank or at the end of its line, which a zero byte replaces. */
static int add_name(const struct vagent_priv_names *n, const char **list, struct vagent_priv_slice name, struct vsu_error *err)
{
	unsigned int i = 0;

	while (list[i])
		i++;
	if (i == VAGENT_NAMES_MAX)
		return vsu_error_set(err, -E2BIG, "more than %d modules are named", VAGENT_NAMES_MAX);
	n->text[name.at - n->text + (ptrdiff_t)name.len] = '\0';
	list[i] = name.at;
	return 0;
}

static int read_names(struct vagent_priv_names *n, const struct vagent_priv_lines *lines, struct vsu_error *err)
{
	struct vagent_priv_slice line, word, name;
	const char **list;
	size_t at = 0;
	int rc = 0;

	while (!rc && vagent_priv_lines_next(lines, &at, &line)) {
		list = vagent_priv_slice_word(&line, &word) ? list_of(n, word) : NULL;
		rc = list && vagent_priv_slice_word(&line, &name) ? add_name(n, list, name, err) :
		     vsu_error_set(err, -EBADMSG, "a line is not 'required NAME', 'optional NAME' or 'later NAME'");
	}
	return rc;
}

int vagent_priv_names_read(struct vagent_priv_names *n, const char *path, struct vsu_error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct vagent_priv_lines lines;
	int rc;

	memset(n, 0, sizeof(*n));
	rc = vagent_priv_lines_read_take_fd(&lines, fd < 0 ? -errno : fd, path, err);
	if (rc < 0)
		return rc;
	n->text = lines.bytes;
	rc = read_names(n, &lines, err);
	if (rc < 0) {
		vagent_priv_names_free(n);
		return vsu_error_prefix(err, rc, "'%s'", path);
	}
	return 0;
}

void vagent_priv_names_free(struct vagent_priv_names *n)
{
	free(n->text);
	memset(n, 0, sizeof(*n));
}
