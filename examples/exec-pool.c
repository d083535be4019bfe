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
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cvmm/exec.h>

#define MAX_LINES 1000
#define MAX_WORDS 16
#define MAX_MACHINES 64

static struct vsu_error err;
static struct cvmm_exec_config machine = { .size = sizeof(machine), .memory = "64M" };
static struct cvmm_exec *pool[MAX_MACHINES];	/* NULL: to be made */
static unsigned int size;
static int output[2];
static double times[MAX_LINES];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ------------------------------------------------------------------- the pool */

static unsigned int count_waiting(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < size; i++)
		n += pool[i] && cvmm_exec_waits(pool[i]);
	return n;
}

static int make_machine(struct cvmm_exec **m)
{
	int rc = cvmm_exec_new_waiting(&machine, NULL, m, &err);

	if (!rc)
		rc = cvmm_exec_start(*m, &err);
	if (rc < 0) {
		cvmm_exec_free(*m);
		*m = NULL;
	}
	return rc;
}

/*
 * One turn of the machines that wait; 1: there is nothing to make. It makes at most one machine,
 * which takes milliseconds: a loop that also runs commands dispatches these first.
 */
static int turn_pool(void)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		if (pool[i] && !cvmm_exec_dispatch(pool[i])) {
			(void)!cvmm_exec_status(pool[i], &err);
			return -ECONNRESET;
		}
	for (i = 0; i < size; i++)
		if (!pool[i])
			return make_machine(&pool[i]);
	return 1;
}

static void await_pool(void)
{
	struct pollfd p[MAX_MACHINES];
	unsigned int i;

	for (i = 0; i < size; i++)
		p[i] = (struct pollfd){ cvmm_exec_fd(pool[i]), POLLIN, 0 };
	poll(p, size, -1);
}

/* The process lacks memory or descriptors, which other commands may release. */
static int is_short(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -EAGAIN;
}

/* Between commands, so that no command waits for it. */
static int fill_pool(void)
{
	int rc = 0;

	while (rc >= 0 && count_waiting() < size) {
		if (rc > 0)
			await_pool();
		rc = turn_pool();
	}
	return is_short(rc) && count_waiting() ? 0 : rc;
}

/* The machine leaves the pool, unless it refuses the command. */
static int request(const struct cvmm_exec_config *command, struct cvmm_exec **out)
{
	unsigned int i = 0;
	int rc;

	while (!pool[i] || !cvmm_exec_waits(pool[i]))
		i++;
	rc = cvmm_exec_request(pool[i], command, &err);
	if (rc < 0)
		return rc;
	*out = pool[i];
	pool[i] = NULL;
	return 0;
}

/* ------------------------------------------------------------------- commands */

static int begin(const char *const *command, struct cvmm_exec **out)
{
	const int streams[] = { -1, output[1], 2 };
	struct cvmm_exec_config config = { .size = sizeof(config) };
	int rc;

	if (!size)
		config = machine;
	config.command = command;
	config.streams = streams;
	config.timeout_ms = 60000;
	if (size)
		return request(&config, out);
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
		poll((struct pollfd []){ { cvmm_exec_fd(e), POLLIN, 0 }, { output[0], POLLIN, 0 } }, 2, -1);
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

static int run_lines(const char **command, int last)
{
	char line[4096];
	int rc = 0, i = 0;

	command[last] = line;
	command[last + 1] = NULL;
	for (; rc >= 0 && i < MAX_LINES && fgets(line, sizeof(line), stdin); i++) {
		line[strcspn(line, "\n")] = '\0';
		rc = fill_pool();
		if (rc >= 0)
			rc = run(command, &times[i]);
	}
	qsort(times, (size_t)i, sizeof(times[0]), compare_times);
	if (rc >= 0 && i)
		fprintf(stderr, "exec-pool: %d commands, median %.1f ms to the first byte\n", i, times[i / 2]);
	return rc;
}

int main(int argc, char **argv)
{
	const char *command[MAX_WORDS + 2];
	int rc, i;

	size = argc > 3 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	if (argc < 4 || argc - 3 > MAX_WORDS || size > MAX_MACHINES || pipe(output) < 0) {
		fprintf(stderr, "usage: exec-pool MACHINES KERNEL COMMAND [WORD...] <LINES\n");
		return 1;
	}
	if (!strncmp(argv[2], "from:", 5))
		machine.from = argv[2] + 5;
	else if (strcmp(argv[2], "host") != 0)
		machine.kernel = argv[2];
	for (i = 3; i < argc; i++)
		command[i - 3] = argv[i];
	rc = run_lines(command, argc - 3);
	if (rc < 0)
		fprintf(stderr, "exec-pool: %s\n", err.msg);
	while (size)
		cvmm_exec_free(pool[--size]);
	return rc < 0;
}
