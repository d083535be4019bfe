/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Mappings of back-ends as regions of the guest's map. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include <vm-memory/map_edit.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "memory/windows.h"

/* size: at most 2^63. */
static uint64_t room_of(uint64_t size)
{
	uint64_t room = VARCH_PAGE;

	while (room < size)
		room <<= 1;
	return room;
}

/*
 * Chooses an address at or above *next, aligned to the window's room, and moves *next behind
 * that. The room is the next power of two, because a PCI base address register decodes only such
 * sizes.
 */
static int place_window(uint64_t *next, uint64_t size, unsigned int phys_bits, uint64_t *gpa,
			struct vsu_error *err)
{
	const uint64_t limit = UINT64_C(1) << phys_bits;
	uint64_t room, at;

	room = size <= limit ? room_of(size) : limit;
	if (!size || vsu_align_up_overflow(*next, room, &at) ||
	    vsu_range_exceeds(at, room, limit))
		return vsu_error_set(err, -ENOSPC, "no room for a shared memory region of %" PRIu64 " bytes below what KVM can address, %#" PRIx64,
				     size, limit);
	*gpa = at;
	*next = at + room;
	return 0;
}

/*
 * Each range starts at a multiple of its room; *end: the end of the last one.
 */
static int place_ranges(const struct vmm_window_size *sizes, unsigned int n,
			  unsigned int phys_bits, uint64_t *offsets,
			uint64_t *end, struct vsu_error *err)
{
	uint64_t next = 0;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		rc = place_window(&next, sizes[i].len, phys_bits, &offsets[i], err);
	*end = next;
	return rc;
}

int vmm_window_add_range(struct vmm_windows *s, const void *owner,
			  const char *name, const struct vmm_window_size *sizes,
			  unsigned int n, struct vsu_error *err)
{
	uint64_t offsets[VMM_MAX_WINDOWS], end, gpa;
	unsigned int i;
	int rc;

	if (!n)
		return 0;
	if (s->closed)
		return vsu_error_set(err, -EOPNOTSUPP, "a device with shared memory regions or own memory cannot be hot-plugged; specify it when the machine is started");
	if (n > VMM_MAX_WINDOWS - s->n)
		return vsu_error_set(err, -ENOSPC, "more than %d shared memory regions in one machine",
				     VMM_MAX_WINDOWS);
	if (!s->n)
		s->next = s->memory->layout.end;
	rc = place_ranges(sizes, n, s->phys_bits, offsets, &end, err);
	if (!rc)
		rc = place_window(&s->next, end, s->phys_bits, &gpa, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < n; i++)
		s->windows[s->n++] = (struct vmm_window){
			.gpa = gpa + offsets[i], .len = sizes[i].len,
			.room = i ? 0 : s->next - gpa,
			.owner = owner, .name = name, .shmid = sizes[i].shmid,
			.apart = sizes[i].apart, .plugged = sizes[i].plugged,
		};
	return 0;
}

void vmm_window_disown(struct vmm_windows *s, const void *owner)
{
	unsigned int i;

	for (i = 0; s && i < s->n; i++)
		if (s->windows[i].owner == owner) {
			s->windows[i].owner = NULL;
			s->windows[i].name = "a removed device";
		}
}

int vmm_window_check_order(const struct vmm_windows *s, struct vsu_error *err)
{
	unsigned int i;
	bool gap = false;

	for (i = 0; i < s->n; i++) {
		if (gap && s->windows[i].owner)
			return vsu_error_set(err, -EOPNOTSUPP, "a device with shared memory regions was removed, and without it those of other devices would have other addresses");
		gap |= !s->windows[i].owner;
	}
	return 0;
}

const struct vmm_window *vmm_window_find(const struct vmm_windows *s,
					  const void *owner, uint8_t shmid)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->windows[i].owner == owner &&
		    s->windows[i].shmid == shmid)
			return &s->windows[i];
	return NULL;
}

static int add_mapping(struct vmem_map_edit *e, uint64_t gpa,
		       struct vmem_block *block, uint64_t len)
{
	const struct vmem_region_desc desc = {
		.block = block, .gpa = gpa, .len = len,
		.flags = vmem_block_flags(block) & VMEM_BLOCK_WRITE ?
			 0 : VMEM_REGION_ROM,
	};
	struct vmem_region *region;
	int rc = vmem_region_new(&desc, &region, NULL);

	if (rc < 0)
		return rc;
	rc = vmem_map_edit_add(e, region);
	vmem_region_unref(region);
	return rc;
}

