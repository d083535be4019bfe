/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "vhost-user-tool check": runs the cases on a back-end and prints TAP. */
#include <config.h>

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/text.h>

#include "check_case.h"
#include "closer.h"
#include "tool.h"

#define TABLE(cases, device) { cases, device },
static const struct check_table tables[] = { CHECK_TABLES(TABLE) { NULL, NULL } };

static bool has_device(const struct check_suite *r, const char *device)
{
	const char *ours = r->args->device;

	return !device || r->args->list || (ours && (!*device || !strcmp(device, ours)));
}

bool check_chosen(struct check_suite *r, const struct check_case *k, check_each *each)
{
	return (r->args->only && fnmatch(r->args->only, k->name, 0) != 0) || each(r, k);
}

static bool for_cases(struct check_suite *r, check_each *each)
{
	const struct check_table *t;
	const struct check_case *k;

	for (t = r->tables; t->cases; t++)
		for (k = t->cases; k->name && has_device(r, t->device); k++)
			if (!check_chosen(r, k, each))
				return false;
	return !r->for_others || r->for_others(r, each);
}

static bool count_case(struct check_suite *r, const struct check_case *k)
{
	(void)k;
	r->count++;
	return true;
}

static bool list_case(struct check_suite *r, const struct check_case *k)
{
	(void)r;
	printf("%s\t%s (%s)\n", k->name, k->rule, k->section);
	return true;
}

/* -------------------------------------------------------------------- cases */

/* A back-end can die behind its last reply; then it does not serve the next front-end. */
static void see_survival(struct check *c)
{
	check_disconnect(c);
	if (c->server->ends)
		peer_await_end(c->server);
	else if (c->verdict == CHECK_PASS)
		(void)check_survives(c);
	check_disconnect(c);
}

void check_run_steps(struct check *c)
{
	check_step *const *step = c->row->steps;

	while (step < c->row->steps + CHECK_STEPS && *step && (*step)(c))
		step++;
}

/* The connection of the case, its protocol features, and then the case itself. */
static void try_case(struct check_suite *r, const struct check_case *k)
{
	struct check *c = r->c;

	if (check_connect(c) && (!k->needs || check_negotiate(c, k->needs)))
		check_run_steps(c);
	see_survival(c);
	check_guest_free(c);
	if (c->verdict == CHECK_FAIL)
		peer_await_end(c->server);
	else
		peer_reap(c->server);
	if (c->server->death[0]) {
		c->verdict = CHECK_PASS;	/* of all reasons, this is the first */
		check_fail(c, "%s", c->server->death);
		c->server->death[0] = '\0';
	}
	if (c->verdict == CHECK_FAIL)
		peer_stop(c->server);	/* it may hang: the next case has a new one */
}

static bool run_case(struct check_suite *r, const struct check_case *k)
{
	struct check *c = r->c;
	struct vsu_text log;

	*c = (struct check){ .row = k, .device = r->args->device, .server = &r->server,
			     .timeout_ms = r->args->reply_timeout_ms,
			     .sock = -1, .memory = -1, .ours = -1, .start_ns = vsu_now_ns(),
			     .rings = { CHECK_RING_NONE, CHECK_RING_NONE, CHECK_RING_NONE } };
	if (vsu_text_open(&log) < 0)
		return false;
	c->log = log.to;
	r->try_case(r, k);
	if (vsu_text_close(&log) < 0)
		return false;
	if (r->stopped) {
		free(log.bytes);
		return false;
	}
	r->count++;
	r->failed += c->verdict == CHECK_FAIL;
	check_report_tap(r->count, k, c, log.bytes);
	if (r->junit)
		check_report_junit(r->junit, k, c, log.bytes);
	free(log.bytes);
	return true;
}

static enum vsu_exit run_cases(struct check_suite *r, struct vsu_error *err)
{
	bool whole;
	int rc = r->probe(r, err);

	if (rc < 0)
		return rc == -ENAMETOOLONG ? VSU_EXIT_DATA : VSU_EXIT_HOST;
	printf("TAP version 13\n1..%u\n", r->count);
	if (!r->server.argv && !r->args->device)
		printf("# without --device=NAME no case makes a request\n");
	fflush(stdout);
	r->count = 0;
	whole = for_cases(r, run_case);
	peer_stop(&r->server);
	if (r->stopped) {
		printf("Bail out! %s\n", r->c->why);
		vsu_error_set(err, -ECONNREFUSED, "%s", r->c->why);
		return VSU_EXIT_HOST;
	}
	if (!whole) {
		vsu_error_set(err, -ENOMEM, "no memory for the log of a case");
		return VSU_EXIT_HOST;
	}
	if (!r->failed)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EPROTO, "%u of %u cases failed", r->failed, r->count);
	return VSU_EXIT_FAIL;
}

/* The report is complete, or the exit status says that it is not. */
static enum vsu_exit run_with_report(struct check_suite *r, struct vsu_error *err)
{
	enum vsu_exit status;

	r->junit = tool_create(r->args->junit, err);
	if (!r->junit)
		return VSU_EXIT_INPUT;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"vhost-user\">\n", r->junit);
	status = run_cases(r, err);
	fputs("</testsuite>\n", r->junit);
	return tool_close(r->junit, r->args->junit, status, err);
}

/* With threads that close what the back-end sends: a close can block. */
static enum vsu_exit run_with_closer(struct check_suite *r, struct vsu_error *err)
{
	enum vsu_exit status;

	if (prog_closer_start(err) < 0)
		return VSU_EXIT_HOST;
	peer_catch_signals();
	status = r->args->junit ? run_with_report(r, err) : run_cases(r, err);
	prog_closer_end();
	return status;
}

enum vsu_exit check_suite_run(struct check_suite *r, struct vsu_error *err)
{
	for_cases(r, count_case);
	if (!r->count) {
		vsu_error_set(err, -EINVAL, "no case matches '%s'%s", r->args->only,
			      r->server.connects || r->args->device ? "" : " without --device");
		return VSU_EXIT_DATA;
	}
	if (!r->args->list)
		return run_with_closer(r, err);
	for_cases(r, list_case);
	return VSU_EXIT_OK;
}

static int probe(struct check_suite *r, struct vsu_error *err)
{
	return peer_probe(&r->server, err);
}

enum vsu_exit tool_check(const struct tool_args *args, struct vsu_error *err)
{
	struct check c;
	struct check_suite r = {
		.args = args, .c = &c, .tables = tables, .try_case = try_case, .probe = probe,
		.server = { .path = args->copy.socket, .command = args->command },
	};

	return check_suite_run(&r, err);
}
