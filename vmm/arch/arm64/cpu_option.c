/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the value of --cpu, which has one model. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "arch/cpu_option.h"

#define HOST "host"

static int check_name(const char *text, struct vsu_error *err)
{
	return !strcmp(text, HOST) ? 0 :
	       vsu_error_set(err, -EINVAL, "option --cpu: '%s' is not supported on arm64, whose one model is " HOST, text);
}

int vmm_cpu_option_read(struct vmm_cpu_option *option, struct vsu_error *err)
{
	option->choice.model = VMM_CPU_HOST;
	return option->text ? check_name(option->text, err) : 0;
}

int vmm_cpu_option_expand(const char *text, char **out, struct vsu_error *err)
{
	*out = NULL;
	return check_name(text, err);
}