static int change_map(const struct vmm_windows *s, const void *owner,
		      const struct vhost_user_shmem_change *c,
		      struct vmem_map_edit *e)
{
	const struct vmm_window *w = vmm_window_find(s, owner, c->shmid);

	if (!w)
		return -ENOENT;
	return c->map ? add_mapping(e, w->gpa + c->offset, c->block, c->len)
		      : vmem_map_edit_remove(e, w->gpa + c->offset);
}

/* Applies the edited map to KVM, then publishes it. */
static int apply_edit(struct vmm_windows *s, const struct vmem_map_edit *e)
{
	struct vmem_map *map;
	int rc = vmem_map_edit_finish(e, &map);

	if (rc < 0)
		return rc;
	rc = varch_slots_apply(s->slots, map, NULL);
	if (!rc)
		rc = vmem_space_publish(s->memory->space, map);
	if (!rc)
		s->changes++;
	vmem_map_unref(map);
	return rc;
}

/* All users release the previous map; memory without users is freed. */
static void after_publish(struct vmm_windows *s)
{
	s->changed(s->opaque);
	vmem_space_reclaim(s->memory->space);
}

/* Applies all changes as one map. True: applied, or no single change can be. */
static bool change_together(struct vmm_windows *s, const void *owner,
			    struct vhost_user_shmem_change *changes,
			    unsigned int n)
{
	unsigned int i, changed = 0;
	struct vmem_map_edit e;
	int rc = vmem_map_edit_init(&e, vmm_memory_map(s->memory));

	for (i = 0; i < n; i++) {
		changes[i].result = rc ? rc :
				    change_map(s, owner, &changes[i], &e);
		changed += !changes[i].result;
	}
	if (rc < 0)
		return true;
	rc = changed ? apply_edit(s, &e) : 0;
	vmem_map_edit_fini(&e);
	if (rc < 0 && n == 1)
		changes[0].result = rc;
	return !rc || n == 1;
}

/*
 * After a failure applies changes one by one, so that only the failing one is
 * refused.
 */
void vmm_window_change(struct vmm_windows *s, const void *owner,
		      struct vhost_user_shmem_change *changes, unsigned int n)
{
	unsigned int i;

	if (!change_together(s, owner, changes, n))
		for (i = 0; i < n; i++)
			(void)!change_together(s, owner, &changes[i], 1);
	after_publish(s);
}

/* Maps the block to the range, or empties it if block is NULL; 1: unchanged. */
static int range_set(struct vmm_windows *s, uint64_t gpa, uint64_t len,
		     struct vmem_block *block)
{
	struct vmem_map_edit e;
	int rc = vmem_map_edit_init(&e, vmm_memory_map(s->memory));
	bool changed;

	if (rc < 0)
		return rc;
	rc = vmem_map_edit_carve(&e, gpa, len);
	changed = rc > 0 || block;
	if (rc >= 0 && block)
		rc = add_mapping(&e, gpa, block, len);
	if (rc >= 0 && changed)
		rc = apply_edit(s, &e);
	vmem_map_edit_fini(&e);
	return rc < 0 ? rc : !changed;
}

int vmm_window_set(struct vmm_windows *s, const void *owner, uint8_t shmid,
		  uint64_t offset, uint64_t len, struct vmem_block *block)
{
	const struct vmm_window *w = vmm_window_find(s, owner, shmid);
	int rc;

	if (!w)
		return -ENOENT;
	rc = range_set(s, w->gpa + offset, len, block);
	if (!rc)
		after_publish(s);
	return rc < 0 ? rc : 0;
}

/*
 * Files without a size (0 bytes) cannot be checked. A file's last page is
 * mapped completely.
 */
static bool is_short(const struct vmem_region *region)
{
	const struct vmem_block *block = vmem_region_block(region);
	const int fd = vmem_block_fd(block);
	uint64_t size;

	return fd >= 0 && vsu_fd_kind(fd) == VSU_FD_REGULAR &&
	       !vsu_fd_size(fd, &size) &&
	       !vsu_align_up_overflow(size, vmem_block_page_size(block),
				      &size) &&
	       size < vmem_region_file_pos(region, vmem_region_len(region));
}

static bool is_missing(const struct vmem_region *region)
{
	uint64_t off;

	return vmem_block_find_missing(vmem_region_block(region), vmem_region_offset(region),
				       vmem_region_len(region), &off);
}

static bool has_failed(const struct vmem_region *region)
{
	return vmem_block_failed(vmem_region_block(region));
}

static bool is_unsealed(const struct vmem_region *region)
{
	return !(vmem_block_seals(vmem_region_block(region)) & F_SEAL_SHRINK);
}

