/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "control/save_words.h"

int vmm_save_words_read(char *const *words, unsigned int *n, struct cvmm_save *save,
			struct vsu_error *err)
{
	const char *first;

	for (*n = 0; words[*n] && strncmp(words[*n], "then=", 5) != 0 &&
	     strcmp(words[*n], "incremental") != 0; (*n)++)
		;
	first = words[*n];
	for (words += *n; words[0]; words++)
		if (!strcmp(words[0], "incremental") && !save->incremental)
			save->incremental = true;
		else if (!strcmp(words[0], "then=pause") && !save->then)
			save->then = CVMM_THEN_PAUSE;
		else if (!strcmp(words[0], "then=quit") && !save->then)
			save->then = CVMM_THEN_STOP;
		else
			return vsu_error_set(err, -EINVAL, "'%s': expected incremental, and then=pause or then=quit, once each behind the folder", words[0]);
	return *n || !first ? 0 : vsu_error_set(err, -EINVAL, "no folder before '%s'", first);
}
