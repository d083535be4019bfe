/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The floor of "bench": each request as plain system calls, one after another, without
 * queue and other process.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "bench_load.h"

#define FILE_SIZE (UINT64_C(64) << 20)

struct bench_floor {
	const struct bench_load *load;
	int file;		/* in memory */
	int ends[2];		/* of a socket */
	uint64_t random;
	unsigned char buffer[BENCH_MAX_SIZE];
};

int bench_floor_io(struct bench_floor *f)
{
	const size_t size = f->load->size;
	const bool write = bench_random(&f->random) % 100 < f->load->writes;
	const off_t at = (off_t)(bench_random(&f->random) % (FILE_SIZE / size) * size);
	const ssize_t n = write ? pwrite(f->file, f->buffer, size, at) :
				  pread(f->file, f->buffer, size, at);

	return n == (ssize_t)size ? 0 : -EIO;
}

/* A frame goes from one end to the other. */
static int pass(struct bench_floor *f, int from, int to)
{
	const ssize_t size = (ssize_t)f->load->size;

	return send(from, f->buffer, f->load->size, 0) == size &&
	       recv(to, f->buffer, f->load->size, 0) == size ? 0 : -EIO;
}

int bench_floor_send(struct bench_floor *f)
{
	return pass(f, f->ends[0], f->ends[1]);
}

int bench_floor_echo(struct bench_floor *f)
{
	const int rc = bench_floor_send(f);

	return rc < 0 ? rc : pass(f, f->ends[1], f->ends[0]);
}

int bench_floor_getattr(struct bench_floor *f)
{
	struct stat st;

	return fstat(f->file, &st) < 0 ? -errno : 0;
}

static int measure(struct bench_floor *f, struct bench_stats *s)
{
	const uint64_t start_ns = vsu_now_ns();
	uint64_t before, now = start_ns;
	int rc;

	do {
		before = now;
		rc = f->load->request->floor(f);
		now = vsu_now_ns();
		bench_stats_add(s, now - before);
	} while (rc == 0 && now - start_ns < f->load->ms * BENCH_NS_PER_MS);
	s->ns += now - start_ns;
	return rc;
}

/* The pages of the file are allocated before the time is taken. */
static int open_all(struct bench_floor *f)
{
	f->file = memfd_create("floor", MFD_CLOEXEC);
	if (f->file < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->ends) < 0)
		return -errno;
	return -posix_fallocate(f->file, 0, FILE_SIZE);
}

enum vsu_exit bench_floor(const struct bench_load *load, struct bench_stats *s,
			  struct vsu_error *err)
{
	struct bench_floor f = { .load = load, .ends = { -1, -1 }, .random = BENCH_SEED };
	int rc = open_all(&f);

	if (rc == 0)
		rc = measure(&f, s);
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot measure the floor of %s", load->request->name);
	vsu_fd_close(&f.file);
	vsu_fd_close(&f.ends[0]);
	vsu_fd_close(&f.ends[1]);
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}
