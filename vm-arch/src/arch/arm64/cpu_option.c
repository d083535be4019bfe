/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads a choice of CPUs from text, of two models. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/cpu_option.h>

static const char *const names[] = { [VARCH_CPU_HOST] = "host", [VARCH_CPU_PLAIN] = "plain" };

static int find_name(const char *text, enum varch_cpu_model *model, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i])) {
			*model = (enum varch_cpu_model)i;
			return 0;
		}
	return vsu_error_set(err, -EINVAL, "'%s' is not supported on arm64, whose models are host and plain", text);
}

int varch_cpu_option_read(struct varch_cpu_option *option, struct vsu_error *err)
{
	option->choice.model = VARCH_CPU_HOST;
	return option->text ? find_name(option->text, &option->choice.model, err) : 0;
}

int varch_cpu_option_expand(const char *text, char **out, struct vsu_error *err)
{
	enum varch_cpu_model model;

	*out = NULL;
	return find_name(text, &model, err);
}
