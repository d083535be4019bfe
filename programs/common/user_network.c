/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replaces --net=passt and --publish by the socket of a started passt. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/user_network.h"
#include "config/option_rows.h"

#define PASST "passt"
#define NET "net"
#define PUBLISH "publish"

bool vmm_user_network_is(const char *value)
{
	const size_t len = strlen(PASST);

	return !strncmp(value, PASST, len) && (!value[len] || value[len] == ',');
}

int vmm_user_network_set(struct vmm_user_network *u, const char *value, struct vsu_error *err)
{
	if (u->network.kind != VMM_EXEC_NET_NONE)
		return vsu_error_set(err, -EEXIST, "option --net: a second '" PASST "'; a machine has one, beside other cards");
	return vmm_exec_network_parse(&u->network, value, err);
}

int vmm_user_network_start(struct vmm_user_network *u, char word[VMM_PASST_WORD], struct vsu_error *err)
{
	int rc = vmm_exec_network_check(&u->network, err);

	word[0] = '\0';
	if (rc < 0 || u->network.kind == VMM_EXEC_NET_NONE)
		return rc;
	rc = vmm_passt_start(&u->passt, &u->network, err);
	if (!rc)
		vmm_passt_word(&u->passt, &u->network, word);
	return rc;
}

void vmm_user_network_end(struct vmm_user_network *u)
{
	vmm_passt_end(&u->passt);
}

/* ------------------------------------------------------- the words of "cvmm run" */

/* A word with a value: "--NAME=VALUE", or "--NAME VALUE" if the name is an option with a value. */
struct pair {
	const char *name, *value;	/* NULL: another word */
	size_t len;			/* of the name */
	int nwords;
};

static bool has_value(const char *name, size_t len)
{
	const struct vmm_option_row *row = vmm_option_named(name, len);

	return (len == strlen(PUBLISH) && !memcmp(name, PUBLISH, len)) || (row && row->option.kind != VSU_OPTION_FLAG);
}

static struct pair read_pair(char **at, const char *next)
{
	struct pair p = { .nwords = 1 };

	if (strncmp(*at, "--", 2) != 0)
		return p;
	p.name = *at + 2;
	p.len = strcspn(p.name, "=");
	if (p.name[p.len]) {
		p.value = p.name + p.len + 1;
	} else if (next && has_value(p.name, p.len)) {
		p.value = next;
		p.nwords = 2;
	}
	return p;
}

static bool is_named(const struct pair *p, const char *name)
{
	return p->value && p->len == strlen(name) && !memcmp(p->name, name, p->len);
}

/* Copies what is at argv[i]; returns the number of read words. */
static int take_words(struct vmm_network_words *w, char **argv, int i, struct vsu_error *err)
{
	const struct pair p = read_pair(&argv[i], argv[i + 1]);
	int n, rc = 0;

	if (is_named(&p, PUBLISH)) {
		rc = vmm_exec_network_publish(&w->network.network, p.value, err);
	} else if (is_named(&p, NET) && vmm_user_network_is(p.value)) {
		rc = vmm_user_network_set(&w->network, p.value, err);
		w->words[w->nwords++] = w->word;
	} else {
		for (n = 0; n < p.nwords; n++)
			w->words[w->nwords++] = argv[i + n];
	}
	return rc < 0 ? rc : p.nwords;
}

int vmm_network_words_make(struct vmm_network_words *w, int argc, char **argv, struct vsu_error *err)
{
	bool operands = false;
	int i, n;

	*w = (struct vmm_network_words){ .network = VMM_USER_NETWORK_INIT };
	w->words = calloc((size_t)argc + 1, sizeof(*w->words));
	if (!w->words)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	w->words[w->nwords++] = argv[0];
	for (i = 1; i < argc; i += n) {
		operands |= !strcmp(argv[i], "--");
		n = operands ? 1 : take_words(w, argv, i, err);
		if (n < 0)
			return n;
		if (operands)
			w->words[w->nwords++] = argv[i];
	}
	return vmm_user_network_start(&w->network, w->word, err);
}

void vmm_network_words_free(struct vmm_network_words *w)
{
	vmm_user_network_end(&w->network);
	free(w->words);
}
