/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Declarations shared by the files of libvm-memory and not exported, grouped by
 * the file that defines them.
 */
#ifndef VMEM_PRIV_H
#define VMEM_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vm-memory/reservation.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

#define VMEM_NO_SLOT UINT32_MAX

/* mapping.c: address space and mappings */

/*
 * area is the range for munmap(): the mapping's pages and at least one
 * inaccessible page behind them. In a reservation area is NULL, and the pages
 * return to the reservation.
 */
struct vmem_priv_mapping {
	unsigned char *hva;	/* page aligned, of the block's page size */
	size_t len;		/* a multiple of that page size */
	unsigned char *area;
	size_t area_len;
};

struct vmem_priv_map_request {
	int fd;			/* -1: anonymous */
	uint64_t file_pos;	/* a multiple of the page size */
	size_t len;		/* a multiple of the page size */
	int prot;
	int flags;		/* MAP_*, without MAP_FIXED */
	uint64_t align;		/* power of two, at least the page size */
	uint64_t skew;		/* the address modulo align; a multiple of the page size */
	unsigned char *at;	/* in a reservation; NULL: anywhere */
	bool ends;		/* the file has no page behind the piece, and cannot grow */
};

int vmem_priv_map(const struct vmem_priv_map_request *req,
		  struct vmem_priv_mapping *out);
void vmem_priv_unmap(const struct vmem_priv_mapping *m);
/*
 * Adjacent areas to be unmapped, so that one system call unmaps them all. Mappings that
 * were created one after the other are often adjacent. Initially all zero.
 */
struct vmem_priv_areas {
	unsigned char *from;
	size_t len;
};

void vmem_priv_areas_add(struct vmem_priv_areas *areas,
			 const struct vmem_priv_mapping *m);
void vmem_priv_areas_unmap(struct vmem_priv_areas *areas);
uint64_t vmem_priv_host_page(void);
/*
 * Returns the page size of fd: the huge page size on hugetlbfs, else the
 * host's. block_size is st_blksize of fd, or 0.
 */
int vmem_priv_fd_page_size(int fd, uint64_t block_size, uint64_t *size);

/* policy.c */

#define VMEM_PRIV_MAX_NODES 128

/* Memory policies applied to a block's pages. */
struct vmem_priv_policy {
	bool applied;
	bool merge, dump;
	int mode;		/* MPOL_* */
	uint64_t nodes[VMEM_PRIV_MAX_NODES / 64];
};

/*
 * Clears a part of pages, which are not allocated if they do not exist. For blocks that
 * vmem_block_discard() accepts, in whole pages of the host.
 */
int vmem_priv_block_clear(struct vmem_block *block, uint64_t off, uint64_t len,
			  struct vsu_error *err) VSU_NODISCARD;

/* Applies the policies again to pages that were remapped. */
void vmem_priv_repeat_policy(const struct vmem_block *block,
			     unsigned char *hva, size_t len);

/* block.c */

/* Pages of a block that were replaced; written by vmem_sigbus_fix(). */
struct vmem_priv_fate {
	int32_t failed;		/* pages were replaced */
	int32_t damaged;	/* a page was replaced because the hardware lost it */
	uint64_t damaged_at;	/* host address of that page */
};

struct vmem_block {
	uint32_t refs;
	struct vmem_priv_fate fate;
	enum vmem_kind kind;
	uint32_t flags;		/* VMEM_BLOCK_* */
	int fd;			/* owned; -1: none */
	int private_fd;		/* owned guest_memfd of the private half; -1 */
	uint64_t fd_offset;	/* position of hva in the file of fd */
	uint64_t len;		/* requested length, from hva */
	uint64_t page_size;
	unsigned char *hva;	/* first byte; may be inside a page */
	bool discards;		/* discard-data=on: frees the file's pages with the block */
	bool owner;		/* atomic; ... unless another process has taken them over */
	bool prealloc;		/* all pages were allocated before the first use */
	bool bound;		/* guest_memfd: the slot takes the fd */
	int map_prot, map_flags; /* to map pages again */
	struct vmem_priv_policy policy;
	struct vmem_priv_mapping mapping;
	struct vmem_sigbus *sigbus;
	uint32_t sigbus_slot;
	struct vsu_closer *closer;	/* closes a peer's fd */
	struct vmem_reservation *reservation;
	struct vmem_priv_piece *piece;
	struct vmem_block *next_gone;	/* list of blocks to be destroyed together */
};

