/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options of a daemon that cvmm starts for one of its devices (backend=spawn), as
 * text that another process can check and run.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_SPAWN_WORDS_H
#define VMM_CONFIG_SPAWN_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>

#include "config/device_spec.h"

/* The options of one device, each followed by a zero byte. */
#define VMM_SPAWN_WORDS_MAX 6144
/* Limits that no device reaches. */
#define VMM_SPAWN_MAX_WORDS 48
#define VMM_SPAWN_MAX_FDS 16

struct vmm_spawn_words {
	uint32_t len;
	char text[VMM_SPAWN_WORDS_MAX];
};

/* The options of the daemon of a spec: its keys, and its queues. -E2BIG: they do not fit. */
int vmm_spawn_words_make(struct vmm_spawn_words *words, const struct vmm_device_spec *spec);

/* Appends one option; -E2BIG: it does not fit. */
int vmm_spawn_words_add(struct vmm_spawn_words *words, const char *fmt, ...)
	VSU_PRINTF(2, 3);

/* The next word after word, the first one if word is NULL; NULL at the end. */
const char *vmm_spawn_words_next(const struct vmm_spawn_words *words, const char *word);

/* Whether each word ends with a zero byte, and there are at most VMM_SPAWN_MAX_WORDS. */
bool vmm_spawn_words_are_valid(const struct vmm_spawn_words *words);

/* Options of every daemon that belong to a device. */
#define VMM_SPAWN_QUEUES "--num-queues="
#define VMM_SPAWN_QUEUE_SIZE "--queue-size="

/* The daemon's name for a key. */
const char *vmm_spawn_key_name(const struct devkind_key *key);

/* The key of a word, "--NAME=VALUE" or "--NAME", or NULL; *value is NULL without one. */
const struct devkind_key *vmm_spawn_key_of(const struct devkind *kind,
					   const char *word, const char **value);

/*
 * The descriptor that a word refers to: by a key "fd", an image fd:N[:NAME] or a port
 * NAME:fd:N; -1: none. digits: the position of its number in the word; may be NULL.
 */
int vmm_spawn_fd_of(const struct devkind *kind, const char *word,
		    const char **digits);

/* The number of such words. */
unsigned int vmm_spawn_count_fds(const struct devkind *kind,
				 const struct vmm_spawn_words *words);

#endif
