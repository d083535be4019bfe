/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A command in a guest of QEMU, by libvm-agent alone: with the three streams of this program. Ends with its
 * status. The root of the guest is the folder that a back-end of vhost-user-fs shares, such as virtiofsd; its
 * writes stay in the guest's memory.
 *
 *	qemu-exec KERNEL MODULES INIT SOCKET COMMAND [WORD...]
 *
 *	KERNEL	a file, or "host" for that of this host
 *	MODULES	the folder of its modules, or "none" if all are built in
 *	INIT	the installed cvmm-init
 *	SOCKET	of the back-end
 *
 * QEMU runs with KVM, or without it if ACCEL=tcg is in the environment.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include <vm-agent/request.h>
#include <vm-agent/session.h>

#include "qemu-machine.h"

static int make_session(const char *const *words, struct vagent_session **session, struct vsu_error *err)
{
	const struct vagent_command command = { .size = sizeof(command), .words = words };
	struct vagent_session_config config = {
		.size = sizeof(config), .in = 0, .out = 1, .err = 2, .timeout_ms = 120000,
	};
	struct vagent_request request = { NULL, 0, 0 };
	int rc = vagent_request_add_command(&request, &command, err);

	vagent_request_add(&request, 'R', "ro");
	if (!rc)
		rc = vagent_request_check(&request, err);
	config.request = request.records;
	config.request_len = request.len;
	if (!rc)
		rc = vagent_session_new(session, &config, err);
	vagent_request_free(&request);
	return rc;
}

/* The command's status. A machine that ends before it does is a failure. */
static int run_session(struct vagent_session *session, const struct qemu *q, struct vsu_error *why)
{
	struct pollfd ready[] = {
		{ .fd = vagent_session_fd(session), .events = POLLIN }, { .fd = q->alive, .events = POLLIN },
	};

	vagent_session_close_ports(session);
	while (vagent_session_dispatch(session)) {
		if (ready[1].revents) {
			vsu_error_set(why, -ECANCELED, "the machine ended before its command");
			return VAGENT_STATUS_FAILED;
		}
		poll(ready, 2, -1);
	}
	return vagent_session_status(session, why);
}

static int run(char **argv, struct vsu_error *err)
{
	struct qemu_config c = { .kernel = argv[1], .modules = argv[2], .init = argv[3], .socket = argv[4] };
	struct vagent_session *session = NULL;
	struct qemu q = QEMU_NONE;
	int i, status = VAGENT_STATUS_FAILED;

	if (make_session((const char *const *)argv + 5, &session, err) < 0)
		return status;
	for (i = 0; i < VAGENT_PORTS; i++)
		c.ports[i] = vagent_session_port(session, (enum vagent_port)i);
	if (qemu_start(&q, &c, err) == 0)
		status = run_session(session, &q, err);
	qemu_end(&q);
	vagent_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int status;

	if (argc < 6) {
		fprintf(stderr, "usage: qemu-exec KERNEL|host MODULES|none INIT SOCKET COMMAND [WORD...]\n");
		return VAGENT_STATUS_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	status = run(argv, &err);
	if (err.msg[0])
		fprintf(stderr, "qemu-exec: %s\n", err.msg);
	return status;
}