/* Creates a block with one reference, no descriptor and no mapping; NULL: no memory. */
struct vmem_block *vmem_priv_block_new(enum vmem_kind kind);
/* Maps block->fd (or anonymous memory) and enters the table. */
int vmem_priv_block_map(struct vmem_block *block,
			struct vmem_priv_map_request *req,
			struct vmem_sigbus *sigbus, struct vsu_error *err);

/*
 * Drops a reference as vmem_block_unref() does, but moves a block without references to the
 * list gone instead of destroying it.
 */
void vmem_priv_block_drop(struct vmem_block *block, struct vmem_block **gone);
/* Destroys all blocks of the list. */
void vmem_priv_blocks_destroy(struct vmem_block *gone);

/* region.c */
/* Drops a reference as vmem_region_unref() does; gone as above. */
void vmem_priv_region_drop(struct vmem_region *region,
			   struct vmem_block **gone);

/* sigbus.c */

/* -ENOSPC: the table is full. fate must outlive the entry. */
int vmem_priv_sigbus_enter(struct vmem_sigbus *table,
			   const struct vmem_priv_mapping *m,
			   const struct vmem_priv_map_request *req,
			   uint64_t page_size, struct vmem_priv_fate *fate,
			   uint32_t *slot);
void vmem_priv_sigbus_leave(struct vmem_sigbus *table, uint32_t slot);

/* reservation.c */

enum {
	VMEM_PRIV_PIECE_FREE,	/* the block is gone; the piece is to be removed */
	VMEM_PRIV_PIECE_LIVE,
	/* the block is gone, but its pages could not be emptied yet */
	VMEM_PRIV_PIECE_STUCK,
};

/* A claimed piece of a reservation. */
struct vmem_priv_piece {
	uint64_t off, len;
	uint32_t live;		/* VMEM_PRIV_PIECE_* */
};

int vmem_priv_reservation_claim(struct vmem_reservation *r, uint64_t off,
				uint64_t len, struct vmem_priv_piece **out,
				struct vsu_error *err);
/*
 * Releases the pieces of the listed blocks in reservations: makes their pages inaccessible,
 * ends the claims, and drops references to the reservation.
 */
void vmem_priv_reservation_release(struct vmem_block *gone);

/* dirty.c */

int vmem_priv_dirty_init(struct vmem_dirty *dirty, unsigned char *base,
			 uint64_t len, uint32_t page_shift);
void vmem_priv_dirty_fini(struct vmem_dirty *dirty);
/* Moves the bits of n words, beginning with the first one, into as many words. */
uint64_t vmem_priv_dirty_take(struct vmem_dirty *dirty, uint64_t first,
			      uint64_t n, uint64_t *into);

/* map.c; vmem_map_from_properties() is in properties.c, above backends, regions and maps */

struct vmem_priv_event {	/* an eventfd that outlives its space */
	uint32_t refs;
	int fd;			/* -1 until requested */
	uint32_t awaited;	/* readers hold retired maps */
};

struct vmem_map {
	/*
	 * References times two; the lowest bit marks a retired map. They share
	 * a word, so that the thread which drops the last reference but the
	 * space's knows whether to signal without accessing the map again.
	 */
	uint64_t refs;
	uint32_t published;	/* a map is published once */
	struct vmem_priv_event *event; /* the space's; NULL: never published */
	struct vmem_map *next_retired;
	uint64_t retired_at;	/* generation of its successor */
	struct vmem_view view;
	struct vmem_guess_ guess;	/* right behind the view: map.h */
	struct vmem_region **regions;	/* NULL for an IOTLB's map */
	struct vmem_map *memory;	/* the map under an IOTLB's; else NULL */
	void *whole;		/* the allocation that it lies in */
};

#define VMEM_PRIV_MAP_RETIRED 1u
#define VMEM_PRIV_MAP_REF 2u

/* Creates a map of n ranges over the memory of another map; the caller fills and seals it. */
struct vmem_map *vmem_priv_map_over(struct vmem_map *memory, size_t n,
				    struct vmem_range **ranges);

/* map_arrays.c */
/*
 * Allocates a map for n regions, with firsts all ones. If n is 0, its first range is behind
 * all memory and permits no access.
 */
struct vmem_map *vmem_priv_map_alloc(unsigned int n);
/* Frees only the memory of the map. */
void vmem_priv_map_free(struct vmem_map *map);
/* Copies the addresses of the filled ranges into the view. */
void vmem_priv_map_seal(struct vmem_map *map);

void vmem_priv_event_unref(struct vmem_priv_event *event);

#endif
