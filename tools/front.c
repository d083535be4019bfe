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

struct suite {
	struct check_suite run;	/* first */
	struct front front;
	const struct front_rule *rule;	/* of the current case; NULL: a session */
	const struct front_script *script;
	void (*judge)(struct front *f);
	bool recorded;		/* the last session was that of front_plain */
};

static struct suite *suite_of(struct check_suite *r)
{
	return (struct suite *)r;
}

typedef bool (*each_fn)(struct check_suite *r, const struct check_case *k);

/* -------------------------------------------------------------- judgements */

/* Fails by a sentence about the message. */
static void fail_by(struct front *f, const struct front_record *r)
{
	const uint32_t len = r->hdr.size < FRONT_KEPT_BYTES ? r->hdr.size : FRONT_KEPT_BYTES;
	char text[160] = "";

	if (r->row)
		vhost_user_message_describe(r->row, false, r->payload, len, text, sizeof(text));
	check_fail(&f->c, "message %zu of connection %u: %s %s",
		   (size_t)(r - f->records) + 1, r->connection,
		   vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, r->hdr.request), text);
}

static void judge_rule(struct front *f, const struct front_rule *rule)
{
	const struct front_record *r;
	unsigned int seen = 0;

	for (f->judged = 1; f->judged <= f->connection; f->judged++)
		for (r = front_next(f, NULL, rule->number); r;
		     r = front_next(f, r, rule->number)) {
			seen++;
			if (!rule->holds(f, r))
				fail_by(f, r);
		}
	if (!seen && !rule->never)
		check_skip(&f->c, "%s was not sent",
			   vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, rule->number));
}

static void judge_reply(struct front *f)
{
	if (!f->happened)
		check_skip(&f->c, "the front-end has not come so far");
	else if (f->script->twist.judged && f->gone_on)
		check_fail(&f->c, "the front-end has gone on");
}

static void run_session(struct suite *s, const struct check_case *k)
{
	struct front *f = &s->front;

	s->recorded = false;
	if (!front_session(f, s->script))
		return;
	if (k->needs & ~f->c.exchange.protocol.acked)
		check_skip(&f->c, "its protocol feature was not acknowledged");
	s->judge(f);
}

static void try_case(struct check_suite *r, const struct check_case *k)
{
	struct suite *s = suite_of(r);

	if (!s->rule)
		run_session(s, k);
	else if (s->recorded || (s->recorded = front_session(&s->front, &front_plain)))
		judge_rule(&s->front, s->rule);
	r->stopped = !r->count && !s->front.connection;
}

/* -------------------------------------------------------------------- cases */

static bool for_rules(struct suite *s, each_fn each)
{
	for (s->rule = front_rules; s->rule->k.name; s->rule++)
		if (check_is_chosen(&s->run, &s->rule->k) && !each(&s->run, &s->rule->k))
			return false;
	s->rule = NULL;
	return true;
}

static bool for_sessions(struct suite *s, each_fn each)
{
	const struct front_case *fc;

	for (fc = front_cases; fc->k.name; fc++) {
		s->script = fc->script;
		s->judge = fc->judge;
		if (check_is_chosen(&s->run, &fc->k) && !each(&s->run, &fc->k))
			return false;
	}
	return true;
}

/* The reply to one request with one twist: "get-config.short". */
static bool for_reply(struct suite *s, each_fn each, uint32_t number, const struct front_twist *t)
{
	const char *request = vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, number);
	char name[64], rule[160], *at;
	const struct check_case k = { .name = name, .rule = rule, .section = "Communication" };
	const struct front_script script = { .features = front_plain.features, .at = number,
					     .protocol = front_plain.protocol, .twist = *t };

	snprintf(name, sizeof(name), "%s.%s", request, t->name);
	for (at = name; *at; at++)
		*at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
	snprintf(rule, sizeof(rule), "a reply to %s %s", request, t->rule);
	s->script = &script;
	s->judge = judge_reply;
	return !check_is_chosen(&s->run, &k) || each(&s->run, &k);
}

static bool for_cases(struct check_suite *r, each_fn each)
{
	struct suite *s = suite_of(r);
	const struct front_twist *t;
	const uint32_t *number;

	if (!for_rules(s, each) || !for_sessions(s, each))
		return false;
	for (number = front_twisted; *number; number++)
		for (t = front_twists; t->name; t++)
			if (!for_reply(s, each, *number, t))
				return false;
	return true;
}

/* ------------------------------------------------------------------ command */

static int probe(struct check_suite *r, struct vsu_error *err)
{
	struct suite *s = suite_of(r);
	int rc = prog_handle_signals(FRONT_SLOTS, &s->front.disk.sigbus, err);

	if (rc < 0)
		return rc;
	s->front.listener = vsu_sock_listen(r->server.path, 8, err);
	return s->front.listener;
}

enum vsu_exit tool_check_frontend(const struct tool_args *args, struct vsu_error *err)
{
	struct suite s = {
		.run = { .args = args, .c = &s.front.c, .for_cases = for_cases,
			 .try_case = try_case, .probe = probe,
			 .server = { .path = args->socket, .argv = args->argv } },
		.front = { .listener = -1, .channel = -1 },
	};
	enum vsu_exit status;
	unsigned int i;

	for (i = 0; i < FRONT_RINGS; i++)
		s.front.disk.rings[i].kick = s.front.disk.rings[i].call = -1;
	s.front.records = calloc(FRONT_MAX_RECORDS, sizeof(*s.front.records));
	if (!s.front.records) {
		vsu_error_set(err, -ENOMEM, "no memory for the messages of a session");
		return VSU_EXIT_HOST;
	}
	status = check_suite_run(&s.run, err);
	if (s.front.listener >= 0)
		unlink(args->socket);
	vsu_fd_close(&s.front.listener);
	free(s.front.records);
	return status;
}
