/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command line of "cvmm run" as the functions of the program have it. */
#ifndef VMM_COMMON_TESTS_PARSED_H
#define VMM_COMMON_TESTS_PARSED_H

#include <string.h>

#include "common/program_options.h"

struct parsed {
	struct cvmm_configuration *c;
	struct vmm_program_options options;
};

static inline void parsed_free(struct parsed *p)
{
	vmm_program_options_free(&p->options);
	cvmm_configuration_free(p->c);
	memset(p, 0, sizeof(*p));
}

/* Frees the options. */
static inline int parsed_options(struct parsed *p, struct cvmm_options *o, struct vsu_error *err)
{
	int rc = cvmm_configuration_new(o, NULL, &p->c, err);

	if (!rc)
		rc = vmm_program_options_read(&p->options, p->c, err);
	cvmm_options_free(o);
	return rc;
}

static inline int parsed_make(struct parsed *p, size_t n, const char *const *words, struct vsu_error *err)
{
	struct cvmm_options *o;
	int rc = cvmm_options_new_for(vmm_program_rows, &o, err);

	memset(p, 0, sizeof(*p));
	if (rc < 0)
		return rc;
	rc = cvmm_options_add_words(o, n, words, err);
	if (!rc)
		return parsed_options(p, o, err);
	cvmm_options_free(o);
	return rc;
}

/* Up to 15 words, which blanks separate. */
static inline int parsed_line(struct parsed *p, const char *line, struct vsu_error *err)
{
	char copy[1024], *save;
	const char *words[16];
	size_t n = 0;

	strncpy(copy, line, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	for (words[n] = strtok_r(copy, " ", &save); words[n] && n < 15; words[n] = strtok_r(NULL, " ", &save))
		n++;
	return parsed_make(p, n, words, err);
}

#endif
