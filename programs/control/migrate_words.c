/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads options and the address of a migration. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/parse.h>

#include "control/migrate_words.h"

/* A word of 0 would be the default of the member; the machine checks the same limits. */
static const struct number {
	const char *name, *what;
	unsigned int min, max;
	bool is_time;	/* milliseconds without a unit */
} downtime = { "downtime", "number of milliseconds", 1, 60000, true },
  connections = { "connections", "number", 1, 16, false },
  rounds = { "postcopy", "number of rounds", 0, 1000, false };

static const char *value_of(const char *word, const char *key)
{
	const size_t len = strlen(key);

	return !strncmp(word, key, len) && word[len] == '=' ? word + len + 1 :
							      NULL;
}

static int read_number(const struct number *n, const char *value, unsigned int *out,
		       struct vsu_error *err)
{
	uint64_t number;
	const int rc = n->is_time ? vsu_parse_time(value, 1, &number) : vsu_parse_u64(value, &number);

	if (rc < 0 || number < n->min || number > n->max)
		return vsu_error_set(err, -EINVAL, "%s: '%s' is not a %s from %u to %u", n->name, value,
				     n->what, n->min, n->max);
	*out = (unsigned int)number;
	return 0;
}

/* 1: the word is another one. */
static int read_postcopy(struct cvmm_migration *g, const char *word, struct vsu_error *err)
{
	const char *value = value_of(word, rounds.name);

	if (!value && strcmp(word, rounds.name) != 0)
		return 1;
	g->postcopy = true;
	g->rounds = 1;
	return value ? read_number(&rounds, value, &g->rounds, err) : 0;
}

/* 1: the word is no option. */
static int read_option(struct cvmm_migration *g, const char *word, struct vsu_error *err)
{
	const char *value;

	if (!strcmp(word, "auto-converge")) {
		g->auto_converge = true;
		return 0;
	}
	value = value_of(word, downtime.name);
	if (value)
		return read_number(&downtime, value, &g->downtime_ms, err);
	value = value_of(word, connections.name);
	if (value)
		return read_number(&connections, value, &g->connections, err);
	value = value_of(word, "rate");
	if (value && (vsu_parse_size(value, &g->rate) < 0 || !g->rate))
		return vsu_error_set(err, -EINVAL, "rate: '%s' is not a number of bytes per second, such as 100M",
				     value);
	return value ? 0 : read_postcopy(g, word, err);
}

static int join_address(struct vmm_migrate_words *w, char *const *words, struct vsu_error *err)
{
	size_t len = 1;
	unsigned int i;

	if (!words[0])
		return vsu_error_set(err, -EINVAL, "no address; expected unix:PATH, fd:N, tcp:HOST:PORT, tls:HOST:PORT,certificates=FOLDER or exec:COMMAND");
	for (i = 0; words[i]; i++)
		len += strlen(words[i]) + 1;
	w->address = calloc(1, len);
	if (!w->address)
		return vsu_error_set(err, -ENOMEM, "no memory for an address");
	for (i = 0; words[i]; i++) {
		if (i)
			strcat(w->address, " ");
		strcat(w->address, words[i]);
	}
	return 0;
}

/* The address fd:N or unix:fd:N is a descriptor of the line, any other one is itself. */
static int use_passed(struct vmm_migrate_words *w, struct vmm_passed *passed,
		      struct vsu_error *err)
{
	static const char local[] = "unix:";
	struct cvmm_migration *g = &w->migration;
	const bool is_local = !strncmp(w->address, local, strlen(local));
	const char *word = w->address + (is_local ? strlen(local) : 0);
	int rc = 0;

	if (vsu_file_value_is_fd(word)) {
		g->passes_memory = is_local;
		rc = vmm_passed_find(passed, word, &g->sock, err);
	} else {
		g->address = w->address;
	}
	return rc ? rc : vmm_passed_check_used(passed, err);
}

int vmm_migrate_words_read(struct vmm_migrate_words *w, char *const *words,
			   struct vmm_passed *passed, struct vsu_error *err)
{
	int rc = 0;

	*w = (struct vmm_migrate_words){ .migration = { .size = sizeof(w->migration) } };
	while (*words && !(rc = read_option(&w->migration, *words, err)))
		words++;
	rc = rc < 0 ? rc : join_address(w, words, err);
	return rc ? rc : use_passed(w, passed, err);
}

void vmm_migrate_words_free(struct vmm_migrate_words *w)
{
	free(w->address);
	w->address = NULL;
}
