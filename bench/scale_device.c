/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Curves of devices: connections of sockets, mappings of a window, inodes of a folder. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <virtio-devices/fs.h>
#include <vmm-sys-util/fd.h>

#include "bench.h"
#include "scale.h"
#include "shmem_rig.h"
#include "vsock_rig.h"

#define SAMPLES 20u		/* per run, of a cost that is short */

static double best_of(double a, double b)
{
	return a && a < b ? a : b;
}

/* ---------------------------------------------------------------- connections */

#define TRIPS 10u
#define MIN_BATCH 16u

static double time_round_trips(struct vsock_rig *c)
{
	double taken, best = 0;
	unsigned int i, k;

	for (k = 0; k < SAMPLES * scale_runs(); k++) {
		taken = bench_now();
		for (i = 0; i < TRIPS; i++)
			vsock_rig_round_trip(c);
		taken = (bench_now() - taken) / TRIPS / 1e3;
		best = best_of(best, taken);
	}
	return best;
}

/* Replaces the current connection, some times; returns the best, us. */
static double time_opening(struct vsock_rig *c)
{
	double start, taken, best = 0;
	unsigned int i;

	for (i = 0; i < MIN_BATCH; i++) {
		vsock_rig_disconnect(c);
		start = bench_now();
		vsock_rig_connect(c);
		taken = (bench_now() - start) / 1e3;
		best = best_of(best, taken);
	}
	return best;
}

static void measure_connections(struct vsock_rig *c, uint32_t x,
				const struct scale_usage *before)
{
	scale_print("connections.open", x, time_opening(c), "us");
	scale_print("connections.round_trip", x, time_round_trips(c), "us");
	scale_print_usage("connections", x, before);
}

/* Two descriptors each: both ends are in this process. */
static bool exceeds_limit(uint32_t x)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 2 * x + 64)
		return false;
	fprintf(stderr, "bench: left out: connections %u (ulimit -n)\n", x);
	return true;
}

void scale_connections(const uint32_t *x, unsigned int n)
{
	int *fds = calloc(x[n - 1], sizeof(*fds));
	char path[] = "/tmp/bench-scale.XXXXXX";
	struct scale_usage before;
	struct vsock_rig c;
	uint32_t done = 0;
	unsigned int i;
	char name[64];

	if (!fds || !mkdtemp(path))
		guest_rig_die(path, NULL);
	snprintf(name, sizeof(name), "%s/v", path);
	vsock_rig_open(&c, name, 4096, x[n - 1] + 1);
	before = scale_usage();
	for (i = 0; i < n && !exceeds_limit(x[i]); i++) {
		for (; done < x[i]; done++) {
			vsock_rig_connect(&c);
			fds[done] = c.fd;
		}
		measure_connections(&c, x[i], &before);
		fds[done - 1] = c.fd;
	}
	vsock_rig_close(&c);
	while (done)
		close(fds[--done]);
	free(fds);
	unlink(name);
	rmdir(path);
}

/* ------------------------------------------------------------------- mappings */

#define PAIRS 10u

static double time_pairs(void)
{
	struct shmem_requests r = { SHMEM_RIG_PAGE, 1, SHMEM_RIG_FREE };
	const double start = bench_now();

	shmem_rig_run(&r, 2 * PAIRS);
	return (bench_now() - start) / PAIRS / 1e3;
}

void scale_mappings(const uint32_t *x, unsigned int n)
{
	struct scale_usage before;
	unsigned int i, k;
	double us;

	shmem_rig_open();
	before = scale_usage();
	for (i = 0; i < n; i++) {
		shmem_rig_hold(x[i]);
		for (us = 0, k = 0; k < SAMPLES * scale_runs(); k++)
			us = best_of(us, time_pairs());
		scale_print("mappings.pair", x[i], us, "us");
		scale_print_usage("mappings", x[i], &before);
	}
	shmem_rig_close();
}

/* --------------------------------------------------------------------- inodes */

#define ASK GUEST_RIG_DATA
#define ANSWER (ASK + 0x10000u)
#define FS_MEMORY (ANSWER + 0x10000u)
#define REQUESTS 1u		/* number of the queue */
#define INODES_PER_FOLDER 1000u
#define LOOKUPS 1000u

struct folder {
	struct guest_rig rig;
	char path[32];
	int dir;
};

/* A request with its arguments; the reply behind its header, or NULL. */
static const void *fuse_ask(struct folder *f, uint32_t opcode, uint64_t node,
			    const void *args, size_t len)
{
	const struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + len), .opcode = opcode, .unique = 2,
		.nodeid = node,
	};
	const struct vq_buffer buffers[] = {
		{ ASK, in.len, false }, { ANSWER, 0x1000, true },
	};
	struct fuse_out_header out;
	uint64_t cookie;
	uint32_t written;

	memcpy(f->rig.memory + ASK, &in, sizeof(in));
	memcpy(f->rig.memory + ASK + sizeof(in), args, len);
	if (vq_driver_add(f->rig.driver[REQUESTS], buffers, 2, 1) < 0)
		guest_rig_die("a request does not fit", NULL);
	guest_rig_serve(&f->rig, REQUESTS);
	if (vq_driver_collect(f->rig.driver[REQUESTS], &cookie, &written) != 1)
		guest_rig_die("no reply", NULL);
	memcpy(&out, f->rig.memory + ANSWER, sizeof(out));
	return out.error ? NULL : f->rig.memory + ANSWER + sizeof(out);
}

