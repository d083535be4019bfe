/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of a daemon as a list of words. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "config/spawn_words.h"

int vmm_spawn_words_add(struct vmm_spawn_words *words, const char *fmt, ...)
{
	const size_t space = sizeof(words->text) - words->len;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(words->text + words->len, space, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= space)
		return -E2BIG;
	words->len += (uint32_t)len + 1;
	return 0;
}

static int add_key(struct vmm_spawn_words *words, const struct devkind_key *key,
		   const struct vsu_option_value *value)
{
	char number[VSU_OPTION_VALUE_NUMBER];
	const bool is_flag = key->option.kind == VSU_OPTION_FLAG;

	return vmm_spawn_words_add(words, "--%s%s%s", vmm_spawn_key_name(key), is_flag ? "" : "=",
				   is_flag ? "" : vsu_option_value_text(&key->option, value, number));
}

int vmm_spawn_words_make(struct vmm_spawn_words *words, const struct vmm_device_spec *spec)
{
	const struct devkind *kind = spec->kind;
	struct vsu_option_value value;
	unsigned int i;
	uint32_t n;
	int rc = 0;

	words->len = 0;
	for (i = 0; kind->keys[i].option.name; i++)
		for (n = 0; !rc && devkind_get_value(kind, i, n, spec->config, &value); n++)
			rc = add_key(words, &kind->keys[i], &value);
	if (!rc && spec->queues)
		rc = vmm_spawn_words_add(words, VMM_SPAWN_QUEUES "%" PRIu32, spec->queues);
	if (!rc && spec->queue_size)
		rc = vmm_spawn_words_add(words, VMM_SPAWN_QUEUE_SIZE "%" PRIu32, spec->queue_size);
	return rc || vmm_spawn_words_are_valid(words) ? rc : -E2BIG;
}

const char *vmm_spawn_words_next(const struct vmm_spawn_words *words, const char *word)
{
	const char *end = words->text + words->len;
	const char *next = word ? word + strlen(word) + 1 : words->text;

	return next < end ? next : NULL;
}

bool vmm_spawn_words_are_valid(const struct vmm_spawn_words *words)
{
	const char *word = NULL;
	unsigned int n = 0;

	if (words->len > sizeof(words->text) ||
	    (words->len && words->text[words->len - 1]))
		return false;
	while ((word = vmm_spawn_words_next(words, word)))
		n++;
	return n <= VMM_SPAWN_MAX_WORDS;
}

const char *vmm_spawn_key_name(const struct devkind_key *key)
{
	return key->daemon_name ? key->daemon_name : key->option.name;
}

const struct devkind_key *vmm_spawn_key_of(const struct devkind *kind,
					   const char *word, const char **value)
{
	const struct devkind_key *key;
	const char *name;
	size_t len;

	*value = NULL;
	if (strncmp(word, "--", 2) != 0)
		return NULL;
	word += 2;
	len = strcspn(word, "=");
	for (key = kind->keys; key->option.name; key++) {
		name = vmm_spawn_key_name(key);
		if (strlen(name) != len || strncmp(name, word, len) != 0)
			continue;
		*value = word[len] ? word + len + 1 : NULL;
		return key;
	}
	return NULL;
}

int vmm_spawn_fd_of(const struct devkind *kind, const char *word,
		    const char **digits)
{
	const char *value, *at;
	const struct devkind_key *key = vmm_spawn_key_of(kind, word, &value);
	char number[12] = "";
	uint64_t fd;
	size_t len;

	at = key && value ? devkind_key_digits(key, value) : NULL;
	len = at ? strcspn(at, ":") : 0;
	if (!len || len >= sizeof(number))
		return -1;
	memcpy(number, at, len);
	if (vsu_parse_u64(number, &fd) < 0 || fd > INT32_MAX)
		return -1;
	if (digits)
		*digits = at;
	return (int)fd;
}

unsigned int vmm_spawn_count_fds(const struct devkind *kind,
				 const struct vmm_spawn_words *words)
{
	const char *word = NULL;
	unsigned int n = 0;

	while ((word = vmm_spawn_words_next(words, word)))
		n += vmm_spawn_fd_of(kind, word, NULL) >= 0;
	return n;
}
