/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How costs grow with the number of regions, queues, sessions, connections, mappings and
 * inodes, the X of each row. The first argument selects curves by a substring of their
 * names. The time of one step should not depend on X, and a total should be proportional
 * to X.
 *
 *	regions.find		ns	find a random address in a map of X regions
 *	regions.build		us	build a map of X regions at once
 *	regions.session		us	from connect() until the device runs with X regions
 *	regions.add		us	add a region to a session with X regions, and remove it
 *	queues.session		us	from connect() until X queues run
 *	sessions.session	us	the same for one queue, beside X - 1 other sessions
 *	connections.open	us	open a connection of vsock beside X others
 *	connections.round_trip	us	64 bytes there and back beside X others
 *	mappings.pair		us	map a page in a window and unmap it, beside X others
 *	inodes.lookup		us	look up a file beside X others
 *	*.memory, *.descriptors		what this process uses for X of them
 */
#include <config.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "guest_rig.h"
#include "scale.h"

#define MAX_POINTS 9u

static const struct {
	const char *name;
	scale_fn measure;
	uint32_t x[MAX_POINTS];	/* ends with 0 */
} curves[] = {
	{ "regions", scale_regions, { 1, 8, 32, 64, 128, 256, 508 } },
	{ "queues", scale_queues, { 1, 4, 16, 64, 128, 256 } },
	{ "sessions", scale_sessions, { 1, 10, 100, 1000 } },
	{ "connections", scale_connections, { 1, 16, 64, 256, 1024, 2048, 4096 } },
	{ "mappings", scale_mappings, { 1, 16, 64, 256, 1024, 2048, 4096 } },
	{ "inodes", scale_inodes, { 1000, 10000, 100000, 1000000 } },
};

unsigned int scale_runs(void)
{
	const char *s = getenv("RUNS");
	const int n = s ? atoi(s) : 5;

	return n > 0 && n < 1000 ? (unsigned int)n : 5;
}

void scale_print(const char *name, uint32_t x, double value, const char *unit)
{
	printf("%s %u %.4g %s\n", name, x, value, unit);
	fflush(stdout);
}

static double count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	double n = -3;		/* . and .. and its own */

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

struct scale_usage scale_usage(void)
{
	struct scale_usage u = { 0, count_fds() };
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f && fscanf(f, "%*d %ld", &pages) == 1)
		u.kib = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
	if (f)
		fclose(f);
	return u;
}

void scale_print_usage(const char *name, uint32_t x, const struct scale_usage *before)
{
	const struct scale_usage now = scale_usage();
	char text[64];

	snprintf(text, sizeof(text), "%s.memory", name);
	scale_print(text, x, now.kib - before->kib, "KiB");
	snprintf(text, sizeof(text), "%s.descriptors", name);
	scale_print(text, x, now.fds - before->fds, "fds");
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	unsigned int i, n;

	bench_init(argc, argv);
	raise_limit();
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		for (n = 0; n < MAX_POINTS && curves[i].x[n]; n++)
			;
		if (bench_selected(curves[i].name))
			curves[i].measure(curves[i].x, n);
	}
	return 0;
}
