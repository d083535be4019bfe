/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A request for a command, a container or a process, as the guest's first program reads it. Invariants: an accepted
 * request has a command and valid folders, a container has a root, mounts have targets, and all texts are within
 * the records.
 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "init/guest.h"

#define MAX_LEN 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jmp_buf refused;
static struct agent_request r;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* In a guest this function ends the machine. */
void vagent_init_fail(const char *fmt, ...)
{
	demand(fmt != NULL);
	longjmp(refused, 1);
}

static void demand_within(const char *text, const char *records, size_t len)
{
	demand(!text || (text >= records && text <= records + len));
}

static void demand_words(char *const *words, const char *records, size_t len)
{
	for (; *words; words++)
		demand_within(*words, records, len);
}

static void check_request(const char *records, size_t len)
{
	unsigned int i;

	demand(r.argv[0] != NULL);
	demand_words(r.argv, records, len);
	demand_words(r.envp, records, len);
	demand_within(r.cwd, records, len);
	demand_within(r.network, records, len);
	demand(r.nfolders <= AGENT_MAX_FOLDERS);
	for (i = 0; i < r.nfolders; i++)
		demand(strchr(r.folders[i], ':') && strchr(r.folders[i], ':')[4] == '/');
}

static void read_request(char *text, size_t len)
{
	memset(&r, 0, sizeof(r));
	if (!setjmp(refused)) {
		vagent_priv_read_request(&r, text, len);
		check_request(text, len);
	}
	free(r.argv);
	free(r.envp);
	free(r.presets);
}

static struct guest_container container;

static void check_container(const char *text, size_t len)
{
	unsigned int i;

	demand(container.root != NULL);
	demand_within(container.root, text, len);
	demand_within(container.hostname, text, len);
	for (i = 0; i < container.nmounts; i++) {
		demand(container.mounts[i].target != NULL);
		demand_within(container.mounts[i].target, text, len);
		demand_within(container.mounts[i].type, text, len);
		demand_within(container.mounts[i].source, text, len);
		demand_within(container.mounts[i].data, text, len);
	}
	demand_words(container.devices, text, len);
	demand_words(container.masked, text, len);
	demand_words(container.readonly, text, len);
	demand_words(container.sysctls, text, len);
	demand_words(container.limits, text, len);
}

static void read_container(char *text, size_t len)
{
	memset(&container, 0, sizeof(container));
	if (!setjmp(refused)) {
		vagent_priv_container_read(&container, text, len);
		check_container(text, len);
	}
	vagent_priv_container_fini(&container);
}

static void read_rights(char *text, size_t len)
{
	static struct guest_rights rights;

	memset(&rights, 0, sizeof(rights));
	if (!setjmp(refused)) {
		vagent_priv_rights_read(&rights, text, len);
		demand_words(rights.groups, text, len);
		demand_within(rights.account, text, len);
		demand_words(rights.limits, text, len);
		demand_within(rights.filter, text, len);
		demand_within(rights.oom_score_adj, text, len);
	}
	free(rights.groups);
	free(rights.limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size > MAX_LEN)
		return 0;
	text = malloc(size + 1);
	demand(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	read_request(text, size);
	read_container(text, size);
	read_rights(text, size);
	free(text);
	return 0;
}
