/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Start time from exec to the first byte that the guest writes, of cvmm and of a
 * minimal program with the same KVM calls (start-floor.c), alternately. The
 * programs are those of the build tree.
 *
 *	start.PROGRAM.time      ms   fork to the first byte
 *	start.PROGRAM.cpu       ms   CPU time of all its threads by then
 *	start.PROGRAM.rss       KiB  resident
 *	start.PROGRAM.dirty     KiB  private and dirty
 *	start.PROGRAM.threads   n
 *	start.PROGRAM.machine   ms   time without that of "exec" in the same round; of
 *	                             embedded from its options to the first byte
 *	start.PROGRAM.machine_p99
 *	start.embedded.kept_descriptors, .kept_mappings, .kept_heap
 *	                             what this process has more after all machines than
 *	                             after the first
 *
 * PROGRAM is floor, cvmm (no device), cvmm_open (the same without a sandbox), cvmm_disk (a
 * disk in-process), cvmm_user (a disk on our daemon), exec (a cvmm that prints its version,
 * to the first byte of it), or embedded, the machine of cvmm_open in this process. Lines
 * with # compare embedded with cvmm_open and with cvmm, by median and 99th percentile.
 */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "contest.h"
#include "embedded.h"
#include "growth.h"

#define MAX_RUNS 200

enum { TIME, CPU, RSS, DIRTY, THREADS, MACHINE, FACTS };

/* Facts that a contestant prints, as bits */
#define OF_TIME (1u << TIME)
#define OF_MACHINE (1u << MACHINE)
#define OF_PROGRAM (OF_TIME | 1u << CPU | 1u << RSS | 1u << DIRTY | 1u << THREADS)

static const struct contest_fact facts[FACTS] = {
	{ "time", "ms" }, { "cpu", "ms" }, { "rss", "KiB" },
	{ "dirty", "KiB" }, { "threads", "n" }, { "machine", "ms" },
};
static const struct contest_fact machine_p99 = { "machine_p99", "ms" };

struct contestant {
	const char *name;
	unsigned int shown;	/* facts */
	const char *argv[8];
	double facts[FACTS][MAX_RUNS];
};

enum { FLOOR, CVMM, OPEN, DISK, USER, EXEC, EMBEDDED, COUNT };

static char image[] = "/tmp/bench-start-XXXXXX";
static char served_image[] = "/tmp/bench-start-XXXXXX";
static char disk_option[PATH_MAX], user_option[PATH_MAX];
static char socket_option[PATH_MAX], image_option[PATH_MAX];
static char socket_path[64];

static struct contestant contestants[COUNT] = {
	[FLOOR] = { "floor", OF_PROGRAM, { "bench/start-floor" }, { { 0 } } },
	[CVMM] = { "cvmm", OF_PROGRAM | OF_MACHINE,
		   { "programs/cvmm/cvmm", "run", "builtin:selftest", "--append",
		     "interactive" }, { { 0 } } },
	[OPEN] = { "cvmm_open", OF_PROGRAM | OF_MACHINE,
		   { "programs/cvmm/cvmm", "run", "builtin:selftest", "--append",
		     "interactive", "--sandbox=off" }, { { 0 } } },
	[DISK] = { "cvmm_disk", OF_PROGRAM,
		   { "programs/cvmm/cvmm", "run", "builtin:selftest", "--append",
		     "interactive", disk_option }, { { 0 } } },
	[USER] = { "cvmm_user", OF_PROGRAM,
		   { "programs/cvmm/cvmm", "run", "builtin:selftest", "--append",
		     "interactive", user_option }, { { 0 } } },
	[EXEC] = { "exec", OF_TIME, { "programs/cvmm/cvmm", "--version" }, { { 0 } } },
	[EMBEDDED] = { "embedded", OF_MACHINE, { NULL }, { { 0 } } },
};

/* KVM adds a kernel thread to the process that creates a VM. */
static bool is_kernels(pid_t pid, const char *task)
{
	char path[64 + NAME_MAX], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, task);
	f = fopen(path, "r");
	if (f && !fgets(name, sizeof(name), f))
		name[0] = 0;
	if (f)
		fclose(f);
	return !strncmp(name, "kvm-", 4);
}

