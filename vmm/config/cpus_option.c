/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parses the value of --cpus. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/cpus.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/option_list.h>

#include "config/cpus_option.h"

enum { COUNT, MAX };

static const struct vsu_option rows[] = {
	[COUNT] = { .name = "count", .kind = VSU_OPTION_U64, .min = 1, .max = VARCH_MAX_CPUS },
	[MAX] = { .name = "max", .kind = VSU_OPTION_U64, .min = 1, .max = VARCH_MAX_CPUS },
	{ .name = NULL },
};

static int take_property(void *opaque, unsigned int index,
			 const struct vsu_option_value *value, struct vsu_error *err)
{
	struct vmm_cpus_option *o = opaque;

	(void)err;
	*(index == COUNT ? &o->n : &o->max) = (unsigned int)value->number;
	return 0;
}

static int read_list(struct vmm_cpus_option *o, struct vsu_error *err)
{
	static const struct vsu_list_value count = { .key = "count" };
	const size_t size = strlen(o->text) + sizeof("count=");
	char *text = malloc(2 * size);
	const char *list = o->text;
	int rc;

	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	if (vsu_list_value_is_first(rows, list))
		list = vsu_list_value_with_key(&count, list, text, size);
	rc = vsu_option_parse_list(rows, "--cpus", list, text + size, size, take_property, o, err);
	free(text);
	return rc;
}

int vmm_cpus_option_read(struct vmm_cpus_option *o, struct vsu_error *err)
{
	int rc;

	o->n = 1;
	o->max = 0;
	if (o->text && !o->text[0])
		return vsu_error_set(err, -EINVAL, "--cpus needs a number of CPUs, as in 2, or 2,max=8");
	rc = o->text ? read_list(o, err) : 0;
	if (rc < 0)
		return rc;
	if (!o->max)
		o->max = o->n;
	if (o->max < o->n)
		return vsu_error_set(err, -EINVAL, "--cpus '%s': the guest begins with %u CPUs, which is more than the maximum; use max=%u or more",
				     o->text, o->n, o->n);
	return 0;
}

void vmm_cpus_option_write(const struct vmm_cpus_option *o, unsigned int n,
			   char text[VMM_CPUS_OPTION_TEXT])
{
	snprintf(text, VMM_CPUS_OPTION_TEXT, "%u,max=%u", n, o->max);
}
