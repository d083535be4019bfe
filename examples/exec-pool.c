/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Commands one after the other, in machines that wait for them: each line of standard input is the
 * last word of a command. Prints their outputs, and on standard error the median time from the
 * request to the first byte.
 *
 *	exec-pool MACHINES KERNEL COMMAND [WORD...] <LINES
 *
 * MACHINES: how many wait; 0: each is made when its command is known. KERNEL: a file, such as
 * /usr/libexec/c-vmm/agent.elf, "host", or "from:TEMPLATE".
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cvmm/exec_pool.h>

#define MAX_LINES 1000
#define MAX_WORDS 16

static struct vsu_error err;
static struct cvmm_exec_config machine = { .size = sizeof(machine), .memory = "64M" };
static struct cvmm_exec_pool *pool;
static int output[2];
static double times[MAX_LINES];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void wait_for(int fd)
{
	struct pollfd p[] = { { fd, POLLIN, 0 }, { output[0], POLLIN, 0 } };

	poll(p, 2, -1);
}

/* Between commands, so that no command waits for it. */
static int fill_pool(unsigned int n)
{
	int rc = 0;

	while (!rc && cvmm_exec_pool_ready(pool) < n) {
		wait_for(cvmm_exec_pool_fd(pool));
		rc = cvmm_exec_pool_dispatch(pool, &err);
	}
	return rc;
}

static int begin(const char *const *command, struct cvmm_exec **out)
{
	const int streams[] = { -1, output[1], 2 };
	struct cvmm_exec_config config = { .size = sizeof(config) };
	int rc;

	if (!pool)
		config = machine;
	config.command = command;
	config.streams = streams;
	config.timeout_ms = 60000;
	if (pool)
		return cvmm_exec_pool_take(pool, &config, out, &err);
	rc = cvmm_exec_new(&config, NULL, out, &err);
	return rc < 0 ? rc : cvmm_exec_start(*out, &err);
}

/* Passes the output on; the time of the first byte, or 0. */
static double pass_output(void)
{
	const double now = now_ms();
	char bytes[4096];
	ssize_t n;

	if (poll(&(struct pollfd){ output[0], POLLIN, 0 }, 1, 0) <= 0)
		return 0;
	n = read(output[0], bytes, sizeof(bytes));
	return n > 0 && fwrite(bytes, 1, (size_t)n, stdout) ? now : 0;
}

static int run(const char *const *command, double *time)
{
	const double start = now_ms();
	struct cvmm_exec *e = NULL;
	double first = 0;
	int rc = begin(command, &e);

	while (!rc && cvmm_exec_dispatch(e)) {
		if (!first)
			first = pass_output();
		else
			pass_output();
		wait_for(cvmm_exec_fd(e));
	}
	while (pass_output())
		;
	*time = first - start;
	rc = rc < 0 ? rc : cvmm_exec_status(e, &err) == CVMM_EXEC_FAILED ? -1 : 0;
	cvmm_exec_free(e);
	return rc;
}

static int compare_times(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static int run_lines(const char **command, int last, unsigned int n)
{
	char line[4096];
	int rc = 0, i = 0;

	command[last] = line;
	command[last + 1] = NULL;
	for (; !rc && i < MAX_LINES && fgets(line, sizeof(line), stdin); i++) {
		line[strcspn(line, "\n")] = '\0';
		rc = pool ? fill_pool(n) : 0;
		if (!rc)
			rc = run(command, &times[i]);
	}
	qsort(times, (size_t)i, sizeof(times[0]), compare_times);
	if (!rc && i)
		fprintf(stderr, "exec-pool: %d commands, median %.1f ms to the first byte\n", i, times[i / 2]);
	return rc;
}

int main(int argc, char **argv)
{
	const char *command[MAX_WORDS + 2];
	unsigned int n = argc > 3 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	int rc = 0, i;

	if (argc < 4 || argc - 3 > MAX_WORDS || pipe(output) < 0) {
		fprintf(stderr, "usage: exec-pool MACHINES KERNEL COMMAND [WORD...] <LINES\n");
		return 1;
	}
	if (!strncmp(argv[2], "from:", 5))
		machine.from = argv[2] + 5;
	else if (strcmp(argv[2], "host") != 0)
		machine.kernel = argv[2];
	for (i = 3; i < argc; i++)
		command[i - 3] = argv[i];
	if (n)
		rc = cvmm_exec_pool_new(&machine, NULL, n, &pool, &err);
	if (!rc)
		rc = run_lines(command, argc - 3, n);
	if (rc < 0)
		fprintf(stderr, "exec-pool: %s\n", err.msg);
	cvmm_exec_pool_free(pool);
	return rc < 0;
}
