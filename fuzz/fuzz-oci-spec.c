/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The configuration of a container: config.json, the process of an exec, and resources. Invariants:
 * an accepted document has a process with words and valid mounts, and each list ends by a NULL.
 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci/mount_options.h"
#include "oci/spec.h"

#define MAX_LEN 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check_list(const struct oci_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		demand(list->words[i] != NULL);
	demand(!list->n || !list->words[list->n]);
}

static void check_mounts(const struct oci_spec *s)
{
	struct oci_mount_options options;
	unsigned int i;

	demand(s->nmounts <= OCI_MAX_MOUNTS);
	for (i = 0; i < s->nmounts; i++) {
		demand(*s->mounts[i].destination == '/');
		check_list(&s->mounts[i].options);
		if (!oci_mount_options_read(&s->mounts[i], &options, NULL))
			demand(strlen(options.data) < sizeof(options.data));
	}
}

static void check_spec(const struct oci_spec *s)
{
	unsigned int i;

	check_list(&s->process.args);
	check_list(&s->process.environment);
	demand(s->process.ngroups <= OCI_MAX_GROUPS && s->process.nlimits <= OCI_MAX_LIMITS);
	check_mounts(s);
	demand(s->seccomp.nrules <= OCI_MAX_RULES);
	for (i = 0; i < s->seccomp.nrules; i++)
		check_list(&s->seccomp.rules[i].names);
}

static void read_copy(const uint8_t *data, size_t size,
		      int (*fn)(char *text, struct oci_spec **out, struct vsu_error *err))
{
	struct vsu_error err = VSU_ERROR_INIT;
	char *text = malloc(size + 1);
	struct oci_spec *s = NULL;

	demand(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!fn(text, &s, &err))
		check_spec(s);
	else
		demand(!s && err.msg[0]);
	oci_spec_free(s);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > MAX_LEN)
		return 0;
	read_copy(data, size, oci_spec_read);
	read_copy(data, size, oci_spec_read_process);
	read_copy(data, size, oci_spec_read_resources);
	return 0;
}
