/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reservations: empty address space and who has which part of it.
 *
 * The owner's thread alone claims pieces and walks the list; a block that
 * dies elsewhere only clears the live flag of its piece, after the pages are
 * empty again, and the owner sweeps it out at the next claim.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "priv.h"

struct vmem_reservation {
	uint32_t refs;		/* the owner's and one per block */
	int event_fd;
	struct vmem_priv_mapping space;
	struct vmem_priv_piece *pieces;
};

static void reservation_unref(struct vmem_reservation *r)
{
	struct vmem_priv_piece *p, *next;

	if (__atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	for (p = r->pieces; p; p = next) {
		next = p->next;
		free(p);
	}
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

bool vmem_reservation_busy(const struct vmem_reservation *reservation,
			   uint64_t off, uint64_t len)
{
	const struct vmem_priv_piece *p;

	for (p = reservation->pieces; p; p = p->next)
		if (__atomic_load_n(&p->live, __ATOMIC_ACQUIRE) ==
		    VMEM_PRIV_PIECE_LIVE &&
		    vsu_ranges_overlap(p->off, p->len, off, len))
			return true;
	return false;
}

/*
 * Puts empty pages over a piece, not munmap(): between the two somebody else's
 * mapping could come to lie in the window. False when the kernel has no room
 * to split the mapping; the pages are out of everybody's reach all the same.
 */
static bool piece_empty(struct vmem_reservation *r,
			const struct vmem_priv_piece *p)
{
	return mmap(r->space.hva + p->off, p->len, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		    -1, 0) != MAP_FAILED;
}

static bool piece_stays(struct vmem_reservation *r,
			const struct vmem_priv_piece *p)
{
	const uint32_t live = __atomic_load_n(&p->live, __ATOMIC_ACQUIRE);

	return live == VMEM_PRIV_PIECE_LIVE ||
	       (live == VMEM_PRIV_PIECE_STUCK && !piece_empty(r, p));
}

/* Frees the pieces whose block is gone, as far as their pages can be emptied. */
static void pieces_sweep(struct vmem_reservation *r)
{
	struct vmem_priv_piece **link = &r->pieces, *p;

	while ((p = *link)) {
		if (piece_stays(r, p)) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		free(p);
	}
}

static bool is_stuck(const struct vmem_reservation *r, uint64_t off,
		     uint64_t len)
{
	const struct vmem_priv_piece *p;

	for (p = r->pieces; p; p = p->next)
		if (vsu_ranges_overlap(p->off, p->len, off, len))
			return true;
	return false;
}

static int check_claim(struct vmem_reservation *r, uint64_t off, uint64_t len,
		       struct vsu_error *err)
{
	if (vsu_range_exceeds(off, len, r->space.len))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at %#"
				     PRIx64 " exceed a window of %#zx", len,
				     off, r->space.len);
	pieces_sweep(r);
	if (vmem_reservation_busy(r, off, len))
		return vsu_error_set(err, -EEXIST, "%#" PRIx64 " bytes at %#"
				     PRIx64 " of the window are in use", len,
				     off);
	if (is_stuck(r, off, len))
		return vsu_error_set(err, -ENOMEM,
				     "%#" PRIx64 " bytes at %#" PRIx64 " of the window cannot be emptied: this process has as many mappings as vm.max_map_count allows",
				     len, off);
	return 0;
}

int vmem_priv_reservation_claim(struct vmem_reservation *r, uint64_t off,
				uint64_t len, struct vmem_priv_piece **out,
				struct vsu_error *err)
{
	struct vmem_priv_piece *p;
	int rc = check_claim(r, off, len, err);

	if (rc < 0)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory for a mapping");
	p->off = off;
	p->len = len;
	p->live = VMEM_PRIV_PIECE_LIVE;
	p->next = r->pieces;
	r->pieces = p;
	__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
	*out = p;
	return 0;
}

void vmem_priv_reservation_release(struct vmem_reservation *r,
				   struct vmem_priv_piece *piece)
{
	__atomic_store_n(&piece->live, piece_empty(r, piece) ?
			 VMEM_PRIV_PIECE_FREE : VMEM_PRIV_PIECE_STUCK,
			 __ATOMIC_RELEASE);
	if (r->event_fd >= 0)
		vsu_event_signal_own(r->event_fd);
	reservation_unref(r);
}
