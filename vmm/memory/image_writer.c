/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Slices of the image, each written by the next free thread. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/thread.h>

#include "memory/image.h"

#define SLICE VMM_IMAGE_SLICE
/* A disk is busy with two; more compare pages with zeros faster. */
#define MAX_THREADS 8
#define PIECE (UINT64_C(1) << 20)

struct work {
	const struct vmem_map *map;
	int fd;
	uint64_t next;		/* atomic: start of the next slice */
	int rc;			/* atomic: the first failure */
	struct vmm_image_progress *progress;
};

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

int vmm_image_write_pieces(int fd, const unsigned char *bytes, uint64_t len, uint64_t at,
			   struct vmm_image_progress *progress)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, bytes, at_most(len, PIECE), (off_t)at);
		__atomic_fetch_add(&progress->moves, 1, __ATOMIC_RELAXED);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* ENXIO: no data follows, either because of a hole, or because the file ends before. */
static int check_reach(int fd, uint64_t end)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size < end ? -EFAULT : 0;
}

/*
 * A page with data in a part of it is data: in a file system with small blocks, holes begin
 * and end inside a page.
 */
static uint64_t to_page(uint64_t found, int whence)
{
	const uint64_t page = found / VMM_IMAGE_PAGE * VMM_IMAGE_PAGE;

	return whence == SEEK_HOLE && page < found ? page + VMM_IMAGE_PAGE : page;
}

static int seek_file(const struct vmem_region *r, int whence, uint64_t *at, uint64_t end)
{
	const uint64_t first = vmem_region_file_pos(r, 0), len = vmem_region_len(r);
	const int fd = vmem_block_fd(vmem_region_block(r));
	const off_t found = lseek(fd, (off_t)(first + *at), whence);

	if (found >= 0) {
		*at = at_most(to_page((uint64_t)found - first, whence), end);
		return whence == SEEK_HOLE && *at == len ? check_reach(fd, first + len) : 0;
	}
	if (errno == ENXIO) {
		*at = end;
		return check_reach(fd, first + len);
	}
	if (whence == SEEK_HOLE)
		*at = end;
	return 0;
}

/*
 * A page that nobody has used has no entry; one that is swapped out has. The kernel reports no
 * huge page while it moves it.
 */
static bool has_page_map(const struct vmem_block *block, const struct vmm_page_map *pages)
{
	return pages->fd >= 0 && vmem_block_kind(block) == VMEM_KIND_ANON &&
	       vmem_block_page_size(block) == pages->page;
}

/* Without an entry the rest is data. */
static void seek_used(const struct vmem_region *r, struct vmm_page_map *pages, int whence,
		      uint64_t *at, uint64_t end)
{
	uint64_t entry;

	for (; *at < end; *at = at_most((*at / pages->page + 1) * pages->page, end)) {
		if (vmm_page_map_get(pages, vmem_region_hva(r) + *at, &entry) < 0)
			entry = VMM_PAGE_PRESENT;
		if (vmm_page_is_used(entry) == (whence == SEEK_DATA))
			return;
	}
}

int vmm_image_seek(const struct vmem_region *r, struct vmm_page_map *pages, int whence,
		   uint64_t *at, uint64_t end)
{
	const struct vmem_block *block = vmem_region_block(r);

	if (whence == SEEK_HOLE)
		*at = at_most(*at + VMM_IMAGE_PAGE, end);
	if (vmem_block_fd(block) >= 0 && (vmem_block_flags(block) & VMEM_BLOCK_SHARED))
		return seek_file(r, whence, at, end);
	if (has_page_map(block, pages))
		seek_used(r, pages, whence, at, end);
	else if (whence == SEEK_HOLE)
		*at = end;
	return 0;
}

static int write_run(const struct work *w, const unsigned char *bytes, uint64_t len, uint64_t at)
{
	if (w->progress->sums)
		vmm_image_sums_add(w->progress->sums, at, bytes, len);
	if (w->progress->look)
		w->progress->look(w->progress->opaque, bytes, len, at);
	return vmm_image_write_pieces(w->fd, bytes, len, w->progress->begin + at, w->progress);
}

