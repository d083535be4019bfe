/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Descriptions of processors, which arm64 does not have. */
#include <config.h>

#include <errno.h>

#include <vm-arch/cpu_words.h>

int varch_cpu_words(const char *const *files, unsigned int n, char *words, struct vsu_error *err)
{
	(void)files;
	(void)n;
	(void)words;
	return vsu_error_set(err, -EOPNOTSUPP, "processors of arm64 cannot be described; guests have the one of their host");
}
