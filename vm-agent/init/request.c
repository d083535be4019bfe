/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records of a request. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/agent.h"

char **vagent_priv_collect_words(char letter, char *records, size_t len)
{
	size_t n = 0, at;
	char **words;

	for (at = 0; at < len; at += strlen(records + at) + 1)
		n += records[at] == letter;
	words = calloc(n + 1, sizeof(*words));
	if (!words)
		vagent_init_fail("the guest has no memory for the command's words");
	for (n = 0, at = 0; at < len; at += strlen(records + at) + 1)
		if (records[at] == letter)
			words[n++] = records + at + 1;
	return words;
}

static void add_folder(struct agent_request *r, const char *text)
{
	const char *colon = strchr(text, ':');

	if (r->nfolders == AGENT_MAX_FOLDERS || !colon || strlen(colon) < 5 || colon[3] != ':' || colon[4] != '/')
		vagent_init_fail("the host requested an invalid folder: %s", text);
	r->folders[r->nfolders++] = text;
}

static void read_record(struct agent_request *r, const char *text)
{
	switch (text[0]) {
	case 'C':
		r->cwd = text + 1;
		break;
	case 'H':
		r->hostname = text + 1;
		break;
	case 'N':
		r->network = text + 1;
		break;
	case 'R':
		r->writable_root = !strcmp(text + 1, "rw");
		break;
	case 'b':
		r->own = text + 1;
		break;
	case 'I':
		r->image = true;
		break;
	case 'D':
		add_folder(r, text + 1);
		break;
	case 'T':
		r->terminal = true;
		(void)!sscanf(text + 1, "%ux%u", &r->rows, &r->columns);
		break;
	default:
		break;
	}
}

bool vagent_priv_has_root(const char *records, size_t len)
{
	size_t at;

	for (at = 0; at < len; at += strlen(records + at) + 1)
		if (records[at] == 'R')
			return true;
	return false;
}

void vagent_priv_read_system(struct agent_request *r, char *records, size_t len)
{
	size_t at;

	memset(r, 0, sizeof(*r));
	r->hostname = "cvmm";
	r->argv = vagent_priv_collect_words('A', records, len);
	r->envp = vagent_priv_collect_words('E', records, len);
	r->presets = vagent_priv_collect_words('e', records, len);
	for (at = 0; at < len; at += strlen(records + at) + 1)
		read_record(r, records + at);
}

void vagent_priv_read_request(struct agent_request *r, char *records, size_t len)
{
	vagent_priv_read_system(r, records, len);
	if (!r->argv[0])
		vagent_init_fail("the host requested no command");
}
