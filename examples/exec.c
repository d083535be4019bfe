/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A command in a machine of its own, in this process: with the files of this host, whose writes
 * stay in the guest's memory, and the three streams of this program. Ends with its status.
 *
 *	exec KERNEL COMMAND [WORD...]	KERNEL: a file, or "host" for that of this host
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <cvmm/exec.h>

#define MEMORY "256M"

static int complain(int status, const struct vsu_error *err)
{
	if (err->msg[0])
		fprintf(stderr, "exec: %s\n", err->msg);
	return status;
}

static int run(struct cvmm_exec *e)
{
	struct pollfd ready = { .fd = cvmm_exec_fd(e), .events = POLLIN };
	struct vsu_error why = VSU_ERROR_INIT;

	if (cvmm_exec_start(e, &why) < 0)
		return complain(CVMM_EXEC_FAILED, &why);
	while (cvmm_exec_dispatch(e))
		poll(&ready, 1, -1);
	if (cvmm_exec_get_end(e, NULL) == CVMM_EXEC_END_MEMORY)
		fprintf(stderr, "exec: the guest has %s of memory\n", MEMORY);
	return complain(cvmm_exec_status(e, &why), &why);
}

int main(int argc, char **argv)
{
	static const int streams[] = { 0, 1, 2 };
	struct cvmm_exec_config config = {
		.size = sizeof(config), .streams = streams, .memory = MEMORY, .timeout_ms = 60000,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_exec *e = NULL;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: exec KERNEL|host COMMAND [WORD...]\n");
		return CVMM_EXEC_FAILED;
	}
	config.kernel = strcmp(argv[1], "host") ? argv[1] : NULL;
	config.command = (const char *const *)argv + 2;
	if (cvmm_exec_new(&config, NULL, &e, &err) < 0)
		return complain(CVMM_EXEC_FAILED, &err);
	status = run(e);
	cvmm_exec_free(e);
	return status;
}
