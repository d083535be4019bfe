/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The records of a command in a request. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "vm-agent/request.h"


/* Whether a setting has the name of this one. */
static bool is_set(const char *const *environment, const char *one)
{
	const size_t len = strcspn(one, "=");

	for (; environment && *environment; environment++)
		if (!strncmp(*environment, one, len) && (*environment)[len] == '=')
			return true;
	return false;
}

/* The last of several settings of a name counts: a program finds the first one that it gets. */
static void add_settings(struct vagent_request *r, const struct vagent_command *c)
{
	static const char *const presets[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "USER=root", "LOGNAME=root", "TERM=linux",
	};
	const unsigned int n = sizeof(presets) / sizeof(presets[0]) - !c->terminal;
	const char *const *setting;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!is_set(c->environment, presets[i]))
			vagent_request_add(r, 'e', "%s", presets[i]);
	for (setting = c->environment; setting && *setting; setting++)
		if (!is_set(setting + 1, *setting))
			vagent_request_add(r, 'E', "%s", *setting);
}

static int check_environment(const char *const *environment, struct vsu_error *err)
{
	for (; environment && *environment; environment++)
		if (**environment == '=' || !strchr(*environment, '='))
			return vsu_error_set(err, -EINVAL, "the variable '%s' is not NAME=VALUE", *environment);
	return 0;
}

/* As hostname(1) accepts: the name is a word of /etc/hosts in the guest. */
static bool is_host_name(const char *name)
{
	return strlen(name) == strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") &&
	       *name != '-' && *name != '.';
}

static int check_terminal(const struct vagent_command *c, struct vsu_error *err)
{
	return c->rows > UINT16_MAX || c->columns > UINT16_MAX ?
	       vsu_error_set(err, -EINVAL, "a terminal of %u rows and %u columns; the maximum is %u", c->rows, c->columns, UINT16_MAX) : 0;
}

static int check_command(const struct vagent_command *c, struct vsu_error *err)
{
	int rc;

	if (!c->words || !*c->words)
		return vsu_error_set(err, -EINVAL, "no command");
	if (c->hostname && (!*c->hostname || strlen(c->hostname) > HOST_NAME_MAX))
		return vsu_error_set(err, -EINVAL, "the host name '%s' has %zu bytes; 1 to %d are possible", c->hostname, strlen(c->hostname), HOST_NAME_MAX);
	if (c->hostname && !is_host_name(c->hostname))
		return vsu_error_set(err, -EINVAL, "the host name '%s' has other characters than letters, digits, '-', '_' and '.', or begins with '-' or '.'", c->hostname);
	if (c->folder && *c->folder != '/')
		return vsu_error_set(err, -EINVAL, "the working folder '%s' is no absolute path of the guest", c->folder);
	rc = check_environment(c->environment, err);
	return rc < 0 ? rc : check_terminal(c, err);
}

/* A copy with the members of this library, checked. */
static int copy_command(struct vagent_command *c, const struct vagent_command *given, struct vsu_error *err)
{
	const int rc = vsu_copy_sized(c, sizeof(*c), given, "struct vagent_command", err);

	return rc < 0 ? rc : check_command(c, err);
}

int vagent_request_check_command(const struct vagent_command *c, struct vsu_error *err)
{
	struct vagent_command copy;

	return copy_command(&copy, c, err);
}

int vagent_request_add_command(struct vagent_request *r, const struct vagent_command *given,
			       struct vsu_error *err)
{
	struct vagent_command c;
	const char *const *word;
	const int rc = copy_command(&c, given, err);

	if (rc < 0)
		return rc;
	for (word = c.words; *word; word++)
		vagent_request_add(r, 'A', "%s", *word);
	if (c.terminal)
		vagent_request_add(r, 'T', "%ux%u", c.rows ? c.rows : 24, c.columns ? c.columns : 80);
	add_settings(r, &c);
	vagent_request_add(r, 'C', "%s", c.folder ? c.folder : "/");
	if (c.hostname)
		vagent_request_add(r, 'H', "%s", c.hostname);
	if (c.user)
		vagent_request_add(r, 'U', "@%s", c.user);
	return 0;
}
