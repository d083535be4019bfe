/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * --net=passt and --publish of "cvmm run" and "cvmm boot": passt is started, and its socket is the
 * network card's. Only command lines start it: in another place, a name of a program would be one
 * that a peer or a file chooses.
 *
 * Threads: the main thread, before others are started.
 */
#ifndef VMM_COMMON_USER_NETWORK_H
#define VMM_COMMON_USER_NETWORK_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "common/exec_network.h"
#include "common/passt.h"

struct vmm_user_network {
	struct vmm_exec_network network;
	struct vmm_passt passt;
};

#define VMM_USER_NETWORK_INIT { .passt = VMM_PASST_INIT }

/* Whether a value of --net is "passt" with or without further properties; others are a device's. */
bool vmm_user_network_is(const char *value);

/* Its properties, as of vmm_exec_network_parse(). -EINVAL; -EEXIST: a second one. */
int vmm_user_network_set(struct vmm_user_network *u, const char *value, struct vsu_error *err);

/*
 * Starts passt, if it was set. Writes the word for the card; "": no network. Errors of
 * vmm_exec_network_check() and vmm_passt_start().
 */
int vmm_user_network_start(struct vmm_user_network *u, char word[VMM_PASST_WORD], struct vsu_error *err);
void vmm_user_network_end(struct vmm_user_network *u);

/* A command line from "run" on, which may be NULL, with the card's word in place of --net=passt. */
struct vmm_network_words {
	struct vmm_user_network network;
	char word[VMM_PASST_WORD];
	char **words;		/* allocated, but not its elements */
	int nwords;
};

/* -ENOMEM; as above. Freed in each case. */
int vmm_network_words_make(struct vmm_network_words *w, int argc, char **argv, struct vsu_error *err);
void vmm_network_words_free(struct vmm_network_words *w);

#endif
