/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the user of a process by the files of its root. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/agent.h"
#include "init/guest.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define MAX_FIELDS 7

/* The fields of a line of passwd(5) or group(5). */
enum { NAME, PASSWORD, NUMBER, GROUP_NUMBER, MEMBERS = GROUP_NUMBER, COMMENT, HOME };

struct lines {
	FILE *file;		/* NULL: there are none */
	char *line;
	size_t room;
	char *fields[MAX_FIELDS];
	unsigned int n;
};

static bool read_line(struct lines *l)
{
	char *rest;

	if (!l->file || getline(&l->line, &l->room, l->file) < 0)
		return false;
	l->line[strcspn(l->line, "\n")] = '\0';
	rest = l->line;
	for (l->n = 0; rest && l->n < MAX_FIELDS; l->n++)
		l->fields[l->n] = strsep(&rest, ":");
	return true;
}

static void close_lines(struct lines *l)
{
	if (l->file)
		fclose(l->file);
	free(l->line);
	*l = (struct lines){ .file = NULL };
}

/* The greatest number means no user or group to system calls. */
static bool read_id(const char *text, uint32_t *id)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

/* Reads up to the line of a name or number; false: there is none. */
static bool find_line(struct lines *l, const char *path, const char *what, unsigned int fields)
{
	uint32_t wanted = 0, id;
	const bool is_number = read_id(what, &wanted);

	l->file = vagent_priv_open_regular(path);
	while (read_line(l))
		if (l->n >= fields && read_id(l->fields[NUMBER], &id) &&
		    (!strcmp(l->fields[NAME], what) || (is_number && id == wanted)))
			return true;
	return false;
}

static void require_memory(const void *memory)
{
	if (!memory)
		vagent_priv_child_fail(VAGENT_FAILED, "no memory for the user of a process");
}

/* ---------------------------------------------------------------------- groups */

static void find_group(struct guest_rights *r, const char *group)
{
	struct lines l = { .file = NULL };
	uint32_t id = 0;

	if (find_line(&l, GROUP, group, MEMBERS))
		(void)read_id(l.fields[NUMBER], &id);
	else if (!read_id(group, &id))
		vagent_priv_child_fail(VAGENT_FAILED, "the guest has no group '%.64s'", group);
	r->group = id;
	close_lines(&l);
}

static bool is_member(char *members, const char *name)
{
	char *one;

	while ((one = strsep(&members, ",")))
		if (!strcmp(one, name))
			return true;
	return false;
}

static void add_group(struct guest_rights *r, uint32_t id)
{
	size_t n = 0;

	while (r->groups[n])
		n++;
	r->groups = reallocarray(r->groups, n + 2, sizeof(*r->groups));
	require_memory(r->groups);
	r->groups[n + 1] = NULL;
	if (asprintf(&r->groups[n], "%u", (unsigned int)id) < 0)
		require_memory(NULL);
}

static void add_groups(struct guest_rights *r, const char *name)
{
	struct lines l = { .file = vagent_priv_open_regular(GROUP) };
	uint32_t id;

	while (read_line(&l))
		if (l.n > MEMBERS && read_id(l.fields[NUMBER], &id) && is_member(l.fields[MEMBERS], name))
			add_group(r, id);
	close_lines(&l);
}

/* ----------------------------------------------------------------- environment */

static void replace_setting(char **environment, const char *name, const char *former, const char *value)
{
	char *text;

	for (; *environment; environment++)
		if (!strncmp(*environment, name, strlen(name)) && !strcmp(*environment + strlen(name), former)) {
			if (asprintf(&text, "%s%s", name, value) < 0)
				require_memory(NULL);
			*environment = text;
		}
}

/* Programs expect their user's. */
static void set_environment(char **environment, const char *name, const char *home)
{
	replace_setting(environment, "HOME=", "/root", *home ? home : "/");
	replace_setting(environment, "USER=", "root", name);
	replace_setting(environment, "LOGNAME=", "root", name);
}

/* ------------------------------------------------------------------------ user */

/* Without a group, that of the user and those that it is a member of. */
static void take_account(struct guest_order *o, const struct lines *l, bool has_group)
{
	struct guest_rights *r = &o->rights;

	if (!read_id(l->fields[NUMBER], &r->user) || !read_id(l->fields[GROUP_NUMBER], &r->group))
		vagent_priv_child_fail(VAGENT_FAILED, "the guest's " PASSWD " has an invalid group of '%.64s'", l->fields[NAME]);
	if (!has_group)
		add_groups(r, l->fields[NAME]);
	set_environment(o->request.envp, l->fields[NAME], l->fields[HOME]);
}

void vagent_priv_child_find_user(struct guest_order *o)
{
	struct lines l = { .file = NULL };
	char *user, *group;

	if (!o->rights.account)
		return;
	user = strdup(o->rights.account);
	require_memory(user);
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	o->rights.group = 0;
	if (find_line(&l, PASSWD, user, HOME + 1))
		take_account(o, &l, group != NULL);
	else if (!read_id(user, &o->rights.user))
		vagent_priv_child_fail(VAGENT_FAILED, "the guest has no user '%.64s'", user);
	close_lines(&l);
	if (group)
		find_group(&o->rights, group);
	free(user);
}
