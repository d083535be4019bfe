/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table that a SIGBUS handler looks into.
 *
 * The handler may run on any thread while others enter and leave, so an
 * entry is a sequence lock of atomics: odd while it changes. The entry that
 * covers a faulting address cannot be changing, because the faulting thread
 * holds what keeps its block alive; every other entry that changes is
 * skipped. Nothing here takes a lock or allocates after construction.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "priv.h"

struct entry {
	uint32_t taken;		/* claimed by whoever set it from 0 to 1 */
	uint32_t seq;		/* odd: start to failed are changing */
	uint64_t start;		/* host address; 0: nothing */
	uint64_t len;
	uint64_t page_size;
	uint64_t prot;
	uint64_t file_pos;	/* of start, in the file of fd */
	int fd;			/* of the block; -1: none */
	uint32_t alone;		/* pages replaced alone that the file still had;
				   raised by the handler alone */
	uint64_t repaired;	/* from here on the mapping is zeros already;
				   lowered by the handler alone */
	int32_t *failed;
};

struct vmem_sigbus {
	int event_fd;
	unsigned int max;
	struct entry entries[];
};

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_SEQ_CST)

int vmem_sigbus_new(unsigned int max, struct vmem_sigbus **out,
		    struct vsu_error *err)
{
	struct vmem_sigbus *table;
	int fd;

	if (!max)
		return vsu_error_set(err, -EINVAL,
				     "a SIGBUS table needs at least one entry");
	table = calloc(1, sizeof(*table) + max * sizeof(table->entries[0]));
	if (!table)
		return vsu_error_set(err, -ENOMEM,
				     "no memory for a SIGBUS table of %u", max);
	fd = vsu_event_new();
	if (fd < 0) {
		free(table);
		return vsu_error_sys(err, fd, "no eventfd for a SIGBUS table");
	}
	table->event_fd = fd;
	table->max = max;
	*out = table;
	return 0;
}

void vmem_sigbus_free(struct vmem_sigbus *table)
{
	if (!table)
		return;
	vsu_fd_close(&table->event_fd);
	free(table);
}

int vmem_sigbus_fd(const struct vmem_sigbus *table)
{
	return table->event_fd;
}

static bool claim(struct entry *e)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&e->taken, &expected, 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

int vmem_priv_sigbus_enter(struct vmem_sigbus *table,
			   const struct vmem_priv_mapping *m,
			   const struct vmem_priv_map_request *req,
			   uint64_t page_size, int32_t *failed, uint32_t *slot)
{
	struct entry *e;
	uint32_t i;

	for (i = 0; i < table->max && !claim(&table->entries[i]); i++)
		;
	if (i == table->max)
		return -ENOSPC;
	e = &table->entries[i];
	STORE(e->seq, e->seq + 1);
	STORE(e->len, m->len);
	STORE(e->page_size, page_size);
	STORE(e->prot, (uint64_t)req->prot);
	STORE(e->file_pos, req->file_pos);
	STORE(e->fd, req->fd);
	STORE(e->alone, 0);
	STORE(e->repaired, (uint64_t)(uintptr_t)m->hva + m->len);
	STORE(e->failed, failed);
	STORE(e->start, (uint64_t)(uintptr_t)m->hva);
	STORE(e->seq, e->seq + 1);
	*slot = i;
	return 0;
}

void vmem_priv_sigbus_leave(struct vmem_sigbus *table, uint32_t slot)
{
	struct entry *e = &table->entries[slot];

	STORE(e->seq, e->seq + 1);
	STORE(e->start, 0);
	STORE(e->len, 0);
	STORE(e->seq, e->seq + 1);
	STORE(e->taken, 0);
}

/* A copy of *e when it covers addr and did not change meanwhile. */
static bool covers(struct entry *e, uint64_t addr, struct entry *copy)
{
	uint32_t seq = LOAD(e->seq);

	copy->start = LOAD(e->start);
	copy->len = LOAD(e->len);
	copy->page_size = LOAD(e->page_size);
	copy->prot = LOAD(e->prot);
	copy->file_pos = LOAD(e->file_pos);
	copy->fd = LOAD(e->fd);
	copy->alone = LOAD(e->alone);
	copy->repaired = LOAD(e->repaired);
	copy->failed = LOAD(e->failed);
	return !(seq & 1) && LOAD(e->seq) == seq && copy->start &&
	       addr - copy->start < copy->len;
}

/* True unless it is sure that the file goes on behind page. */
static bool was_cut(const struct entry *e, uint64_t page)
{
	struct stat st;

	return e->fd < 0 || fstat(e->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	       e->file_pos + (page - e->start) >= (uint64_t)st.st_size;
}

/* More than these that a full file system or pool lacks, and all go. */
#define MAX_ALONE 64

/*
 * Whether the pages behind are as good as lost. Where a file was cut all of
 * them are gone, so that the rest of the mapping goes at once: one mapping
 * more, not one per page, or a peer could use up the number that a process
 * may have. A page that the memory hardware lost, or that the file system or
 * the pool of huge pages had no room for, is replaced alone: others hold data.
 */
static bool takes_the_rest(const struct entry *e, uint64_t page,
			   const siginfo_t *si)
{
	return si->si_code != BUS_MCEERR_AR && page < e->repaired &&
	       (e->alone >= MAX_ALONE || was_cut(e, page));
}

static bool repair(struct entry *e, const struct entry *copy, uint64_t addr,
		   const siginfo_t *si)
{
	uint64_t page = addr & ~(copy->page_size - 1);
	bool rest = takes_the_rest(copy, page, si);

	if (mmap((void *)(uintptr_t)page,
		 rest ? copy->repaired - page : copy->page_size,
		 (int)copy->prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		 MAP_FIXED, -1, 0) == MAP_FAILED)
		return false;
	if (rest)
		STORE(e->repaired, page);
	else
		__atomic_fetch_add(&e->alone, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(copy->failed, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* The entry that covers addr, as it is now in *copy; NULL for none. */
static struct entry *find(struct vmem_sigbus *table, uint64_t addr,
			  struct entry *copy)
{
	unsigned int i;

	for (i = 0; i < table->max; i++)
		if (covers(&table->entries[i], addr, copy))
			return &table->entries[i];
	return NULL;
}

/*
 * A signal that somebody sent has no address that means anything, and a new
 * page does not make an address aligned.
 */
static bool is_about_pages(int code)
{
	return code == BUS_ADRERR || code == BUS_MCEERR_AR ||
	       code == BUS_MCEERR_AO;
}

bool vmem_sigbus_fix(struct vmem_sigbus *table, const void *siginfo)
{
	const siginfo_t *si = siginfo;
	struct entry *e, copy;
	int saved = errno;
	bool fixed;

	if (!is_about_pages(si->si_code))
		return false;
	e = find(table, (uint64_t)(uintptr_t)si->si_addr, &copy);
	if (!e)
		return false;
	/*
	 * News of a page that nobody has touched since it was lost, told to
	 * any thread: whoever touches it is told again.
	 */
	if (si->si_code == BUS_MCEERR_AO)
		return true;
	fixed = repair(e, &copy, (uint64_t)(uintptr_t)si->si_addr, si);
	if (fixed)
		vsu_event_signal_own(table->event_fd);
	errno = saved;
	return fixed;
}
