/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The daemons that a possibly compromised cvmm can start. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "common/spawn/starter.h"

/* The words of the command, or these and those of a replacement. */
static bool is_command(const struct vmm_starter_command *c, const struct vmm_spawn_words *words)
{
	const char *more = c->kind->replacement;
	const size_t len = more ? strlen(more) + 1 : 0;

	return words->len >= c->words.len &&
	       !memcmp(c->words.text, words->text, c->words.len) &&
	       (words->len == c->words.len ||
		(words->len == c->words.len + len &&
		 !memcmp(words->text + c->words.len, more, len)));
}

/* Whether the words are those of a device of the command line. */
static bool is_listed(const struct vmm_starter_setup *setup, const struct devkind *kind,
		      const struct vmm_spawn_words *words)
{
	const struct vmm_starter_command *c = setup->commands;

	for (; c < setup->commands + setup->n; c++)
		if (c->kind == kind && is_command(c, words))
			return true;
	return false;
}

static bool is_of_queues(const char *word)
{
	return !strncmp(word, VMM_SPAWN_QUEUES, strlen(VMM_SPAWN_QUEUES)) ||
	       !strncmp(word, VMM_SPAWN_QUEUE_SIZE, strlen(VMM_SPAWN_QUEUE_SIZE));
}

static int check_word(const struct vmm_starter_setup *setup,
		      const struct devkind *kind, const char *word,
		      struct vsu_error *err)
{
	const char *value;
	const struct devkind_key *key = vmm_spawn_key_of(kind, word, &value);

	if (!key && !is_of_queues(word))
		return vsu_error_set(err, -EPERM, "'%s' is not an option of a device", word);
	if (vmm_spawn_fd_of(kind, word, NULL) >= 0)
		return 0;
	if (key && setup->locked && !devkind_key_is_harmless(key))
		return vsu_error_set(err, -EPERM, "'%s': with --sandbox=on, a daemon opens by name only what the command line names; pass a descriptor, as 'cvmm ctl' does for images, or add the device to the command line", word);
	return 0;
}

int vmm_starter_check(const struct vmm_starter_setup *setup,
		      const struct devkind *kind,
		      const struct vmm_spawn_words *words, unsigned int npassed,
		      struct vsu_error *err)
{
	const char *word = NULL;
	int rc = 0;

	if (!kind->has_daemon)
		return vsu_error_set(err, -EPERM, "no daemon serves this kind of device");
	if (!npassed && is_listed(setup, kind, words))
		return 0;
	if (vmm_spawn_count_fds(kind, words) != npassed)
		return vsu_error_set(err, -EPERM, "%u descriptors were sent with the request, but its options refer to %u",
				     npassed, vmm_spawn_count_fds(kind, words));
	while (!rc && (word = vmm_spawn_words_next(words, word)))
		rc = check_word(setup, kind, word, err);
	return rc;
}
