/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The floor of "bench": the same requests as plain calls on a file in memory, one after
 * another, without queue, socket and other process.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "bench.h"

#define FILE_SIZE (UINT64_C(64) << 20)

struct floor {
	const struct bench_load *load;
	int fd;
	uint64_t random;
	unsigned char buffer[BENCH_MAX_SIZE];
};

static int request(struct floor *f)
{
	const size_t size = f->load->size;
	const bool write = bench_random(&f->random) % 100 < f->load->writes;
	const off_t at = (off_t)(bench_random(&f->random) % (FILE_SIZE / size) * size);
	const ssize_t n = write ? pwrite(f->fd, f->buffer, size, at) :
				  pread(f->fd, f->buffer, size, at);

	return n == (ssize_t)size ? 0 : -EIO;
}

static int measure(struct floor *f, struct bench_stats *s)
{
	const uint64_t start_ns = vsu_now_ns();
	uint64_t before, now = start_ns;
	int rc;

	do {
		before = now;
		rc = request(f);
		now = vsu_now_ns();
		bench_stats_add(s, now - before);
	} while (rc == 0 && now - start_ns < f->load->ms * BENCH_NS_PER_MS);
	s->ns += now - start_ns;
	return rc;
}

enum vsu_exit bench_floor(const struct bench_load *load, struct bench_stats *s,
			  struct vsu_error *err)
{
	struct floor f = { .load = load, .random = BENCH_SEED };
	int rc;

	f.fd = memfd_create("floor", MFD_CLOEXEC);
	/* pages are allocated before the time is taken */
	rc = f.fd < 0 ? -errno : -posix_fallocate(f.fd, 0, FILE_SIZE);
	if (rc == 0)
		rc = measure(&f, s);
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot measure a file in memory");
	if (f.fd >= 0)
		close(f.fd);
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}
