/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Descriptions of processors, which arm64 does not have. */
#include <config.h>

#include <errno.h>

#include <vm-arch/cpu_words.h>

static int refuse_words(struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "processors of arm64 cannot be described; guests have the one of their host");
}

int varch_cpu_words_of_host(char *words, struct vsu_error *err)
{
	(void)words;
	return refuse_words(err);
}

int varch_cpu_words_in_common(const char *const *files, unsigned int n, char *words,
			    struct vsu_error *err)
{
	(void)files;
	(void)n;
	(void)words;
	return refuse_words(err);
}
