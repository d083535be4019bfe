/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A thread that walks over the data of memory files. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/thread.h>

#include "memory/prefetch.h"

/* Bytes of one system call, after which the thread can be ended. */
#define STEP (UINT64_C(2) << 20)

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22	/* Linux 5.14 */
#endif

struct vmm_prefetch {
	const struct vmm_memory *memory;
	struct vmem_map *map;
	struct vmm_working_set set;
	bool has_set;		/* else the whole file */
	pthread_t thread;
	bool stop;		/* atomic */
};

/* A kernel without MADV_POPULATE_READ reads the file only. */
static bool load_step(const struct vmem_region *r, uint64_t at, uint64_t len)
{
	unsigned char *hva = vmem_region_hva(r) + at;

	if (!madvise(hva, len, MADV_POPULATE_READ))
		return true;
	return errno == EINVAL && !madvise(hva, len, MADV_WILLNEED);
}

/*
 * Offsets are those of the region; madvise() requires the beginning of a page, which can be
 * larger than those of the host that wrote the file. False: the file was truncated, or stop.
 */
static bool load_range(const struct vmm_prefetch *p, const struct vmem_region *r,
		       uint64_t at, uint64_t end)
{
	uint64_t len;

	for (at -= at % (uint64_t)sysconf(_SC_PAGESIZE); at < end; at += len) {
		len = end - at < STEP ? end - at : STEP;
		if (__atomic_load_n(&p->stop, __ATOMIC_RELAXED) ||
		    !load_step(r, at, len))
			return false;
	}
	return true;
}

/* The part of the working set that is in the region. */
static bool load_set(const struct vmm_prefetch *p, const struct vmem_region *r)
{
	const uint64_t first = vmem_region_file_pos(r, 0);
	const uint64_t last = first + vmem_region_len(r);
	bool more = true;
	uint64_t at, end;
	size_t i;

	for (i = 0; more && i < p->set.n; i++) {
		at = p->set.ranges[i].at;
		end = at + p->set.ranges[i].len;
		at = at > first ? at : first;
		end = end < last ? end : last;
		if (at < end)
			more = load_range(p, r, at - first, end - first);
	}
	return more;
}

static bool load_data(const struct vmm_prefetch *p, const struct vmem_region *r)
{
	const int fd = vmem_block_fd(vmem_region_block(r));
	const off_t first = (off_t)vmem_region_file_pos(r, 0);
	const off_t last = first + (off_t)vmem_region_len(r);
	off_t data = first, hole;

	while ((data = lseek(fd, data, SEEK_DATA)) >= 0 && data < last) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole > last)
			hole = last;
		if (!load_range(p, r, (uint64_t)(data - first),
				(uint64_t)(hole - first)))
			return false;
		data = hole;
	}
	return true;
}

/* Other memory has no pages of the file left to load. */
static bool is_mapped(const struct vmm_prefetch *p, const struct vmem_region *r)
{
	return vmm_memory_has(p->memory, r) &&
	       vmem_block_kind(vmem_region_block(r)) == VMEM_KIND_FILE;
}

static void *prefetch_main(void *arg)
{
	const struct vmm_prefetch *p = arg;
	const struct vmem_region *r;
	unsigned int i;

	for (i = 0; i < vmem_map_count(p->map); i++) {
		r = vmem_map_region(p->map, i);
		if (is_mapped(p, r) &&
		    !(p->has_set ? load_set(p, r) : load_data(p, r)))
			break;
	}
	return NULL;
}

static void prefetch_free(struct vmm_prefetch *p)
{
	vmm_working_set_free(&p->set);
	vmem_map_unref(p->map);
	free(p);
}

int vmm_prefetch_new(const struct vmm_memory *memory, struct vmem_map *map,
		     struct vmm_working_set *set, struct vmm_prefetch **out,
		     struct vsu_error *err)
{
	struct vmm_prefetch *p = calloc(1, sizeof(*p));
	int rc;

	if (!p) {
		if (set)
			vmm_working_set_free(set);
		return vsu_error_set(err, -ENOMEM, "no memory to prefetch memory");
	}
	p->has_set = set;
	if (set)
		p->set = *set;
	p->memory = memory;
	p->map = vmem_map_ref(map);
	rc = vsu_thread_start(memory->threads, &p->thread, prefetch_main, p);
	if (rc < 0) {
		prefetch_free(p);
		return vsu_error_sys(err, rc, "cannot start a thread");
	}
	*out = p;
	return 0;
}

void vmm_prefetch_free(struct vmm_prefetch *p)
{
	if (!p)
		return;
	__atomic_store_n(&p->stop, true, __ATOMIC_RELAXED);
	pthread_join(p->thread, NULL);
	prefetch_free(p);
}
