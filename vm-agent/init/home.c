/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The home folder of a process whose environment has none, by the accounts of its container, as other runtimes set it. */
#define _GNU_SOURCE
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/agent.h"
#include "init/guest.h"

#define PASSWD "/etc/passwd"
#define NAME "HOME="

/* Returns "HOME=FOLDER", which is not freed, or NULL without memory. */
static char *find_home(uid_t user)
{
	FILE *f = vagent_priv_open_regular(PASSWD);
	const struct passwd *p = NULL;
	char *word = NULL;

	while (f && (p = fgetpwent(f)) && p->pw_uid != user)
		;
	if (asprintf(&word, NAME "%s", p && *p->pw_dir ? p->pw_dir : "/") < 0)
		word = NULL;
	if (f)
		fclose(f);
	return word;
}

char **vagent_priv_child_add_home(char **environment, uid_t user)
{
	size_t n;
	char **all;

	for (n = 0; environment[n]; n++)
		if (!strncmp(environment[n], NAME, strlen(NAME)))
			return environment;
	all = calloc(n + 2, sizeof(*all));
	if (!all)
		return environment;
	memcpy(all, environment, n * sizeof(*all));
	all[n] = find_home(user);
	return all;
}
