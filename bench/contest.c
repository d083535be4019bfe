/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts programs of the build tree and measures them from outside. */
#include <config.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "contest.h"

static char top[PATH_MAX];

/* Programs in .libs find the libraries of the build by LD_LIBRARY_PATH only. */
static bool add_libraries(void)
{
	static const char *const folders[] = {
		"vmm-sys-util", "vm-agent", "vm-memory", "vm-arch", "virtio-queue", "vhost",
		"virtio-devices", "vmm",
	};
	const size_t nfolders = sizeof(folders) / sizeof(folders[0]);
	const char *before = getenv("LD_LIBRARY_PATH");
	char paths[(sizeof(folders) / sizeof(folders[0]) + 1) * PATH_MAX];
	size_t i, n = 0;

	for (i = 0; i < nfolders && n < sizeof(paths); i++)
		n += (size_t)snprintf(paths + n, sizeof(paths) - n, "%s%s/%s/.libs", i ? ":" : "", top,
				      folders[i]);
	if (before && n < sizeof(paths))
		n += (size_t)snprintf(paths + n, sizeof(paths) - n, ":%s", before);
	return n < sizeof(paths) && setenv("LD_LIBRARY_PATH", paths, 1) == 0;
}

/* bench/ lies below the top of the build tree, its programs in .libs or not. */
bool contest_begin(void)
{
	ssize_t n = readlink("/proc/self/exe", top, sizeof(top) - 1);
	char *at;

	if (n < 0)
		return false;
	top[n] = 0;
	at = strstr(top, "/bench/");
	if (at)
		*at = 0;
	return at && add_libraries();
}

void contest_find(const char *program, char path[CONTEST_PATH])
{
	const char *base = strrchr(program, '/');

	if (program[0] == '/') {
		snprintf(path, CONTEST_PATH, "%s", program);
		return;
	}
	snprintf(path, CONTEST_PATH, "%s/%.*s/.libs/%s", top, (int)(base - program), program,
		 base + 1);
	if (access(path, X_OK))
		snprintf(path, CONTEST_PATH, "%s/%s", top, program);
}

pid_t contest_spawn(const char *const *argv, int out_fd)
{
	char path[CONTEST_PATH];
	char *words[CONTEST_WORDS] = { NULL };
	size_t n = 0;
	pid_t pid;

	contest_find(argv[0], path);
	while (argv[n] && n < CONTEST_WORDS - 1)
		n++;
	memcpy(words, argv, n * sizeof(words[0])); /* execv() does not modify them */
	pid = fork();
	if (pid)
		return pid;
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(out_fd, 1);
	execv(path, words);
	perror(path);
	_exit(66);
}

double contest_rollup_kib(pid_t pid, const char *field)
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

double contest_cpu_ns(pid_t pid)
{
	char path[64];
	clockid_t id;
	double ns = 0;
	int child;
	FILE *f;

	if (!clock_getcpuclockid(pid, &id))
		ns = bench_clock(id);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &child) == 1)
		ns += contest_cpu_ns(child);
	if (f)
		fclose(f);
	return ns;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void contest_print_number(const char *bench, const char *who,
			  const struct contest_fact *fact, double number,
			  const double *samples, unsigned int runs)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.%s.%s", bench, who, fact->name);
	if (bench_selected(name))
		printf("%s %.4g %s %.4g %.4g %u\n", name, number, fact->unit,
		       samples[0], samples[runs - 1], runs);
}

void contest_print(const char *bench, const char *who,
		   const struct contest_fact *fact, double *samples,
		   unsigned int runs)
{
	qsort(samples, runs, sizeof(*samples), compare);
	contest_print_number(bench, who, fact, samples[runs / 2], samples, runs);
}

double contest_p99(const double *samples, unsigned int runs)
{
	return samples[(runs * 99 + 99) / 100 - 1];
}
