/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A rig: a load of "bench" on a device that a process of the test serves. That process may
 * be stopped in favour of a plant: what a hostile back-end would write to the rings.
 */
#ifndef TOOLS_TESTS_BENCH_RIG_H
#define TOOLS_TESTS_BENCH_RIG_H

#include <signal.h>

#include "bench_load.h"
#include "rig.h"

static struct bench_load load;
static struct bench_driver driver;
static struct bench_stats stats;
static int kick_signal;		/* to the server, before the load's first notification */
static void (*plant)(struct queues *q);	/* called then; NULL: nothing */
static uint64_t late_ms;	/* the load's time limit from then on; 0: as before */
static bool armed;

void __real_queues_kick(struct queues *q);
void __wrap_queues_kick(struct queues *q);
void __wrap_queues_kick(struct queues *q)
{
	siginfo_t info;

	if (armed && late_ms)
		load.timeout_ms = late_ms;
	if (armed && kick_signal) {
		ck_assert_int_eq(kill(server, kick_signal), 0);
		ck_assert_int_eq(waitid(P_PID, (id_t)server, &info,
					WSTOPPED | WEXITED | WNOWAIT), 0);
	}
	__real_queues_kick(q);
	if (armed && plant)
		plant(q);
	armed = false;
}

static void bench_setup(void)
{
	setup();
	load = (struct bench_load){
		.socket = path, .size = BLOCK, .queues = 1, .depth = 1, .ms = 1, .timeout_ms = 30000,
		.lost_ms = 30000,
	};
	stats = (struct bench_stats){ .requests = 0 };
	kick_signal = 0;
	late_ms = 0;
	plant = NULL;
}

static void bench_teardown(void)
{
	if (server > 0)
		kill(server, SIGCONT);
	teardown();
}

static enum vsu_exit run_loaded(void)
{
	struct progress none = { .on = false };
	enum vsu_exit status = driver.device->prepare(&driver, &err);

	armed = true;
	if (status == VSU_EXIT_OK)
		status = bench_run(&driver, &none, &stats, &err);
	armed = false;
	bench_close(&driver, status == VSU_EXIT_OK);
	return status;
}

/* Opens the driver, and runs the load once. */
static enum vsu_exit run(const struct bench_device *device)
{
	enum vsu_exit status;

	if (server <= 0)
		server_start();
	do
		status = bench_open(&driver, device, &load, &err);
	while (status != VSU_EXIT_OK && server_starts());
	return status == VSU_EXIT_OK ? run_loaded() : status;
}

static void run_fails(const struct bench_device *device, enum vsu_exit expected, const char *text)
{
	ck_assert_int_eq(run(device), expected);
	ck_assert_msg(strstr(err.msg, text), "'%s' lacks '%s'", err.msg, text);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
}

#endif
