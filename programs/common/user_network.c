/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replaces --net=passt and --publish by the socket of a started passt. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/machine_rows.h"
#include "common/option_words.h"
#include "common/program_options.h"
#include "common/user_network.h"

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

/* The table of "cvmm run", and what this program has beside it. */
static void make_table(struct vsu_option table[VMM_RUN_ROWS + 1])
{
	static const struct vsu_option publish = VMM_ROW_PUBLISH, end = { .name = NULL };
	unsigned int n = 0;

	vmm_run_table(table);
	while (table[n].name)
		n++;
	table[n] = publish;
	table[n + 1] = end;
}

static bool is_named(const struct vmm_option_word *w, const char *name)
{
	return w->row && w->value && !strcmp(w->row->name, name);
}

/* Copies what is at argv[i] of argc; returns the number of read words. */
static int take_words(struct vmm_network_words *w, const struct vsu_option *table, int argc, char **argv,
		      int i, struct vsu_error *err)
{
	const struct vmm_option_word p = vmm_option_word_at(table, argv + i, argc - i);
	int n, rc = 0;

	if (is_named(&p, PUBLISH)) {
		rc = vmm_exec_network_publish(&w->network.network, p.value, err);
	} else if (is_named(&p, NET) && vmm_user_network_is(p.value)) {
		rc = vmm_user_network_set(&w->network, p.value, err);
		w->words[w->nwords++] = w->word;
	} else {
		for (n = 0; n < p.used; n++)
			w->words[w->nwords++] = argv[i + n];
	}
	return rc < 0 ? rc : p.used;
}

int vmm_network_words_make(struct vmm_network_words *w, int argc, char **argv, struct vsu_error *err)
{
	struct vsu_option table[VMM_RUN_ROWS + 1];
	bool operands = false;
	int i, n;

	make_table(table);
	*w = (struct vmm_network_words){ .network = VMM_USER_NETWORK_INIT };
	w->words = calloc((size_t)argc + 1, sizeof(*w->words));
	if (!w->words)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	w->words[w->nwords++] = argv[0];
	for (i = 1; i < argc; i += n) {
		operands |= !strcmp(argv[i], "--");
		n = operands ? 1 : take_words(w, table, argc, argv, i, err);
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
