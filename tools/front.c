/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "vhost-user-tool check-frontend": runs the cases on a front-end and prints TAP. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "front.h"
#include "process.h"
#include "tool.h"

/* -------------------------------------------------------------- judgements */

static bool judge_reply(struct check *c)
{
	const struct front *f = front_of(c);

	if (!f->happened)
		return check_skip(c, "the front-end has not come so far");
	return check_that(c, !f->script->twist.judged || !f->gone_on, "the front-end has gone on");
}

static void try_case(struct check_suite *r, const struct check_case *k)
{
	(void)k;
	check_run_steps(r->c);
	r->stopped = !r->count && !front_of(r->c)->connection;
}

/* -------------------------------------------------------------------- cases */

static const struct check_table tables[] = {
	{ front_rules, NULL }, { front_cases, NULL }, { NULL, NULL }
};

/* The reply to one request with one twist: "get-config.short". */
static bool for_reply(struct check_suite *r, check_each *each, uint32_t number,
		      const struct front_twist *t)
{
	const char *request = vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, number);
	char name[64], rule[160], *at;
	const struct front_script script = { .features = front_plain.features, .at = number,
					     .protocol = front_plain.protocol, .twist = *t };
	const struct check_case k = { .name = name, .rule = rule, .section = "Communication",
				      .with = &script, .steps = { front_run, judge_reply } };

	snprintf(name, sizeof(name), "%s.%s", request, t->name);
	for (at = name; *at; at++)
		*at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
	snprintf(rule, sizeof(rule), "a reply to %s %s", request, t->rule);
	return check_chosen(r, &k, each);
}

static bool for_replies(struct check_suite *r, check_each *each)
{
	const struct front_twist *t;
	const uint32_t *number;

	for (number = front_twisted; *number; number++)
		for (t = front_twists; t->name; t++)
			if (!for_reply(r, each, *number, t))
				return false;
	return true;
}

/* ------------------------------------------------------------------ command */

static int probe(struct check_suite *r, struct vsu_error *err)
{
	struct front *f = front_of(r->c);
	int rc = prog_handle_signals(FRONT_SLOTS, &f->disk.sigbus, err);

	if (rc == 0)
		rc = f->listener = vsu_sock_listen(r->server.path, 8, err);
	return rc;
}

enum vsu_exit tool_check_frontend(const struct tool_args *args, struct vsu_error *err)
{
	struct front f = { .listener = -1, .channel = -1 };
	struct check_suite r = {
		.args = args, .c = &f.c, .tables = tables, .for_others = for_replies,
		.try_case = try_case, .probe = probe,
		.server = { .path = args->copy.socket, .argv = args->argv, .connects = true },
	};
	enum vsu_exit status;
	unsigned int i;

	for (i = 0; i < FRONT_RINGS; i++)
		f.disk.rings[i].kick = f.disk.rings[i].call = -1;
	f.records = calloc(FRONT_MAX_RECORDS, sizeof(*f.records));
	if (!f.records) {
		vsu_error_set(err, -ENOMEM, "no memory for the messages of a session");
		return VSU_EXIT_HOST;
	}
	status = check_suite_run(&r, err);
	if (f.listener >= 0)
		unlink(args->copy.socket);
	vsu_fd_close(&f.listener);
	free(f.records);
	return status;
}
