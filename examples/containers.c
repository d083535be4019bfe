/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A container in a machine of libcvmm: its first process runs while further commands are executed in it, one after
 * the other, with the three streams of this program. Prints the status of each, and ends with the last one.
 *
 *	containers KERNEL MODULES INIT ROOT COMMAND [WORD...] [-- [-t] COMMAND [WORD...]]...
 *
 *	KERNEL	a file, or "host" for that of this host
 *	MODULES	the folder of its modules, or "host"
 *	INIT	the installed cvmm-init
 *	ROOT	folder that becomes the root of the container, read-only
 *	-t	the command has a terminal
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <cvmm/guest.h>

#include "container-commands.h"

static struct cvmm_guest *guest;

static bool serve(void *opaque, struct vsu_error *err)
{
	struct pollfd ready = { .fd = cvmm_guest_fd(guest), .events = POLLIN };

	(void)opaque;
	poll(&ready, 1, -1);
	return cvmm_guest_dispatch(guest) || cvmm_guest_status(guest, err) < 0;
}

static int run(char **argv, struct vsu_error *err)
{
	const struct cvmm_exec_folder folder = { .path = argv[4], .at = CONTAINER_ROOT };
	const struct cvmm_guest_config config = {
		.size = sizeof(config), .folders = &folder, .nfolders = 1, .init = argv[3], .memory = "512M",
		.kernel = strcmp(argv[1], "host") ? argv[1] : NULL, .modules = strcmp(argv[2], "host") ? argv[2] : NULL,
		.append = "loglevel=1 tsc=reliable mitigations=off", .timeout_ms = 300000,
	};
	struct container_host host = { .serve = serve };
	int rc = cvmm_guest_new(&config, NULL, &guest, err);

	if (!rc)
		rc = cvmm_guest_start(guest, err);
	if (!rc) {
		host.guest = cvmm_guest_agent(guest);
		rc = run_commands(&host, argv + 5, err);
	}
	cvmm_guest_free(guest);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (argc < 6) {
		fprintf(stderr, "usage: containers KERNEL|host MODULES|host INIT ROOT COMMAND [WORD...] [-- [-t] COMMAND [WORD...]]...\n");
		return CVMM_EXEC_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = run(argv, &err);
	if (rc >= 0)
		return rc;
	fprintf(stderr, "containers: %s\n", err.msg);
	return CVMM_EXEC_FAILED;
}
