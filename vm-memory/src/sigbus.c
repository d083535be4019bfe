/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table of mappings that a SIGBUS handler searches.
 *
 * The handler may run on any thread while other threads add and remove entries, so an
 * entry is a sequence lock of atomics: its number is odd while it changes. The entry that
 * covers a faulting address cannot be changing, because the faulting thread has a
 * reference that keeps its block alive; other entries that change are skipped. Nothing is
 * allocated after construction. The only lock is that of a repair, which prevents that
 * another thread replaces the same pages again; it is held for a few system calls.
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
	uint32_t taken;		/* set from 0 to 1 by the thread that claims it */
	uint32_t seq;		/* odd: the members from start to failed are changing */
	uint64_t start;		/* host address; 0: unused */
	uint64_t len;
	uint64_t page_size;
	uint64_t prot;
	uint64_t file_pos;	/* position in the file of start */
	int fd;			/* the block's descriptor; -1: none */
	uint32_t alone;		/* number of single pages that were replaced although the file
				   contains them; only the handler increments it */
	uint64_t repaired;	/* host address from which the mapping was replaced; only the
				   handler decreases it */
	uint32_t busy;		/* a thread replaces pages, others wait */
	struct vmem_priv_fate *fate;
};

/*
 * Pages with alternating protection, so that each is a separate mapping. If the
 * process is at the kernel's limit of mappings, the handler merges them, which
 * is safe on any thread at any time, and so makes room for the repair.
 */
#define SPARE_PAGES 9

struct vmem_sigbus {
	int event_fd;
	unsigned int max;
	uint32_t alone;		/* the sum of alone of all entries */
	uint32_t spent;		/* the spare mappings were merged */
	unsigned char *spare;
	struct entry entries[];
};

#define LOAD(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_SEQ_CST)

/* Creates as many separate mappings as the limit permits; fewer are not an error. */
static void spare_arm(struct vmem_sigbus *table)
{
	const size_t page = vmem_priv_host_page();
	unsigned int i;

	STORE(table->spent, 0);
	for (i = 1; i < SPARE_PAGES; i += 2)
		mprotect(table->spare + i * page, page, PROT_READ);
}

static void spare_spend(struct vmem_sigbus *table)
{
	mprotect(table->spare, SPARE_PAGES * vmem_priv_host_page(), PROT_NONE);
	STORE(table->spent, 1);
}

static int spare_make(struct vmem_sigbus *table)
{
	void *area = mmap(NULL, SPARE_PAGES * vmem_priv_host_page(), PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		return -errno;
	table->spare = area;
	spare_arm(table);
	return 0;
}

int vmem_sigbus_new(unsigned int max, struct vmem_sigbus **out,
		    struct vsu_error *err)
{
	struct vmem_sigbus *table;
	int fd, rc;

	if (!max)
		return vsu_error_set(err, -EINVAL,
				     "a SIGBUS table needs at least one entry");
	table = calloc(1, sizeof(*table) + max * sizeof(table->entries[0]));
	if (!table)
		return vsu_error_set(err, -ENOMEM,
				     "no memory for a SIGBUS table of %u", max);
	rc = spare_make(table);
	if (rc < 0) {
		free(table);
		return vsu_error_sys(err, rc, "no pages for a SIGBUS table");
	}
	fd = vsu_event_new();
	table->event_fd = fd;
	if (fd < 0) {
		vmem_sigbus_free(table);
		return vsu_error_sys(err, fd, "no eventfd for a SIGBUS table");
	}
	table->max = max;
	*out = table;
	return 0;
}

void vmem_sigbus_free(struct vmem_sigbus *table)
{
	if (!table)
		return;
	vsu_fd_close(&table->event_fd);
	munmap(table->spare, SPARE_PAGES * vmem_priv_host_page());
	free(table);
}

int vmem_sigbus_fd(const struct vmem_sigbus *table)
{
	return table->event_fd;
}

static bool entry_claim(struct entry *e)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&e->taken, &expected, 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

int vmem_priv_sigbus_enter(struct vmem_sigbus *table,
			   const struct vmem_priv_mapping *m,
			   const struct vmem_priv_map_request *req,
			   uint64_t page_size, struct vmem_priv_fate *fate,
			   uint32_t *slot)
{
	struct entry *e;
	uint32_t i;

	for (i = 0; i < table->max && !entry_claim(&table->entries[i]); i++)
		;
	if (i == table->max)
		return -ENOSPC;
	if (LOAD(table->spent))
		spare_arm(table);
	e = &table->entries[i];
	STORE(e->seq, e->seq + 1);
	STORE(e->len, m->len);
	STORE(e->page_size, page_size);
	STORE(e->prot, (uint64_t)req->prot);
	STORE(e->file_pos, req->file_pos);
	STORE(e->fd, req->fd);
	STORE(e->alone, 0);
	STORE(e->repaired, (uint64_t)(uintptr_t)m->hva + m->len);
	STORE(e->fate, fate);
	STORE(e->start, (uint64_t)(uintptr_t)m->hva);
	STORE(e->seq, e->seq + 1);
	*slot = i;
	return 0;
}

void vmem_priv_sigbus_leave(struct vmem_sigbus *table, uint32_t slot)
{
	struct entry *e = &table->entries[slot];

	__atomic_fetch_sub(&table->alone, LOAD(e->alone), __ATOMIC_SEQ_CST);
	STORE(e->seq, e->seq + 1);
	STORE(e->start, 0);
	STORE(e->len, 0);
	STORE(e->seq, e->seq + 1);
	STORE(e->taken, 0);
}

/* Copies *e if it covers addr and did not change meanwhile. */
static bool entry_covers(struct entry *e, uint64_t addr, struct entry *copy)
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
	copy->fate = LOAD(e->fate);
	return !(seq & 1) && LOAD(e->seq) == seq && copy->start &&
	       addr - copy->start < copy->len;
}

