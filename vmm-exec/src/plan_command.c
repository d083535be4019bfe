/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command of a plan. */
#include <config.h>

#include <errno.h>

#include <vm-agent/guest.h>

#include "plan_command.h"

struct vagent_command cvmm_priv_plan_command_of(const struct cvmm_exec_config *c)
{
	return (struct vagent_command){
		.size = sizeof(struct vagent_command),
		.words = c->command, .environment = c->environment, .folder = c->folder, .hostname = c->hostname,
		.terminal = c->terminal, .rows = c->rows, .columns = c->columns,
		.user = c->user,
	};
}

static int make_request(const struct cvmm_exec_plan *p, struct vagent_request *r,
			const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const struct vagent_command command = cvmm_priv_plan_command_of(c);
	const int rc = vagent_request_add_command(r, &command, err);

	vagent_request_add_all(r, &p->records);
	return rc < 0 ? rc : vagent_request_check(r, err);
}

static struct vagent_session_config describe_command(const struct cvmm_exec_config *c,
						     const struct vagent_request *r)
{
	static const int none[] = { -1, -1, -1 };
	const int *streams = c->streams ? c->streams : none;

	return (struct vagent_session_config){
		.size = sizeof(struct vagent_session_config),
		.request = r->records, .request_len = r->len, .timeout_ms = c->timeout_ms,
		.in = streams[0], .out = streams[1], .err = streams[2],
	};
}

int cvmm_priv_plan_make_session(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
				struct vsu_error *err)
{
	struct vagent_request r = { NULL, 0, 0 };
	struct vagent_session_config s;
	int rc = p->kind == PLAN_WAITS ? 0 : make_request(p, &r, c, err);

	s = describe_command(c, &r);
	s.clone = p->template != NULL;
	s.waits = p->kind == PLAN_WAITS;
	if (!rc)
		rc = vagent_session_new(&p->parts.session, &s, err);
	vagent_request_free(&r);
	return rc;
}

/* The host name is a part of the system. */
int cvmm_priv_plan_make_guest(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const struct vagent_command command = cvmm_priv_plan_command_of(c);
	const struct vagent_guest_config g = {
		.size = sizeof(g), .timeout_ms = c->timeout_ms, .clone = p->template != NULL, .system = &p->records,
	};
	int rc = vagent_request_add_command(&p->command, &command, err);

	if (!rc && c->hostname)
		vagent_request_add(&p->records, 'H', "%s", c->hostname);
	if (!rc)
		rc = vagent_request_check(&p->command, err);
	if (!rc)
		rc = vagent_request_check(&p->records, err);
	p->parts.command = &p->command;
	return rc < 0 ? rc : vagent_guest_new(&p->parts.guest, &g, err);
}

int cvmm_priv_plan_request(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
			   struct vsu_error *err)
{
	struct vagent_request r = { NULL, 0, 0 };
	struct vagent_session_config s;
	int rc = make_request(p, &r, c, err);

	s = describe_command(c, &r);
	if (!rc)
		rc = vagent_session_request(p->parts.session, &s, err);
	vagent_request_free(&r);
	return rc;
}