/* The sum of the first numbers of /proc/PID/task/TID/schedstat, in ns. */
static double cpu_ns(pid_t pid, unsigned int *threads)
{
	char path[64 + NAME_MAX];
	struct dirent *task;
	double sum = 0, one;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (task = readdir(dir))) {
		FILE *f;

		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid,
			 task->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%lf", &one) == 1)
			sum += one;
		if (f)
			fclose(f);
		*threads += !is_kernels(pid, task->d_name);
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* False if the program wrote nothing. */
static bool sample_program(struct contestant *c, unsigned int i)
{
	unsigned int threads = 0;
	double begun;
	int fds[2];
	char byte;
	bool ok;
	pid_t pid;

	if (pipe(fds))
		return false;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	begun = bench_clock(CLOCK_MONOTONIC);
	pid = contest_spawn(c->argv, fds[1]);
	close(fds[1]);
	ok = read(fds[0], &byte, 1) == 1;
	c->facts[TIME][i] = (bench_clock(CLOCK_MONOTONIC) - begun) / 1e6;
	kill(pid, SIGSTOP);
	c->facts[CPU][i] = cpu_ns(pid, &threads) / 1e6;
	c->facts[RSS][i] = contest_rollup_kib(pid, "Rss:");
	c->facts[DIRTY][i] = contest_rollup_kib(pid, "Private_Dirty:");
	c->facts[THREADS][i] = threads;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	return ok;
}

static bool sample(struct contestant *c, unsigned int i)
{
	if (c->argv[0])
		return sample_program(c, i);
	c->facts[MACHINE][i] = embedded_start_ms();
	return c->facts[MACHINE][i] > 0;
}

static void subtract_exec(struct contestant *c, unsigned int runs)
{
	unsigned int i;

	for (i = 0; i < runs && c->argv[0]; i++)
		c->facts[MACHINE][i] = c->facts[TIME][i] -
				       contestants[EXEC].facts[TIME][i];
}

static void print(struct contestant *c, unsigned int runs)
{
	double *machine = c->facts[MACHINE];
	unsigned int i;

	for (i = 0; i < FACTS; i++)
		if (c->shown & 1u << i)
			contest_print("start", c->name, &facts[i], c->facts[i], runs);
	if (c->shown & OF_MACHINE)
		contest_print_number("start", c->name, &machine_p99,
				     contest_p99(machine, runs), machine, runs);
}

/* After print(), which sorts. */
static void print_ratio(unsigned int than, unsigned int runs)
{
	const double *ours = contestants[EMBEDDED].facts[MACHINE];
	const double *its = contestants[than].facts[MACHINE];

	if (bench_selected("start.embedded.machine"))
		printf("# start.embedded.machine takes %.2f times that of %s, %.2f times in the 99th percentile\n",
		       ours[runs / 2] / its[runs / 2], contestants[than].name,
		       contest_p99(ours, runs) / contest_p99(its, runs));
}

static void print_kept(const struct size *before, const struct size *after)
{
	const struct contest_fact kept[] = {
		{ "kept_descriptors", "n" }, { "kept_mappings", "n" }, { "kept_heap", "KiB" },
	};
	double more[] = {
		after->fds - before->fds, (double)after->mappings - before->mappings,
		((double)after->bytes - (double)before->bytes) / 1024,
	};
	unsigned int i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		contest_print("start", "embedded", &kept[i], &more[i], 1);
}

static pid_t start_daemon(void)
{
	const char *const argv[8] = { "daemons/cvmm-vhost-user-blk",
				     socket_option, image_option, NULL };
	pid_t pid = contest_spawn(argv, 2);
	unsigned int i;

	for (i = 0; i < 500 && access(socket_path, F_OK); i++)
		poll(NULL, 0, 10);
	return pid;
}

static void make_disk(void)
{
	int fd = mkstemp(image), served = mkstemp(served_image);

	if (fd < 0 || served < 0 || ftruncate(fd, 1 << 20) ||
	    ftruncate(served, 1 << 20))
		exit(66);
	close(fd);
	close(served);
	snprintf(socket_path, sizeof(socket_path), "%s.sock", image);
	snprintf(disk_option, sizeof(disk_option), "--disk=path=%s", image);
	snprintf(user_option, sizeof(user_option), "--disk=backend=user:%s",
		 socket_path);
	snprintf(socket_option, sizeof(socket_option), "--socket-path=%s",
		 socket_path);
	snprintf(image_option, sizeof(image_option), "--blk-file=%s",
		 served_image);
}

/* One round warms the caches. */
static void run(unsigned int runs)
{
	struct size before, after;
	bool works[COUNT];
	unsigned int i, k;

	for (k = 0; k < COUNT; k++)
		works[k] = sample(&contestants[k], 0);
	before = size_here();
	for (i = 0; i < runs; i++)
		for (k = 0; k < COUNT; k++)
			if (works[k])
				sample(&contestants[k], i);
	after = size_here();
	for (k = 0; k < COUNT; k++)
		if (works[k] && contestants[k].shown & OF_MACHINE)
			subtract_exec(&contestants[k], runs);
	for (k = 0; k < COUNT; k++)
		if (works[k])
			print(&contestants[k], runs);
	for (k = CVMM; works[EMBEDDED] && k <= OPEN; k++)
		if (works[k])
			print_ratio(k, runs);
	if (works[EMBEDDED])
		print_kept(&before, &after);
}

int main(int argc, char **argv)
{
	const char *text = getenv("RUNS");
	unsigned int runs = text ? (unsigned int)atoi(text) : 25;
	pid_t daemon;

	bench_init(argc, argv);
	if (!contest_begin() || access("/dev/kvm", R_OK | W_OK)) {
		puts("# start: no /dev/kvm here");
		return 0;
	}
	make_disk();
	daemon = start_daemon();
	run(runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : runs);
	kill(daemon, SIGTERM);
	waitpid(daemon, NULL, 0);
	unlink(image);
	unlink(served_image);
	return 0;
}
