/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A container in a guest of QEMU, by libvm-agent alone: its first process runs while further commands are
 * executed in it, one after the other, with the three streams of this program. Prints the status of each, and
 * ends with the last one.
 *
 *	qemu-containers KERNEL MODULES INIT SOCKET COMMAND [WORD...] [-- [-t] COMMAND [WORD...]]...
 *
 * The operands are those of qemu-exec.c; the root of the container is the shared folder, read-only. -t: the
 * command has a terminal.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include <vm-agent/end.h>

#include "container-commands.h"
#include "qemu-machine.h"

static struct vagent_guest *guest;
static struct qemu machine = QEMU_NONE;

static bool serve(void *opaque, struct vsu_error *err)
{
	struct pollfd ready[] = {
		{ .fd = vagent_guest_fd(guest), .events = POLLIN }, { .fd = machine.alive, .events = POLLIN },
	};

	(void)opaque;
	poll(ready, 2, -1);
	if (!vagent_guest_dispatch(guest))
		return vagent_guest_failure(guest, err) == 0;
	return !ready[1].revents;
}

static int run(char **argv, struct vsu_error *err)
{
	const struct vagent_share share = { VAGENT_ROOT_TAG, CONTAINER_ROOT, true };
	const struct vagent_guest_config config = {
		.size = sizeof(config), .shares = &share, .nshares = 1, .timeout_ms = 120000,
	};
	struct qemu_config c = { .kernel = argv[1], .modules = argv[2], .init = argv[3], .socket = argv[4] };
	struct container_host host = { .serve = serve };
	int i, rc = vagent_guest_new(&guest, &config, err);

	if (rc < 0)
		return rc;
	for (i = 0; i < VAGENT_PORTS; i++)
		c.ports[i] = vagent_guest_port(guest, (enum vagent_port)i);
	rc = qemu_start(&machine, &c, err);
	vagent_guest_close_ports(guest);
	host.guest = guest;
	if (!rc)
		rc = run_commands(&host, argv + 5, err);
	qemu_end(&machine);
	vagent_guest_free(guest);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (argc < 6) {
		fprintf(stderr, "usage: qemu-containers KERNEL|host MODULES|none INIT SOCKET COMMAND [WORD...] [-- [-t] COMMAND [WORD...]]...\n");
		return VAGENT_STATUS_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = run(argv, &err);
	if (rc >= 0)
		return rc;
	fprintf(stderr, "qemu-containers: %s\n", err.msg);
	return VAGENT_STATUS_FAILED;
}
