/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the words of "migrate". */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "file_value.h"
#include "machine/migrate_options.h"
#include "migration/channels.h"

#define DOWNTIME_MS 300u
#define MAX_DOWNTIME_MS 60000u
#define MAX_ROUNDS 1000u

static const char *value_of(const char *word, const char *key)
{
	const size_t len = strlen(key);

	return !strncmp(word, key, len) && word[len] == '=' ? word + len + 1 :
							      NULL;
}

/* 1: the word is another one. */
static int read_postcopy(struct vmm_migrate_options *o, const char *word,
			 struct vsu_error *err)
{
	const char *value = value_of(word, "postcopy");

	if (!value && strcmp(word, "postcopy") != 0)
		return 1;
	o->postcopy = true;
	o->rounds = 1;
	if (value && (vsu_parse_u64(value, &o->rounds) < 0 || o->rounds > MAX_ROUNDS))
		return vsu_error_set(err, -EINVAL, "postcopy: '%s' is not a number of rounds from 0 to %u",
				     value, MAX_ROUNDS);
	return 0;
}

/* 1: the word is no option. */
static int read_option(struct vmm_migrate_options *o, const char *word,
		       struct vsu_error *err)
{
	const char *value;

	if (!strcmp(word, "auto-converge")) {
		o->converge = true;
		return 0;
	}
	value = value_of(word, "downtime");
	if (value && (vsu_parse_u64(value, &o->downtime_ms) < 0 ||
		      !o->downtime_ms || o->downtime_ms > MAX_DOWNTIME_MS))
		return vsu_error_set(err, -EINVAL, "downtime: '%s' is not a number of milliseconds from 1 to %u",
				     value, MAX_DOWNTIME_MS);
	if (value)
		return 0;
	value = value_of(word, "connections");
	if (value && (vsu_parse_u64(value, &o->connections) < 0 || !o->connections ||
		      o->connections > VMM_CHANNELS_MAX))
		return vsu_error_set(err, -EINVAL, "connections: '%s' is not a number from 1 to %u",
				     value, VMM_CHANNELS_MAX);
	if (value)
		return 0;
	value = value_of(word, "rate");
	if (value && (vsu_parse_size(value, &o->rate) < 0 || !o->rate))
		return vsu_error_set(err, -EINVAL, "rate: '%s' is not a number of bytes per second, such as 100M",
				     value);
	return value ? 0 : read_postcopy(o, word, err);
}

static int join_address(struct vmm_migrate_options *o, char *const *words,
			struct vsu_error *err)
{
	size_t len = 1;
	unsigned int i;

	if (!words[0])
		return vsu_error_set(err, -EINVAL, "no address; expected unix:PATH, fd:N, tcp:HOST:PORT, tls:HOST:PORT,certificates=FOLDER or exec:COMMAND");
	for (i = 0; words[i]; i++)
		len += strlen(words[i]) + 1;
	o->address = calloc(1, len);
	if (!o->address)
		return vsu_error_set(err, -ENOMEM, "no memory for an address");
	for (i = 0; words[i]; i++) {
		if (i)
			strcat(o->address, " ");
		strcat(o->address, words[i]);
	}
	if (o->connections > 1 && vmm_address_is_single(o->address))
		return vsu_error_set(err, -EINVAL, "connections: exec: and fd: use only one connection");
	return vmm_address_check(o->address, err);
}

/* The index in the message becomes the number of an own descriptor. */
static int use_passed(struct vmm_migrate_options *o, struct vmm_passed *passed,
		      struct vsu_error *err)
{
	static const char local[] = "unix:";
	const bool is_local = !strncmp(o->address, local, strlen(local));
	const char *word = o->address + (is_local ? strlen(local) : 0);
	char *address;
	int fd, rc = 0;

	if (!prog_file_value_is_fd(word))
		return vmm_passed_check_used(passed, err);
	rc = vmm_passed_find(passed, word, &fd, err);
	rc = rc ? rc : vmm_passed_check_used(passed, err);
	rc = rc ? rc : vmm_address_check_socket(fd, err);
	if (rc < 0)
		return rc;
	o->fd = vsu_fd_dup(fd);
	if (o->fd < 0)
		return vsu_error_sys(err, o->fd, "'%s'", o->address);
	if (asprintf(&address, "%sfd:%d", is_local ? local : "", o->fd) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for an address");
	free(o->address);
	o->address = address;
	return 0;
}

int vmm_migrate_options_read(struct vmm_migrate_options *o, char *const *words,
			     struct vmm_passed *passed, struct vsu_error *err)
{
	int rc = 0;

	memset(o, 0, sizeof(*o));
	o->downtime_ms = DOWNTIME_MS;
	o->connections = 1;
	o->fd = -1;
	while (*words && !(rc = read_option(o, *words, err)))
		words++;
	rc = rc < 0 ? rc : join_address(o, words, err);
	return rc ? rc : use_passed(o, passed, err);
}

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