/* Bytes [at, end) of the region, which begins at file_at in the image. */
static int write_present(const struct work *w, struct vmm_page_map *pages,
			 const struct vmem_region *r, uint64_t at, uint64_t end, uint64_t file_at)
{
	const unsigned char *bytes = vmem_region_hva(r);
	uint64_t n;
	bool zeros;
	int rc = vmm_image_seek(r, pages, SEEK_DATA, &at, end);

	while (!rc && at < end) {
		n = vmm_image_run(bytes + at, end - at, &zeros);
		if (!zeros)
			rc = write_run(w, bytes + at, n, file_at + at);
		at += n;
		if (zeros)
			rc = vmm_image_seek(r, pages, SEEK_DATA, &at, end);
	}
	return rc;
}

/* An incremental save writes only the pages that differ from the base. */
static int write_changed(const struct work *w, struct vmm_page_map *pages,
			 const struct vmem_region *r, uint64_t at, uint64_t end, uint64_t file_at)
{
	uint64_t n = 0;
	bool changed;
	int rc = 0;

	for (; !rc && at < end; at += n) {
		rc = vmm_image_changes_next(w->progress->changes, pages, r, at, end, file_at, &n,
					    &changed);
		if (!rc && changed)
			rc = write_present(w, pages, r, at, at + n, file_at);
	}
	return rc;
}

/* Bytes [first, end) of the image. */
static int write_slice(const struct work *w, struct vmm_page_map *pages, uint64_t first,
		       uint64_t end)
{
	int (*write_part)(const struct work *w, struct vmm_page_map *pages,
			  const struct vmem_region *r, uint64_t at, uint64_t end, uint64_t file_at) =
		w->progress->changes ? write_changed : write_present;
	const struct vmem_region *r;
	uint64_t begin = 0, len;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && begin < end && i < vmem_map_count(w->map); i++) {
		r = vmem_map_region(w->map, i);
		len = vmem_region_len(r);
		if (begin + len > first)
			rc = write_part(w, pages, r, first > begin ? first - begin : 0,
					at_most(end - begin, len), begin);
		begin += len;
	}
	return rc;
}

uint64_t vmm_image_bytes(const struct vmem_map *map)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++)
		sum += vmem_region_len(vmem_map_region(map, i));
	return sum;
}

static void *writer_main(void *arg)
{
	struct work *w = arg;
	const uint64_t total = w->progress->total;
	struct vmm_page_map pages;
	uint64_t first, n;
	int rc = 0, none = 0;

	vmm_page_map_init(&pages, w->progress->pagemap ? *w->progress->pagemap : -1);
	while (!rc && !__atomic_load_n(&w->rc, __ATOMIC_RELAXED)) {
		first = __atomic_fetch_add(&w->next, SLICE, __ATOMIC_RELAXED);
		if (first >= total)
			break;
		n = at_most(total - first, SLICE);
		rc = __atomic_load_n(&w->progress->cancel, __ATOMIC_RELAXED) ?
		     -ECANCELED : write_slice(w, &pages, first, first + n);
		__atomic_fetch_add(&w->progress->done, n, __ATOMIC_RELAXED);
	}
	if (rc < 0)
		__atomic_compare_exchange_n(&w->rc, &none, rc, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	return NULL;
}

/* If a thread cannot be started, the others write its slices. */
static void write_on_threads(struct work *w)
{
	const uint64_t slices = w->progress->total / SLICE;
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int wanted = (unsigned int)at_most(slices, MAX_THREADS - 1), n = 0;
	pthread_t thread[MAX_THREADS];

	if (cpus > 0 && wanted >= (unsigned long)cpus)
		wanted = (unsigned int)cpus - 1;
	while (n < wanted && !vsu_thread_start(w->progress->threads, &thread[n], writer_main, w))
		n++;
	writer_main(w);
	while (n > 0)
		pthread_join(thread[--n], NULL);
}

int vmm_image_write(const struct vmem_map *map, int fd,
		    struct vmm_image_progress *progress, struct vsu_error *err)
{
	struct work w = { .map = map, .fd = fd, .progress = progress };

	__atomic_store_n(&progress->total, vmm_image_bytes(map), __ATOMIC_RELAXED);
	if (progress->sums)
		w.rc = vmm_image_sums_new(progress->sums, progress->total);
	if (!w.rc && ftruncate(fd, (off_t)(progress->begin + progress->total)) < 0)
		w.rc = -errno;
	if (!w.rc)
		write_on_threads(&w);
	if (w.rc == -EFAULT)
		return vsu_error_set(err, w.rc, "a part of the guest's memory is lost: %s",
				     vmm_memory_loss_text(VMM_MEMORY_CUT));
	return w.rc < 0 ? vsu_error_sys(err, w.rc, "the guest's memory") : 0;
}
