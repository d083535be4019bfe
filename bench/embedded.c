/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts machines of libcvmm one after another, as an embedding program does. */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <cvmm/machine.h>

#include "bench.h"
#include "embedded.h"

static int make(struct cvmm_machine **m, const int *stdio, struct vsu_error *err)
{
	static const char *const words[] = { "tests/guests/selftest.elf", "--append", "interactive" };
	const struct cvmm_host host = { .size = sizeof(host), .stdio = stdio };
	struct cvmm_options *o = NULL;
	int rc = cvmm_options_new(&o, err);

	if (!rc)
		rc = cvmm_options_add_words(o, sizeof(words) / sizeof(words[0]), words, err);
	if (!rc)
		rc = cvmm_machine_new(o, &host, m, err);
	cvmm_options_free(o);
	return rc;
}

/* False: the machine ended before. */
static bool run_to_output(struct cvmm_machine *m, int out)
{
	struct pollfd ready[] = {
		{ .fd = cvmm_machine_fd(m), .events = POLLIN }, { .fd = out, .events = POLLIN },
	};
	bool runs = true;
	char byte;

	while (runs && poll(ready, 2, -1) > 0 && !ready[1].revents)
		runs = cvmm_machine_dispatch(m);
	return ready[1].revents && read(out, &byte, 1) == 1;
}

static double start_ms(const int *stdio, int out)
{
	const double begun = bench_clock(CLOCK_MONOTONIC);
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_machine *m = NULL;
	double ms = 0;
	int rc = make(&m, stdio, &err);

	if (!rc)
		rc = cvmm_machine_start(m, &err);
	if (!rc && run_to_output(m, out))
		ms = (bench_clock(CLOCK_MONOTONIC) - begun) / 1e6;
	else
		printf("# start.embedded: %s\n", rc < 0 ? err.msg : "the guest ended");
	cvmm_machine_free(m);
	return ms;
}

double embedded_start_ms(void)
{
	const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	double ms = 0;
	int fds[2];

	if (in >= 0 && !pipe(fds)) {
		ms = start_ms((const int[]){ in, fds[1] }, fds[0]);
		close(fds[0]);
		close(fds[1]);
	}
	close(in);
	return ms;
}