/* Returns false only if the file is known to continue past page. */
static bool was_cut(const struct entry *e, uint64_t page)
{
	struct stat st;

	return e->fd < 0 || fstat(e->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	       e->file_pos + (page - e->start) >= (uint64_t)st.st_size;
}

/*
 * If a full file system or pool lacks more pages than these, the rest of the mapping is
 * replaced.
 */
#define MAX_ALONE 64
#define MAX_ALONE_IN_ALL 4096u

/*
 * Whether to replace the rest of the mapping, too. In a truncated file all
 * following pages are lost: replacing them together costs one mapping instead
 * of one per page, which a peer could use to exhaust the process's limit. A
 * page lost by the memory hardware, or for lack of space in the file system or
 * huge page pool, is replaced alone, because the following pages hold data.
 * Each single page costs two mappings; their number is limited to the number of
 * entries of the table, and to 4096.
 */
static bool takes_the_rest(const struct vmem_sigbus *table,
			   const struct entry *e, uint64_t page,
			   const siginfo_t *si)
{
	const uint32_t alone = LOAD(table->alone);

	return si->si_code != BUS_MCEERR_AR && page < e->repaired &&
	       (e->alone >= MAX_ALONE || alone >= table->max ||
		alone >= MAX_ALONE_IN_ALL || was_cut(e, page));
}

static bool put_zeros(const struct entry *e, uint64_t from, uint64_t len)
{
	return mmap((void *)(uintptr_t)from, len, (int)e->prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		    -1, 0) != MAP_FAILED;
}

/* Replaces one page, or all pages from it on, if the kernel's limit of mappings permits. */
static bool replace_part(struct vmem_sigbus *table, struct entry *e,
			 const struct entry *copy, uint64_t page, bool rest)
{
	if (!put_zeros(copy, page, rest ? copy->repaired - page :
					  copy->page_size))
		return false;
	if (rest) {
		STORE(e->repaired, page);
	} else {
		__atomic_fetch_add(&e->alone, 1, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&table->alone, 1, __ATOMIC_SEQ_CST);
	}
	return true;
}

/* Replaces the mapping from end to end, which needs no further mapping. */
static bool replace_whole(struct vmem_sigbus *table, struct entry *e,
			  const struct entry *copy)
{
	spare_spend(table);
	if (!put_zeros(copy, copy->start, copy->len))
		return false;
	STORE(e->repaired, copy->start);
	return true;
}

/* Spins, because a handler may not sleep. */
static void entry_lock(struct entry *e)
{
	while (__atomic_exchange_n(&e->busy, 1, __ATOMIC_SEQ_CST))
		;
}

static void entry_unlock(struct entry *e)
{
	STORE(e->busy, 0);
}

/* True also if another thread was first: its zeros may have been written to since. */
static bool replace_once(struct vmem_sigbus *table, struct entry *e,
			 struct entry *copy, uint64_t page, bool rest, int code)
{
	bool replaced;

	entry_lock(e);
	copy->repaired = LOAD(e->repaired);
	replaced = (code == BUS_ADRERR && page >= copy->repaired) ||
		   replace_part(table, e, copy, page, rest) ||
		   replace_whole(table, e, copy);
	entry_unlock(e);
	return replaced;
}

static bool entry_repair(struct vmem_sigbus *table, struct entry *e,
			 struct entry *copy, const siginfo_t *si)
{
	uint64_t page = (uint64_t)(uintptr_t)si->si_addr &
			~(copy->page_size - 1);
	bool rest = takes_the_rest(table, copy, page, si);

	/* Record the failure first: a thread that reads zeros, or whose store is discarded,
	   then finds the block failed when it checks. */
	if (si->si_code == BUS_MCEERR_AR) {
		STORE(copy->fate->damaged_at, page);
		STORE(copy->fate->damaged, 1);
	}
	STORE(copy->fate->failed, 1);
	return replace_once(table, e, copy, page, rest, si->si_code);
}

/* Finds the entry that covers addr, and copies it to *copy; NULL: none does. */
static struct entry *entry_find(struct vmem_sigbus *table, uint64_t addr,
				struct entry *copy)
{
	unsigned int i;

	for (i = 0; i < table->max; i++)
		if (entry_covers(&table->entries[i], addr, copy))
			return &table->entries[i];
	return NULL;
}

/*
 * A signal sent by a process has no valid address, and a new page does not
 * repair a misaligned access.
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
	e = entry_find(table, (uint64_t)(uintptr_t)si->si_addr, &copy);
	if (!e)
		return false;
	/*
	 * A page was lost that no thread has accessed; an access raises another
	 * signal.
	 */
	if (si->si_code == BUS_MCEERR_AO)
		return true;
	fixed = entry_repair(table, e, &copy, si);
	if (fixed)
		vsu_event_signal_own(table->event_fd);
	errno = saved;
	return fixed;
}
