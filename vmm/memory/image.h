/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory as a file: its regions one after the other, with holes in place
 * of zeros. The state has their addresses in section "memory", and
 * those of memory that a device has added in section "plugged".
 *
 * Threads: any, while nobody changes the memory.
 */
#ifndef VMM_MEMORY_IMAGE_H
#define VMM_MEMORY_IMAGE_H

#include <vmm-sys-util/state.h>
#include <vmm-sys-util/thread.h>

#include "memory/image_base.h"
#include "memory/image_sums.h"
#include "memory/memory.h"

/* Appends the sections: address, length and position in the file of each region. */
void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vsu_state_writer *w);

/*
 * The pieces of the machine that continues, in the order of the options of the saved machine;
 * a piece that was split at 3 GiB has its first part there, and its second one at the end.
 * They map the file at path privately or allocate memory of the machine's own, into which
 * vmm_image_read() reads the file: if it is to be shared, or if a property of the piece
 * requires it (pieces.h).
 */
struct vmm_image_pieces {
	struct vmm_memory_specs specs;
	uint64_t parts;		/* which pieces were split: a bit for each number */
	unsigned int nmapped;
	struct vmm_base_part mapped[VMM_MAX_PIECES]; /* those of the file of a whole machine */
};

/* The files "memory" from which a machine continues: of its folder, and of the base of that. */
struct vmm_image_source {
	const char *path;
	const char *base_path;	/* NULL: the folder is whole */
	const struct vmm_image_base *base; /* with base_path */
};

/*
 * saved: those of the saved machine. -EBADMSG: the section describes impossible memory;
 * -EINVAL: other memory than saved. Free the pieces also after a failure.
 */
int vmm_image_pieces(const struct vsu_state *state, const struct vmm_image_source *source,
		     bool shared, const struct vmm_memory_specs *saved,
		     struct vmm_image_pieces *pieces, struct vsu_error *err);
/*
 * Reads the files into the regions that a section lists. Regions that map a file have
 * their content already, except the pages that were changed since the base was saved.
 */
int vmm_image_read(const struct vsu_state *state, const char *section,
		   const struct vmm_image_source *source, const struct vmem_map *map,
		   struct vsu_error *err);

/* image_writer.c: any thread may read the numbers and set cancel, by atomic accesses. */
struct vmm_image_progress {
	const struct vsu_threads *threads; /* how the writers start; NULL: plainly */
	struct vmm_image_sums *sums; /* receives the checksums, for the caller to free; or NULL */
	struct vmm_image_changes *changes; /* of an incremental save, made by the caller; or NULL */
	const int *pagemap;	/* /proc/self/pagemap, borrowed; NULL, without changes: all is read */
	/* any of the writers shows whole pages that are not zero, and their offset in the image; NULL: none */
	void (*look)(void *opaque, const unsigned char *bytes, uint64_t len, uint64_t at);
	void *opaque;
	uint64_t begin;		/* of the image in the file: a multiple of the page size */
	uint64_t done, total;	/* bytes of memory */
	uint64_t moves;		/* calls of the host that have returned: whether the writing stalls */
	bool cancel;
};

/* Bytes of all regions. */
uint64_t vmm_image_bytes(const struct vmem_map *map);

/*
 * Writes the regions of the map in its order into an empty file, which gets holes in place of
 * zeros; the first one begins at progress->begin. Nobody changes the memory meanwhile.
 * -ECANCELED; -EFAULT: a file behind the memory was truncated; else why a write failed.
 */
int vmm_image_write(const struct vmem_map *map, int fd,
		    struct vmm_image_progress *progress, struct vsu_error *err);

/*
 * Writes all bytes at a position of the file: 0, or a negative errno. Calls of at most 1 MiB raise
 * progress->moves, so that a slow file makes progress.
 */
int vmm_image_write_pieces(int fd, const unsigned char *bytes, uint64_t len, uint64_t at,
			   struct vmm_image_progress *progress);

/*
 * Moves *at, an offset in the region, to the next data (SEEK_DATA) or hole (SEEK_HOLE), at
 * most to end, the end of the region or before: to the first page with data, or, from a page
 * that has some, to the first page behind it that begins with a hole. Holes are those of the
 * file behind shared memory, and the pages of anonymous memory that the page map does not have,
 * which are zeros. Other memory is all data. -EFAULT: the file was truncated and does not
 * reach the end of the region.
 */
int vmm_image_seek(const struct vmem_region *r, struct vmm_page_map *pages, int whence,
		   uint64_t *at, uint64_t end);

#endif
