/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The program of libvm-agent(3). */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <vm-agent/request.h>
#include <vm-agent/session.h>

/*
 * Runs until the command has ended. A monitor would have the guest's ends by vagent_session_port() and
 * close them afterwards; here they are closed at once, as by a monitor that ends.
 */
static int run_session(const struct vagent_session_config *config, struct vsu_error *err)
{
	struct vagent_session *session = NULL;
	struct pollfd ready;
	int status = vagent_session_new(&session, config, err);

	if (status < 0)
		return VAGENT_STATUS_FAILED;
	vagent_session_close_ports(session);
	ready.fd = vagent_session_fd(session);
	ready.events = POLLIN;
	while (vagent_session_dispatch(session))
		poll(&ready, 1, -1);
	status = vagent_session_status(session, err);
	vagent_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	struct vagent_command command = { .size = sizeof(command), .words = (const char *const *)argv + 1 };
	struct vagent_session_config config = {
		.size = sizeof(config), .in = -1, .out = STDOUT_FILENO, .err = STDERR_FILENO, .timeout_ms = 100,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct vagent_request request = { NULL, 0, 0 };
	int status = VAGENT_STATUS_FAILED;

	(void)argc;
	if (vagent_request_add_command(&request, &command, &err) == 0) {
		vagent_request_add(&request, 'R', "ro");
		if (vagent_request_check(&request, &err) == 0) {
			config.request = request.records;
			config.request_len = request.len;
			status = run_session(&config, &err);
		}
	}
	if (err.msg[0])
		fprintf(stderr, "example: %s\n", err.msg);
	vagent_request_free(&request);
	return status;
}
