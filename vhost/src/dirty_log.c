/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A bitmap of written pages in memory that processes share. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/dirty_log.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>

#define PAGE UINT64_C(4096)
#define BITS 64u
/* Pages of guest memory per page of the log, which is mapped as whole pages. */
#define GRANULE (PAGE * 8 * PAGE)

static uint64_t end_of(const struct vmem_map *map)
{
	const unsigned int n = vmem_map_count(map);
	const struct vmem_region *last;

	if (!n)
		return 1;
	last = vmem_map_region(map, n - 1);
	return vmem_region_gpa(last) + vmem_region_len(last);
}

/* The kernel's maximum of an address has room for the length of its log. */
static int make_file(struct vhost_dirty_log *log)
{
	int fd = memfd_create("dirty log", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)log->size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		int rc = -errno;

		vsu_fd_close(&fd);
		return rc;
	}
	log->fd = fd;
	return 0;
}

static int map_file(struct vhost_dirty_log *log)
{
	void *at = mmap(NULL, (size_t)log->size, PROT_READ | PROT_WRITE,
			MAP_SHARED, log->fd, 0);
	int rc = at == MAP_FAILED ? -errno : 0;

	if (rc < 0)
		vsu_fd_close(&log->fd);
	else
		log->words = at;
	return rc;
}

int vhost_dirty_log_init(struct vhost_dirty_log *log, const struct vmem_map *map,
		       uint64_t end, struct vsu_error *err)
{
	int rc;

	if (end < end_of(map))
		end = end_of(map);
	log->words = NULL;
	log->size = ((end - 1) / GRANULE + 1) * PAGE;
	rc = make_file(log);
	if (!rc)
		rc = map_file(log);
	return rc < 0 ? vsu_error_sys(err, rc, "a log of written pages") : 0;
}

void vhost_dirty_log_free(struct vhost_dirty_log *log)
{
	if (!log->words)
		return;
	munmap(log->words, (size_t)log->size);
	log->words = NULL;
	vsu_fd_close(&log->fd);
}

void vhost_dirty_log_add(const struct vhost_dirty_log *log, uint64_t gpa,
		       uint64_t len)
{
	const uint64_t end = len ? (gpa + len - 1) / PAGE + 1 : 0;
	uint64_t page;

	for (page = gpa / PAGE; page < end && page < log->size * 8; page++)
		__atomic_or_fetch(&log->words[page / BITS],
				  vsu_le64_make(UINT64_C(1) << page % BITS).raw,
				  __ATOMIC_RELEASE);
}

/*
 * Pairs with the release of the writer, which sets a bit after its store to the page:
 * who fetches the bit reads the stored bytes.
 */
void vhost_dirty_log_harvest(const struct vhost_dirty_log *log, uint64_t gpa,
			   uint64_t len, vhost_dirty_log_fn fn, void *opaque)
{
	const uint64_t end = len ? (gpa + len - 1) / PAGE / BITS + 1 : 0;
	uint64_t at, bits;

	for (at = gpa / PAGE / BITS; at < end && at < log->size / sizeof(bits); at++) {
		if (!__atomic_load_n(&log->words[at], __ATOMIC_RELAXED))
			continue;
		bits = __atomic_exchange_n(&log->words[at], 0, __ATOMIC_ACQUIRE);
		bits = vsu_le64_load((struct vsu_le64){ bits });
		fn(opaque, at * BITS * PAGE, &bits, BITS);
	}
}
