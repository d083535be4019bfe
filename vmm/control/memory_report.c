/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports the guest's memory and its windows to the control socket. */
#include <config.h>

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <vmm-sys-util/json.h>

#include "api/machine_private.h"
#include "control/commands.h"
#include "control/memory_report.h"
#include "memory/populated.h"

static bool is_readonly(const struct vmem_block *block)
{
	return (fcntl(vmem_block_fd(block), F_GETFL) & O_ACCMODE) == O_RDONLY;
}

/* The file that a name had when it was opened, and the part that the region maps. */
static void write_file(const struct vmem_region *region, struct vsu_json *to)
{
	const struct vmem_block *block = vmem_region_block(region);
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", vmem_block_fd(block));
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return;
	path[n] = '\0';
	vsu_json_text(to, "file", path);
	vsu_json_u64(to, "offset", vmem_region_file_pos(region, 0));
	vsu_json_bool(to, "readonly", is_readonly(block));
}

static void write_piece(const struct vmem_region *region, struct vsu_json *to)
{
	const struct vmem_block *block = vmem_region_block(region);

	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "gpa", vmem_region_gpa(region));
	vsu_json_u64(to, "size", vmem_region_len(region));
	vsu_json_text(to, "backend", vmm_block_kind_name(block));
	vsu_json_bool(to, "shared", vmem_block_flags(block) & VMEM_BLOCK_SHARED);
	vsu_json_bool(to, "rom", vmem_region_is_rom(region));
	if (vmem_block_kind(block) == VMEM_KIND_FILE)
		write_file(region, to);
}

static void write_halves(const struct vmm_private *p,
			 const struct vmm_private_piece *piece, struct vsu_json *to)
{
	const uint64_t bytes = vmm_private_ranges_count(&p->ranges, piece->gpa,
							piece->len);

	vsu_json_u64(to, "private_bytes", bytes);
	vsu_json_u64(to, "shared_bytes", piece->len - bytes);
	vsu_json_u64(to, "conversions", piece->conversions);
	vsu_json_u64(to, "failed_conversions", piece->failed);
	vsu_json_u64(to, "released_bytes", piece->released);
}

/*
 * The first region of a block that is split at 3 GiB has the present bytes of both, between
 * which there can be other blocks.
 */
static bool has_present(const struct vmem_region *region)
{
	return !vmem_region_offset(region);
}

static void write_pieces(const struct vmm_machine *m, struct vsu_json *to)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const struct vmm_private_piece *halves;
	const struct vmem_region *region;
	unsigned int i;

	vsu_json_open(to, "memory", '[');
	for (i = 0; i < vmem_map_count(map); i++) {
		region = vmem_map_region(map, i);
		if (vmm_window_of(&m->shmem, region))
			continue;
		write_piece(region, to);
		if (has_present(region))
			vsu_json_u64(to, "present", vmm_populated(vmem_region_block(region)));
		halves = vmm_private_find(&m->private_memory, vmem_region_gpa(region));
		if (halves)
			write_halves(&m->private_memory, halves, to);
		vsu_json_close(to, '}');
	}
	vsu_json_close(to, ']');
}

/* -1: it has been removed. */
static int owner_of(const struct vmm_machine *m, const struct vmm_window *w)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio && m->devices[i].virtio == w->owner)
			return (int)i;
	return -1;
}

static void count_mappings(const struct vmm_machine *m,
			   const struct vmm_window *w, unsigned int *n,
			   uint64_t *bytes)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	unsigned int i;

	*n = 0;
	*bytes = 0;
	for (i = 0; i < vmem_map_count(map); i++) {
		const struct vmem_region *region = vmem_map_region(map, i);

		if (vmm_window_of(&m->shmem, region) != w)
			continue;
		*bytes += vmem_region_len(region);
		(*n)++;
	}
}

static void write_window(const struct vmm_machine *m,
			 const struct vmm_window *w, int owner, struct vsu_json *to)
{
	unsigned int n;
	uint64_t bytes;

	count_mappings(m, w, &n, &bytes);
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "shmid", w->shmid);
	vsu_json_i64(to, "device", owner);
	vsu_json_u64(to, "gpa", w->gpa);
	vsu_json_u64(to, "size", w->len);
	vsu_json_u64(to, "mappings", n);
	vsu_json_u64(to, "mapped", bytes);
	vsu_json_close(to, '}');
}

static void write_windows(const struct vmm_machine *m, struct vsu_json *to)
{
	unsigned int i;
	int owner;

	vsu_json_open(to, "windows", '[');
	for (i = 0; i < m->shmem.n; i++) {
		owner = m->shmem.windows[i].owner ?
			owner_of(m, &m->shmem.windows[i]) : -1;
		if (owner < 0)
			continue;
		write_window(m, &m->shmem.windows[i], owner, to);
	}
	vsu_json_close(to, ']');
}

void vmm_memory_report(const struct vmm_machine *m, struct vsu_json *to)
{
	write_pieces(m, to);
	write_windows(m, to);
}

int vmm_memory_report_command(void *opaque, char *const *words, FILE *answer,
			      struct vsu_error *err)
{
	const struct vmm_commands *c = opaque;
	struct vsu_json to = { .to = answer, .more = true };

	(void)words;
	(void)err;
	vmm_memory_report(c->machine->machine, &to);
	return 0;
}