static const struct {
	bool (*applies)(const struct vmem_region *region);
	const char *text;
} reasons[] = {
	[VMM_WINDOW_SHORT] = { is_short, "its file was truncated" },
	[VMM_WINDOW_MISSING] = { is_missing,
		"its file system is full, or its file cannot be read" },
	[VMM_WINDOW_FAILED] = { has_failed, "its pages could not be read" },
	[VMM_WINDOW_UNSEALED] = { is_unsealed,
		"the file of another mapping failed, and this one can be truncated as well" },
};

/* Reports the regions that the current map no longer contains: each reason once per window. */
static void report_dropped(struct vmm_windows *s, const struct vmem_map *old,
			 enum vmm_window_drop_reason reason)
{
	const struct vmem_map *now = vmm_memory_map(s->memory);
	const struct vmem_region *region;
	struct vmm_window *w;
	unsigned int i;

	for (i = 0; i < vmem_map_count(old); i++) {
		region = vmem_map_region(old, i);
		if (vmem_map_find(now, vmem_region_gpa(region)))
			continue;
		w = &s->windows[vmm_window_of(s, region) - s->windows];
		if (!(w->reported & 1u << reason) && s->dropped)
			s->dropped(s->opaque, w, vmem_region_gpa(region), reasons[reason].text);
		w->reported |= (uint8_t)(1u << reason);
	}
}

/* Removes the regions to which the reason applies; returns their number. */
static unsigned int remove_regions(const struct vmm_windows *s,
				   struct vmem_map_edit *e,
				   const struct vmem_map *all,
				   enum vmm_window_drop_reason reason)
{
	const struct vmem_region *region;
	unsigned int i, dropped = 0;

	for (i = 0; i < vmem_map_count(all); i++) {
		region = vmem_map_region(all, i);
		if (vmm_window_of(s, region) && reasons[reason].applies(region) &&
		    !vmem_map_edit_remove(e, vmem_region_gpa(region)))
			dropped++;
	}
	return dropped;
}

void vmm_window_drop(struct vmm_windows *s, enum vmm_window_drop_reason reason)
{
	struct vmem_map *all = vmem_map_ref(vmm_memory_map(s->memory));
	struct vmem_map_edit e;

	if (vmem_map_edit_init(&e, all) == 0) {
		if (remove_regions(s, &e, all, reason) && !apply_edit(s, &e)) {
			report_dropped(s, all, reason);
			after_publish(s);
		}
		vmem_map_edit_fini(&e);
	}
	vmem_map_unref(all);
}

/* ------ the regions that a back-end sees, or that a saved machine contains */

const struct vmm_window *vmm_window_of(const struct vmm_windows *s,
				       const struct vmem_region *region)
{
	const uint64_t gpa = vmem_region_gpa(region);
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (gpa >= s->windows[i].gpa &&
		    gpa - s->windows[i].gpa < s->windows[i].len)
			return &s->windows[i];
	return NULL;
}

/* A user of a map: whether it sees a region of window w, which is NULL for memory. */
struct viewer {
	bool (*sees)(const struct vmm_window *w, const struct viewer *viewer);
	const void *owner;
	bool with_others;
};

static bool back_end_sees(const struct vmm_window *w, const struct viewer *viewer)
{
	return !w || w->apart || (viewer->with_others && w->owner != viewer->owner);
}

static bool save_sees(const struct vmm_window *w, const struct viewer *viewer)
{
	(void)viewer;
	return !w || w->plugged;
}

static int make_view(const struct vmm_windows *s, const struct viewer *viewer,
		     struct vmem_map **out)
{
	const struct vmem_map *all = s->devices ? vmem_space_current(s->devices) :
						   vmm_memory_map(s->memory);
	struct vmem_map_edit e;
	unsigned int i;
	int rc = vmem_map_edit_init(&e, NULL);

	if (rc < 0)
		return rc;
	for (i = 0; !rc && i < vmem_map_count(all); i++)
		if (viewer->sees(vmm_window_of(s, vmem_map_region(all, i)), viewer))
			rc = vmem_map_edit_add(&e, vmem_map_region(all, i));
	if (!rc)
		rc = vmem_map_edit_finish(&e, out);
	vmem_map_edit_fini(&e);
	return rc;
}

int vmm_window_map_for(const struct vmm_windows *s, const void *owner,
		      bool with_others, struct vmem_map **out)
{
	const struct viewer viewer = { back_end_sees, owner, with_others };

	return make_view(s, &viewer, out);
}

int vmm_window_map_saved(const struct vmm_windows *s, struct vmem_map **out)
{
	const struct viewer viewer = { .sees = save_sees };

	return make_view(s, &viewer, out);
}
