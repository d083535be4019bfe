/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of a migration, and the words of "migrate". */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/parse.h>

#include "migration/channels.h"
#include "transfer/migrate_options.h"

#define DOWNTIME_MS 300u

/* Numbers of both: their names in messages and in words, and their limits. */
static const struct number {
	const char *name, *what;
	unsigned int min, max;
	bool is_time;	/* milliseconds without a unit */
} downtime = { "downtime", "number of milliseconds", 1, 60000, true },
  connections = { "connections", "number", 1, VMM_CHANNELS_MAX, false },
  rounds = { "postcopy", "number of rounds", 0, 1000, false };

static int refuse_number(const struct number *n, const char *value, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL, "%s: '%s' is not a %s from %u to %u", n->name, value,
			     n->what, n->min, n->max);
}

static int check_number(const struct number *n, uint64_t value, struct vsu_error *err)
{
	char text[24];

	if (value >= n->min && value <= n->max)
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return refuse_number(n, text, err);
}

/* -------------------------------------------------------------------- options */

/* The address has the number of an own descriptor. */
static int use_socket(struct vmm_migrate_options *o, const struct cvmm_migration *from,
		      struct vsu_error *err)
{
	int rc = vmm_address_check_socket(from->sock, err);

	if (rc < 0)
		return rc;
	o->fd = vsu_fd_dup(from->sock);
	if (o->fd < 0)
		return vsu_error_sys(err, o->fd, "the socket");
	if (asprintf(&o->address, "%sfd:%d", from->passes_memory ? "unix:" : "", o->fd) >= 0)
		return 0;
	o->address = NULL;
	return vsu_error_set(err, -ENOMEM, "no memory for an address");
}

static int use_address(struct vmm_migrate_options *o, const char *address, struct vsu_error *err)
{
	o->address = strdup(address);
	return o->address ? vmm_address_check(address, err) :
			    vsu_error_set(err, -ENOMEM, "no memory for an address");
}

static int check_numbers(const struct vmm_migrate_options *o, const char *address,
			 struct vsu_error *err)
{
	const bool single = !address || vmm_address_is_single(address);
	int rc = check_number(&downtime, o->downtime_ms, err);

	if (!rc)
		rc = check_number(&connections, o->connections, err);
	if (!rc)
		rc = check_number(&rounds, o->rounds, err);
	if (!rc && o->rounds && !o->postcopy)
		rc = vsu_error_set(err, -EINVAL, "rounds is %u without postcopy, of which they are; leave it out", o->rounds);
	if (!rc && o->connections > 1 && single)
		rc = vsu_error_set(err, -EINVAL, "connections: exec: and fd: use only one connection");
	return rc;
}

int vmm_migrate_options_init(struct vmm_migrate_options *o, const struct cvmm_migration *from,
			     struct vsu_error *err)
{
	int rc;

	*o = (struct vmm_migrate_options){
		.downtime_ms = from->downtime_ms ? from->downtime_ms : DOWNTIME_MS,
		.connections = from->connections ? from->connections : 1,
		.rate = from->rate, .converge = from->auto_converge, .fd = -1,
		.postcopy = from->postcopy, .rounds = from->rounds,
	};
	rc = check_numbers(o, from->address, err);
	if (!rc && from->address && from->passes_memory)
		rc = vsu_error_set(err, -EINVAL, "passes_memory with the address '%s'; it is for sock, and unix:PATH passes memory", from->address);
	if (rc < 0)
		return rc;
	return from->address ? use_address(o, from->address, err) : use_socket(o, from, err);
}

/* ---------------------------------------------------------------------- words */

static const char *value_of(const char *word, const char *key)
{
	const size_t len = strlen(key);

	return !strncmp(word, key, len) && word[len] == '=' ? word + len + 1 :
							      NULL;
}

/* A word of 0 would be the default of the member. */
static int read_number(const struct number *n, const char *value, unsigned int *out,
		       struct vsu_error *err)
{
	uint64_t number;
	const int rc = n->is_time ? vsu_parse_time(value, 1, &number) : vsu_parse_u64(value, &number);

	if (rc < 0 || check_number(n, number, NULL) < 0)
		return refuse_number(n, value, err);
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

/* ----------------------------------------------------------------------- jail */

int vmm_migrate_check_jail(const struct vmm_migrate_options *o, struct vsu_error *err)
{
	if (strncmp(o->address, "unix:", 5) != 0 || o->fd >= 0 ||
	    !access(o->address + 5, F_OK))
		return 0;
	return vsu_error_set(err, -ENOENT, "'%s' does not exist in the jail, which has only the folders of the machine's options; add --sandbox=on,folder=FOLDER, or use 'cvmm ctl SOCKET migrate exec:COMMAND', which starts the command outside",
			     o->address);
}

void vmm_migrate_options_free(struct vmm_migrate_options *o)
{
	free(o->address);
	o->address = NULL;
	vsu_fd_close(&o->fd);
}