static uint64_t look_up(struct folder *f, uint64_t node, const char *name)
{
	const void *reply = fuse_ask(f, FUSE_LOOKUP, node, name, strlen(name) + 1);
	struct fuse_entry_out entry;

	if (!reply)
		guest_rig_die("FUSE_LOOKUP", NULL);
	memcpy(&entry, reply, sizeof(entry));
	return entry.nodeid;
}

static void folder_open(struct folder *f)
{
	const struct virtdev_fs_config config = {
		.size = sizeof(config), .path = f->path, .tag = "bench", .queues = 2,
		.queue_size_max = GUEST_RIG_SIZE, .file_handles = VIRTDEV_FS_HANDLES_PREFER,
	};
	const struct fuse_init_in init = { .major = 7, .minor = 38 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	strcpy(f->path, "/tmp/bench-scale.XXXXXX");
	if (!mkdtemp(f->path) || (f->dir = open(f->path, O_PATH | O_CLOEXEC)) < 0 ||
	    virtdev_fs_new(&config, &dev, &err) < 0)
		guest_rig_die("folder", &err);
	guest_rig_open(&f->rig, FS_MEMORY, dev, VQ_F_VERSION_1);
	if (!fuse_ask(f, FUSE_INIT, 0, &init, sizeof(init)))
		guest_rig_die("FUSE_INIT", NULL);
}

/* Files are in folders of INODES_PER_FOLDER, so that no curve is the host's. */
static void add_files(struct folder *f, uint32_t first, uint32_t end)
{
	char name[32], parent[16];
	uint64_t node = 0;
	uint32_t i;
	int fd;

	for (i = first; i < end; i++) {
		snprintf(parent, sizeof(parent), "%u", i / INODES_PER_FOLDER);
		snprintf(name, sizeof(name), "%s/%u", parent, i);
		if (i == first || i % INODES_PER_FOLDER == 0) {
			(void)mkdirat(f->dir, parent, 0755);
			node = look_up(f, FUSE_ROOT_ID, parent);
		}
		fd = openat(f->dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0)
			guest_rig_die(name, NULL);
		close(fd);
		look_up(f, node, name + strlen(parent) + 1);
	}
}

/* Files that the guest knows, in the last folder. */
static double time_lookups(struct folder *f, uint32_t end)
{
	const uint32_t first = (end - 1) / INODES_PER_FOLDER * INODES_PER_FOLDER;
	uint64_t node;
	double start;
	char name[16];
	unsigned int i;

	snprintf(name, sizeof(name), "%u", first / INODES_PER_FOLDER);
	node = look_up(f, FUSE_ROOT_ID, name);
	start = bench_now();
	for (i = 0; i < LOOKUPS; i++) {
		snprintf(name, sizeof(name), "%u", first + i % (end - first));
		look_up(f, node, name);
	}
	return (bench_now() - start) / LOOKUPS / 1e3;
}

static void remove_files(struct folder *f, uint32_t n)
{
	char name[32];
	uint32_t i;

	while (n--) {
		i = n / INODES_PER_FOLDER;
		snprintf(name, sizeof(name), "%u/%u", i, n);
		unlinkat(f->dir, name, 0);
		if (n % INODES_PER_FOLDER == 0) {
			snprintf(name, sizeof(name), "%u", i);
			unlinkat(f->dir, name, AT_REMOVEDIR);
		}
	}
	rmdir(f->path);
	close(f->dir);
}

/* INODES: the maximum, default 100000. More need memory and inodes of /tmp. */
static bool exceeds_host(const struct folder *f, uint32_t x)
{
	const char *s = getenv("INODES");
	const uint32_t max = s ? (uint32_t)atoi(s) : 100000;
	struct statvfs st;

	if (x <= max && (statvfs(f->path, &st) < 0 || st.f_favail > x))
		return false;
	fprintf(stderr, "bench: left out: inodes %u (INODES=%u, /tmp)\n", x, x);
	return true;
}

void scale_inodes(const uint32_t *x, unsigned int n)
{
	struct scale_usage before;
	uint32_t done = 0;
	struct folder f;
	unsigned int i, k;
	double us, start;

	folder_open(&f);
	before = scale_usage();
	for (i = 0; i < n && !exceeds_host(&f, x[i]); i++) {
		add_files(&f, done, x[i]);
		done = x[i];
		for (us = 0, k = 0; k < scale_runs(); k++)
			us = best_of(us, time_lookups(&f, done));
		scale_print("inodes.lookup", done, us, "us");
		scale_print_usage("inodes", done, &before);
	}
	start = bench_now();
	guest_rig_close(&f.rig);
	scale_print("inodes.forget_all", done, (bench_now() - start) / 1e3 / done, "us/inode");
	remove_files(&f, done);
}
