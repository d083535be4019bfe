/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The user of a process, its groups and its home, by the accounts in the root of the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/agent.h"
#include "init/guest.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define HOME "HOME="

static void require_memory(const void *memory)
{
	if (!memory)
		vagent_priv_child_fail(VAGENT_FAILED, "no memory for the user of a process");
}

/* A name, or the number that a text may be as well. */
struct key {
	const char *name;
	bool is_number;
	uint32_t number;
};

/* The greatest number means no user or group to system calls. */
static struct key read_key(const char *text)
{
	struct key k = { .name = text };
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	k.is_number = *text >= '0' && *text <= '9' && !*end && !errno && n < UINT32_MAX;
	k.number = k.is_number ? (uint32_t)n : 0;
	return k;
}

static bool is_of(const struct key *k, const char *name, uint32_t number)
{
	return number != UINT32_MAX && ((k->name && !strcmp(name, k->name)) || (k->is_number && number == k->number));
}

static void close_file(FILE *f)
{
	if (f)
		fclose(f);
}

/* ---------------------------------------------------------------------- groups */

static void find_group(struct guest_rights *r, const char *text)
{
	const struct key k = read_key(text);
	FILE *f = vagent_priv_open_regular(GROUP);
	const struct group *g = NULL;

	while (f && (g = fgetgrent(f)) && !is_of(&k, g->gr_name, g->gr_gid))
		;
	if (!g && !k.is_number)
		vagent_priv_child_fail(VAGENT_FAILED, "the guest has no group '%.64s'", text);
	r->group = g ? g->gr_gid : k.number;
	close_file(f);
}

static bool is_member(const struct group *g, const char *name)
{
	char **member;

	for (member = g->gr_mem; *member; member++)
		if (!strcmp(*member, name))
			return true;
	return false;
}

static void add_group(struct guest_rights *r, gid_t id)
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
	FILE *f = vagent_priv_open_regular(GROUP);
	const struct group *g;

	while (f && (g = fgetgrent(f)))
		if (is_member(g, name))
			add_group(r, g->gr_gid);
	close_file(f);
}

/* ----------------------------------------------------------------- environment */

static char *join_setting(const char *name, const char *value)
{
	char *text;

	if (asprintf(&text, "%s%s", name, value) < 0)
		require_memory(NULL);
	return text;
}

static void replace_setting(char **presets, const char *name, const char *value)
{
	for (; *presets; presets++)
		if (!strncmp(*presets, name, strlen(name)))
			*presets = join_setting(name, value);
}

static const char *home_of(const struct passwd *p)
{
	return p && *p->pw_dir ? p->pw_dir : "/";
}

/* Programs expect their user's. */
static void set_presets(char **presets, const struct passwd *p)
{
	replace_setting(presets, HOME, home_of(p));
	replace_setting(presets, "USER=", p->pw_name);
	replace_setting(presets, "LOGNAME=", p->pw_name);
}

/* ------------------------------------------------------------------------ user */

/* The account is valid until the next one is read. A line "+" of NIS has no home. */
static const struct passwd *find_account(FILE *f, const struct key *k)
{
	const struct passwd *p = NULL;

	while (f && (p = fgetpwent(f)) && (!p->pw_dir || !is_of(k, p->pw_name, p->pw_uid)))
		;
	return p;
}

/* The default is the group of the user and those that it is a member of. */
static void take_account(struct guest_order *o, const struct passwd *p, bool has_group)
{
	o->rights.user = p->pw_uid;
	o->rights.group = p->pw_gid;
	if (!has_group)
		add_groups(&o->rights, p->pw_name);
	set_presets(o->request.presets, p);
}

static void find_user(struct guest_order *o, const char *text, bool has_group)
{
	const struct key k = read_key(text);
	FILE *f = vagent_priv_open_regular(PASSWD);
	const struct passwd *p = find_account(f, &k);

	if (!p && !k.is_number)
		vagent_priv_child_fail(VAGENT_FAILED, "the guest has no user '%.64s'", text);
	o->rights.user = k.number;
	o->rights.group = 0;
	if (p)
		take_account(o, p, has_group);
	close_file(f);
}

void vagent_priv_child_find_user(struct guest_order *o)
{
	char *user, *group;

	if (!o->rights.account)
		return;
	user = strdup(o->rights.account);
	require_memory(user);
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	find_user(o, user, group != NULL);
	if (group)
		find_group(&o->rights, group);
	free(user);
}

/* ------------------------------------------------------------------------ home */

static char *find_home(uid_t user)
{
	const struct key k = { .is_number = true, .number = user };
	FILE *f = vagent_priv_open_regular(PASSWD);
	char *word = join_setting(HOME, home_of(find_account(f, &k)));

	close_file(f);
	return word;
}

static size_t count_words(char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

char **vagent_priv_child_environment(const struct agent_request *r, uid_t user)
{
	const size_t npresets = count_words(r->presets), n = npresets + count_words(r->envp);
	char **all = calloc(n + 2, sizeof(*all));
	size_t i;

	require_memory(all);
	memcpy(all, r->presets, npresets * sizeof(*all));
	memcpy(all + npresets, r->envp, (n - npresets) * sizeof(*all));
	for (i = 0; i < n; i++)
		if (!strncmp(all[i], HOME, strlen(HOME)))
			return all;
	all[n] = find_home(user);
	return all;
}
