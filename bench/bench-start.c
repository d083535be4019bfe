/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Time of a start: from exec to the first byte that the guest writes, of
 * cvmm and of a minimal program that asks the same of KVM (start-floor.c), in
 * turns. The programs are found beside this one in the build tree.
 *
 *	start.WHO.time      ms   fork to the first byte
 *	start.WHO.cpu       ms   CPU time of all its threads by then
 *	start.WHO.rss       KiB  resident
 *	start.WHO.dirty     KiB  private and dirty
 *	start.WHO.threads   n
 *
 * WHO is floor, cvmm (no device), cvmm_disk (a disk in-process) or cvmm_user
 * (a disk on our daemon).
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

#define MAX_RUNS 200

enum { TIME, CPU, RSS, DIRTY, THREADS, FACTS };

static const char *const units[FACTS][2] = {
	{ "time", "ms" }, { "cpu", "ms" }, { "rss", "KiB" },
	{ "dirty", "KiB" }, { "threads", "n" },
};

struct contestant {
	const char *name;
	const char *argv[8];
	double facts[FACTS][MAX_RUNS];
};

static char top[PATH_MAX], image[] = "/tmp/bench-start-XXXXXX";
static char served_image[] = "/tmp/bench-start-XXXXXX";
static char disk_option[PATH_MAX], user_option[PATH_MAX];
static char socket_option[PATH_MAX], image_option[PATH_MAX];
static char socket_path[64];

static struct contestant contestants[] = {
	{ "floor", { "bench/start-floor" }, { { 0 } } },
	{ "cvmm", { "vmm/cvmm", "run", "builtin:selftest", "--append",
		    "interactive" }, { { 0 } } },
	{ "cvmm_disk", { "vmm/cvmm", "run", "builtin:selftest", "--append",
			 "interactive", disk_option }, { { 0 } } },
	{ "cvmm_user", { "vmm/cvmm", "run", "builtin:selftest", "--append",
			 "interactive", user_option }, { { 0 } } },
};

#define COUNT (sizeof(contestants) / sizeof(contestants[0]))

/* The program itself, not libtool's script around it. */
static void program_path(char *path, size_t size, const char *name)
{
	const char *base = strrchr(name, '/');

	snprintf(path, size, "%s/%.*s/.libs/%s", top, (int)(base - name), name,
		 base + 1);
	if (access(path, X_OK))
		snprintf(path, size, "%s/%s", top, name);
}

static pid_t spawn(const char *const *argv, int out_fd)
{
	char path[PATH_MAX + 64], *words[8];
	pid_t pid;

	program_path(path, sizeof(path), argv[0]);
	pid = fork();
	if (pid)
		return pid;
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(out_fd, 1);
	memcpy(words, argv, sizeof(words));	/* execv() changes none */
	execv(path, words);
	perror(path);
	_exit(66);
}

/* KVM adds a thread of its own to whoever makes a VM. */
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

static double rollup_kib(pid_t pid, const char *field)
{
	char path[64], line[256];
	double value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			value = strtod(line + strlen(field), NULL);
	if (f)
		fclose(f);
	return value;
}

/* False when the program wrote nothing. */
static bool sample(struct contestant *c, unsigned int i)
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
	begun = bench_now();
	pid = spawn(c->argv, fds[1]);
	close(fds[1]);
	ok = read(fds[0], &byte, 1) == 1;
	c->facts[TIME][i] = (bench_now() - begun) / 1e6;
	kill(pid, SIGSTOP);
	c->facts[CPU][i] = cpu_ns(pid, &threads) / 1e6;
	c->facts[RSS][i] = rollup_kib(pid, "Rss:");
	c->facts[DIRTY][i] = rollup_kib(pid, "Private_Dirty:");
	c->facts[THREADS][i] = threads;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	return ok;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(struct contestant *c, unsigned int runs)
{
	unsigned int fact;
	char name[64];
	double *v;

	for (fact = 0; fact < FACTS; fact++) {
		v = c->facts[fact];
		qsort(v, runs, sizeof(*v), compare);
		snprintf(name, sizeof(name), "start.%s.%s", c->name,
			 units[fact][0]);
		if (bench_selected(name))
			printf("%s %.4g %s %.4g %.4g %u\n", name, v[runs / 2],
			       units[fact][1], v[0], v[runs - 1], runs);
	}
}

/* bench/ lies below the top of the build tree, its programs in .libs or not. */
static bool find_top(void)
{
	ssize_t n = readlink("/proc/self/exe", top, sizeof(top) - 1);
	char *at;

	if (n < 0)
		return false;
	top[n] = 0;
	at = strstr(top, "/bench/");
	if (at)
		*at = 0;
	return at;
}

static pid_t start_daemon(void)
{
	const char *const argv[8] = { "daemons/cvmm-vhost-user-blk",
				     socket_option, image_option, NULL };
	pid_t pid = spawn(argv, 2);
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

int main(int argc, char **argv)
{
	const char *text = getenv("RUNS");
	unsigned int runs = text ? (unsigned int)atoi(text) : 25, i, k;
	bool works[COUNT];
	pid_t daemon;

	bench_init(argc, argv);
	if (!find_top() || access("/dev/kvm", R_OK | W_OK)) {
		puts("# start: no /dev/kvm here");
		return 0;
	}
	runs = runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : runs;
	make_disk();
	daemon = start_daemon();
	for (k = 0; k < COUNT; k++)	/* once to warm the caches */
		works[k] = sample(&contestants[k], 0);
	for (i = 0; i < runs; i++)
		for (k = 0; k < COUNT; k++)
			if (works[k])
				sample(&contestants[k], i);
	kill(daemon, SIGTERM);
	waitpid(daemon, NULL, 0);
	unlink(image);
	unlink(served_image);
	for (k = 0; k < COUNT; k++)
		if (works[k])
			print(&contestants[k], runs);
	return 0;
}
