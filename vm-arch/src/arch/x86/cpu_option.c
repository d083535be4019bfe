/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads a choice of CPUs from text. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/cpu_option.h>
#include <vmm-sys-util/file_value.h>

#include "arch/x86/cpu_models.h"

#define NAMES "host, plain, x86-64-v2, x86-64-v3 or x86-64-v4"

int varch_cpu_option_read(struct varch_cpu_option *option, struct vsu_error *err)
{
	int rc = option->text ? varch_cpu_choice_read(&option->choice, option->text, err) : 0;

	return rc != -ENOENT ? rc :
	       vsu_error_set(err, -EINVAL, "'%s' is not one of " NAMES, option->text);
}

static int write_list(const struct varch_cpu_description *d, char **out, struct vsu_error *err)
{
	const size_t prefix = strlen(VARCH_CPU_LIST);
	char *text = malloc(prefix + VARCH_CPU_MAX_TEXT);

	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	memcpy(text, VARCH_CPU_LIST, prefix);
	if (varch_cpu_description_write(d, ',', text + prefix, VARCH_CPU_MAX_TEXT) < 0) {
		free(text);
		return vsu_error_set(err, -E2BIG, "the description is too long");
	}
	*out = text;
	return 0;
}

static int read_file(const char *text, struct varch_cpu_description *d, struct vsu_error *err)
{
	int fd = vsu_file_value_open(text, O_RDONLY | O_NOCTTY);
	int rc;

	if (fd == -ENOENT)
		return vsu_error_set(err, -ENOENT, "'%s' is no file, and not one of " NAMES, text);
	rc = varch_cpu_description_read(d, fd, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", text) : 0;
}

int varch_cpu_option_expand(const char *text, char **out, struct vsu_error *err)
{
	struct varch_cpu_description d;
	struct varch_cpu_choice choice;
	int rc = varch_cpu_choice_read(&choice, text, err);

	*out = NULL;
	if (rc != -ENOENT)
		return rc;
	rc = read_file(text, &d, err);
	return rc ? rc : write_list(&d, out, err);
}
