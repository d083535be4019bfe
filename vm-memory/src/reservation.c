/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reservations: reserved address space, and the pieces claimed in it.
 *
 * Pieces are sorted by offset and never overlap, so lookups are binary
 * searches. Only the owner's thread claims and reads them. A block that is
 * destroyed on another thread only clears the live flag of its piece, after
 * the pages are inaccessible again. The owner removes the piece at the next
 * claim of its range, or together with all others when most are dead.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "priv.h"

struct vmem_reservation {
	uint32_t refs;		/* the owner's and one per block */
	int event_fd;
	struct vmem_priv_mapping space;
	struct vmem_priv_piece **pieces;	/* by off */
	size_t n, room;
	uint32_t any_stuck;	/* some pieces must still be emptied */
	uint32_t awaited;	/* vmem_reservation_busy() has returned true */
};

#define ROOM_FIRST 16u

static void reservation_unref(struct vmem_reservation *r)
{
	size_t i;

	if (__atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	for (i = 0; i < r->n; i++)
		free(r->pieces[i]);
	free(r->pieces);
	vmem_priv_unmap(&r->space);
	vsu_fd_close(&r->event_fd);
	free(r);
}

static int check_size(uint64_t len, uint64_t align, struct vsu_error *err)
{
	if (!len || !vsu_is_aligned(len, vmem_priv_host_page()))
		return vsu_error_set(err, -EINVAL, "a window of %#" PRIx64
				     " bytes is not made of whole pages", len);
	if (!vsu_is_power_of_two(align))
		return vsu_error_set(err, -EINVAL, "alignment %#" PRIx64
				     " is not a power of two", align);
	return 0;
}

static int range_reserve(struct vmem_reservation *r, uint64_t len, uint64_t align)
{
	struct vmem_priv_map_request req = { 0 };

	req.fd = -1;
	req.len = len;
	req.prot = PROT_NONE;
	req.flags = MAP_PRIVATE | MAP_NORESERVE;
	req.align = align;
	return vmem_priv_map(&req, &r->space);
}

int vmem_reservation_new(uint64_t len, uint64_t align,
			 struct vmem_reservation **out, struct vsu_error *err)
{
	uint64_t page = vmem_priv_host_page();
	struct vmem_reservation *r;
	int rc;

	rc = check_size(len, align ? align : page, err);
	if (rc < 0)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return vsu_error_set(err, -ENOMEM, "no memory for a window");
	rc = range_reserve(r, len, align > page ? align : page);
	if (rc < 0) {
		free(r);
		return vsu_error_sys(err, rc, "no address space for a window of %#" PRIx64 " bytes",
			      len);
	}
	r->refs = 1;
	r->event_fd = vsu_event_new();
	*out = r;
	return 0;
}

void vmem_reservation_free(struct vmem_reservation *reservation)
{
	if (reservation)
		reservation_unref(reservation);
}

unsigned char *vmem_reservation_hva(const struct vmem_reservation *reservation)
{
	return reservation->space.hva;
}

uint64_t vmem_reservation_len(const struct vmem_reservation *reservation)
{
	return reservation->space.len;
}

int vmem_reservation_fd(const struct vmem_reservation *reservation)
{
	return reservation->event_fd < 0 ? -1 : reservation->event_fd;
}

/* Index of the first piece that ends behind off, or n. */
static size_t piece_behind(const struct vmem_reservation *r, uint64_t off)
{
	size_t low = 0, high = r->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (r->pieces[mid]->off + r->pieces[mid]->len <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Whether piece i overlaps the range. */
static bool piece_overlaps(const struct vmem_reservation *r, size_t i,
			   uint64_t off, uint64_t len)
{
	return i < r->n && vsu_ranges_overlap(r->pieces[i]->off,
					      r->pieces[i]->len, off, len);
}

static bool is_busy(const struct vmem_reservation *r, uint64_t off, uint64_t len)
{
	size_t i;

	for (i = piece_behind(r, off); piece_overlaps(r, i, off, len); i++)
		if (__atomic_load_n(&r->pieces[i]->live, __ATOMIC_SEQ_CST) ==
		    VMEM_PRIV_PIECE_LIVE)
			return true;
	return false;
}

/*
 * Sets awaited, then checks again: either the second check sees the released
 * block, or the releasing thread sees awaited and signals. So the caller may
 * wait for the event after true.
 */
bool vmem_reservation_busy(const struct vmem_reservation *reservation,
			   uint64_t off, uint64_t len)
{
	uint32_t *awaited = (uint32_t *)(uintptr_t)&reservation->awaited;

	if (!is_busy(reservation, off, len))
		return false;
	__atomic_store_n(awaited, 1, __ATOMIC_SEQ_CST);
	return is_busy(reservation, off, len);
}

/*
 * Maps inaccessible pages over a range. Not munmap(): another thread's mapping
 * could land in the gap. Returns false if the process has too many mappings to
 * split this one.
 */
static bool range_empty(struct vmem_reservation *r, uint64_t off, uint64_t len)
{
	return mmap(r->space.hva + off, len, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		    -1, 0) != MAP_FAILED;
}

static bool piece_empty(struct vmem_reservation *r,
			const struct vmem_priv_piece *p)
{
	return range_empty(r, p->off, p->len);
}

static bool piece_stays(struct vmem_reservation *r,
			const struct vmem_priv_piece *p)
{
	const uint32_t live = __atomic_load_n(&p->live, __ATOMIC_ACQUIRE);

	if (live != VMEM_PRIV_PIECE_STUCK)
		return live == VMEM_PRIV_PIECE_LIVE;
	if (piece_empty(r, p))
		return false;
	__atomic_store_n(&r->any_stuck, 1, __ATOMIC_RELAXED);
	return true;
}

/*
 * Frees those of the pieces [from, to) whose block is gone and whose pages can be emptied.
 * Returns the number of remaining pieces.
 */
static size_t pieces_sweep(struct vmem_reservation *r, size_t from, size_t to)
{
	size_t i, kept = from;

	for (i = from; i < to; i++) {
		if (piece_stays(r, r->pieces[i]))
			r->pieces[kept++] = r->pieces[i];
		else
			free(r->pieces[i]);
	}
	memmove(r->pieces + kept, r->pieces + to,
		(r->n - to) * sizeof(*r->pieces));
	r->n -= to - kept;
	return kept - from;
}

/* Removes dead pieces that overlap the range. Returns the number of remaining pieces. */
static size_t place_sweep(struct vmem_reservation *r, uint64_t off,
			  uint64_t len)
{
	size_t from = piece_behind(r, off), to = from;

	while (piece_overlaps(r, to, off, len))
		to++;
	return from < to ? pieces_sweep(r, from, to) : 0;
}

/*
 * Limits the number of dead pieces in ranges that are never claimed again to about that of
 * living ones. Retries pieces that still hold a file.
 */
static void sweep_sometimes(struct vmem_reservation *r)
{
	const size_t living = __atomic_load_n(&r->refs, __ATOMIC_RELAXED);

	if (r->n >= 2 * living + ROOM_FIRST ||
	    __atomic_exchange_n(&r->any_stuck, 0, __ATOMIC_ACQUIRE))
		pieces_sweep(r, 0, r->n);
}

static int check_claim(struct vmem_reservation *r, uint64_t off, uint64_t len,
		       struct vsu_error *err)
{
	size_t stuck;

	if (vsu_range_exceeds(off, len, r->space.len))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at %#"
				     PRIx64 " exceed a window of %#zx", len,
				     off, r->space.len);
	sweep_sometimes(r);
	stuck = place_sweep(r, off, len);
	if (is_busy(r, off, len))
		return vsu_error_set(err, -EEXIST, "%#" PRIx64 " bytes at %#"
				     PRIx64 " of the window are in use", len,
				     off);
	if (stuck)
		return vsu_error_set(err, -ENOMEM,
				     "%#" PRIx64 " bytes at %#" PRIx64 " of the window cannot be emptied: this process has as many mappings as vm.max_map_count allows",
				     len, off);
	return 0;
}

static bool make_room(struct vmem_reservation *r)
{
	const size_t room = r->room ? 2 * r->room : ROOM_FIRST;
	struct vmem_priv_piece **pieces;

	if (r->n < r->room)
		return true;
	pieces = realloc(r->pieces, room * sizeof(struct vmem_priv_piece *));
	if (!pieces)
		return false;
	r->pieces = pieces;
	r->room = room;
	return true;
}

static void piece_insert(struct vmem_reservation *r, struct vmem_priv_piece *p)
{
	struct vmem_priv_piece **at = r->pieces + piece_behind(r, p->off);

	memmove(at + 1, at, (size_t)(r->pieces + r->n - at) * sizeof(*at));
	*at = p;
	r->n++;
}

int vmem_priv_reservation_claim(struct vmem_reservation *r, uint64_t off,
				uint64_t len, struct vmem_priv_piece **out,
				struct vsu_error *err)
{
	struct vmem_priv_piece *p;
	int rc = check_claim(r, off, len, err);

	if (rc < 0)
		return rc;
	p = make_room(r) ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory for a mapping");
	p->off = off;
	p->len = len;
	p->live = VMEM_PRIV_PIECE_LIVE;
	piece_insert(r, p);
	__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
	*out = p;
	return 0;
}

static void piece_release(struct vmem_reservation *r,
			  struct vmem_priv_piece *piece, bool empty)
{
	__atomic_store_n(&piece->live, empty ? VMEM_PRIV_PIECE_FREE :
			 VMEM_PRIV_PIECE_STUCK, __ATOMIC_SEQ_CST);
	if (!empty)
		__atomic_store_n(&r->any_stuck, 1, __ATOMIC_RELEASE);
	if (__atomic_exchange_n(&r->awaited, 0, __ATOMIC_SEQ_CST) &&
	    r->event_fd >= 0)
		vsu_event_signal_own(r->event_fd);
	reservation_unref(r);
}

/* Adjacent pieces, of blocks that follow each other in their list. */
struct run {
	struct vmem_reservation *r;
	uint64_t off, len;
};

/*
 * Extends the run by the block's piece. Returns false if they are not adjacent.
 */
static bool run_add(struct run *run, const struct vmem_block *block)
{
	const struct vmem_priv_piece *p = block->piece;

	if (!p || block->reservation != run->r)
		return false;
	if (p->off + p->len == run->off)
		run->off = p->off;
	else if (p->off != run->off + run->len)
		return false;
	run->len += p->len;
	return true;
}

/* If the kernel cannot empty them together, each is tried alone. */
static void run_release(const struct run *run, const struct vmem_block *from,
			const struct vmem_block *end)
{
	const bool empty = range_empty(run->r, run->off, run->len);
	const struct vmem_block *b;

	for (b = from; b != end; b = b->next_gone)
		piece_release(run->r, b->piece,
			      empty || piece_empty(run->r, b->piece));
}

void vmem_priv_reservation_release(struct vmem_block *gone)
{
	const struct vmem_block *from, *end;
	struct run run;

	for (from = gone; from; from = end) {
		end = from->next_gone;
		if (!from->piece)
			continue;
		run = (struct run){ from->reservation, from->piece->off,
				    from->piece->len };
		while (end && run_add(&run, end))
			end = end->next_gone;
		run_release(&run, from, end);
	}
}
