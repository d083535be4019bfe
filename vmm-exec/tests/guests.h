/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Test kernels, ELF files in the folder that CVMM_TEST_KERNELS names; the makefile sets it. */
#ifndef TESTS_GUESTS_H
#define TESTS_GUESTS_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-arch/kernel.h>

#include "no_kvm.h"

/* The path of a test kernel that is named as in the program, "builtin:NAME"; other words unchanged. */
static inline const char *guest_word(const char *word)
{
	static char paths[4][PATH_MAX];
	static unsigned int next;
	const char *folder = getenv("CVMM_TEST_KERNELS");
	char *path;

	if (!folder || !varch_kernel_is_program_name(word))
		return word;
	path = paths[next++ % 4];
	snprintf(path, PATH_MAX, "%s/%s.elf", folder, strchr(word, ':') + 1);
	return access(path, R_OK) < 0 ? word : path;
}

/* NULL, or why there is no test kernel. */
static inline const char *no_guest_file(void)
{
	const char *name = "builtin:selftest";

	return guest_word(name) == name ? "CVMM_TEST_KERNELS does not name a folder of test kernels" : NULL;
}

/* NULL, or why no machine with a test kernel can run here. */
static inline const char *no_guest(void)
{
	const char *why = no_guest_file();

	return why ? why : no_kvm();
}

#endif
