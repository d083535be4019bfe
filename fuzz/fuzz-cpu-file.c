/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A description of a processor. An accepted description is written with each separator, and
 * read again unchanged; its signature is that of its family and model.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86/cpu_description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static bool is_same(const struct varch_cpu_description *a, const struct varch_cpu_description *b)
{
	return !strcmp(a->vendor, b->vendor) && a->family == b->family && a->model == b->model &&
	       a->stepping == b->stepping && !memcmp(&a->features, &b->features, sizeof(a->features));
}

static void check_written(const struct varch_cpu_description *d, char separator)
{
	static char text[VARCH_CPU_MAX_TEXT];
	struct varch_cpu_description again, common = *d;
	const int len = varch_cpu_description_write(d, separator, text, sizeof(text));

	demand(len > 0 && strlen(text) == (size_t)len);
	demand(!varch_cpu_description_parse(&again, text, NULL) && is_same(d, &again));
	demand(varch_cpu_description_signature(d) == varch_cpu_description_signature(&again));
	demand(!varch_cpu_description_limit(&common, &again, NULL) && is_same(d, &common));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct varch_cpu_description d;
	char *text;
	int rc;

	if (size >= VARCH_CPU_MAX_TEXT)
		return 0;
	text = malloc(size + 1);
	demand(text);
	memcpy(text, data, size);
	text[size] = '\0';
	rc = varch_cpu_description_parse(&d, text, &err);
	demand(!rc || (rc == -EBADMSG && err.msg[0]));
	if (!rc) {
		check_written(&d, '\n');
		check_written(&d, ' ');
		check_written(&d, ',');
	}
	free(text);
	return 0;
}
