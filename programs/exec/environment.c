/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The variables of a command. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/environment.h"

static int set_variable(struct vmm_exec_environment *e, const char *name, const char *value, struct vsu_error *err)
{
	char *text;

	if (!value)
		return 0;
	if (asprintf(&text, "%s=%s", name, value) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a variable");
	e->texts[e->ntexts++] = text;
	e->settings[e->n++] = text;
	return 0;
}

static int pass_variable(struct vmm_exec_environment *e, const char *name, struct vsu_error *err)
{
	const char *value = getenv(name);

	return value ? set_variable(e, name, value, err) :
		       vsu_error_set(err, -EINVAL, "option --env: this process has no variable '%s'; write %s=VALUE, or leave it out", name, name);
}

int vmm_exec_environment_make(struct vmm_exec_environment *e, const struct vmm_exec_options *o, bool terminal,
			      struct vsu_error *err)
{
	static const char *const kept[] = { "LANG", "LC_ALL", "TZ", "TERM" };
	const unsigned int n = sizeof(kept) / sizeof(kept[0]) - !terminal;
	unsigned int i;
	int rc = 0;

	e->n = e->ntexts = 0;
	for (i = 0; !rc && i < n; i++)
		rc = set_variable(e, kept[i], getenv(kept[i]), err);
	for (i = 0; !rc && i < o->nsettings; i++)
		if (strchr(o->settings[i], '='))
			e->settings[e->n++] = o->settings[i];
		else
			rc = pass_variable(e, o->settings[i], err);
	e->settings[e->n] = NULL;
	return rc;
}

void vmm_exec_environment_free(struct vmm_exec_environment *e)
{
	while (e->ntexts)
		free(e->texts[--e->ntexts]);
}

bool vmm_exec_is_on_terminal(const struct vmm_exec_options *o)
{
	return o->terminal == VMM_EXEC_TERMINAL_ON ||
	       (o->terminal == VMM_EXEC_TERMINAL_AUTO && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}
