/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports the guest's memory and its windows to the control socket. */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "json.h"
#include "machine/memory_report.h"
#include "memory/populated.h"

static const char *bool_text(bool value)
{
	return value ? "true" : "false";
}

static bool is_readonly(const struct vmem_block *block)
{
	return (fcntl(vmem_block_fd(block), F_GETFL) & O_ACCMODE) == O_RDONLY;
}

/* The file that a name had when it was opened, and the part that the region maps. */
static void write_file(const struct vmem_region *region, FILE *to)
{
	const struct vmem_block *block = vmem_region_block(region);
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", vmem_block_fd(block));
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return;
	path[n] = '\0';
	fputs(",\"file\":", to);
	prog_json_string(path, to);
	fprintf(to, ",\"offset\":%" PRIu64 ",\"readonly\":%s",
		vmem_region_file_pos(region, 0),
		bool_text(is_readonly(block)));
}

static void write_piece(const struct vmem_region *region, FILE *to)
{
	const struct vmem_block *block = vmem_region_block(region);

	fprintf(to, "{\"gpa\":%" PRIu64 ",\"size\":%" PRIu64
		",\"backend\":\"%s\",\"shared\":%s,\"rom\":%s",
		vmem_region_gpa(region), vmem_region_len(region),
		vmm_block_kind_name(block),
		bool_text(vmem_block_flags(block) & VMEM_BLOCK_SHARED),
		bool_text(vmem_region_is_rom(region)));
	if (vmem_block_kind(block) == VMEM_KIND_FILE)
		write_file(region, to);
}

static void write_halves(const struct vmm_private *p,
			 const struct vmm_private_piece *piece, FILE *to)
{
	const uint64_t bytes = vmm_private_ranges_count(&p->ranges, piece->gpa,
							piece->len);

	fprintf(to, ",\"private_bytes\":%" PRIu64 ",\"shared_bytes\":%" PRIu64
		",\"conversions\":%" PRIu64 ",\"failed_conversions\":%" PRIu64
		",\"released_bytes\":%" PRIu64, bytes, piece->len - bytes,
		piece->conversions, piece->failed, piece->released);
}

/* The first region of a block that is split at 3 GiB has the present bytes of both. */
static void write_pieces(const struct vmm_machine *m, FILE *to)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const struct vmm_private_piece *halves;
	const struct vmem_region *region;
	const struct vmem_block *last = NULL;
	unsigned int i;

	fputs(",\"memory\":[", to);
	for (i = 0; i < vmem_map_count(map); i++) {
		region = vmem_map_region(map, i);
		if (vmm_window_of(&m->shmem, region))
			continue;
		fputs(last ? "," : "", to);
		write_piece(region, to);
		if (vmem_region_block(region) != last)
			fprintf(to, ",\"present\":%" PRIu64,
				vmm_populated(vmem_region_block(region)));
		last = vmem_region_block(region);
		halves = vmm_private_find(&m->private_memory, vmem_region_gpa(region));
		if (halves)
			write_halves(&m->private_memory, halves, to);
		fputc('}', to);
	}
	fputc(']', to);
}

/* -1: it has been removed. */
static int owner_of(const struct vmm_machine *m, const struct vmm_window *w)
{
	void *backend;
	unsigned int i;

	for (i = 0; i < m->ndevices; i++) {
		if (!m->devices[i].virtio)
			continue;
		vmm_virtio_get_backend(m->devices[i].virtio, &backend);
		if (backend == w->owner)
			return (int)i;
	}
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
			 const struct vmm_window *w, int owner, FILE *to)
{
	unsigned int n;
	uint64_t bytes;

	count_mappings(m, w, &n, &bytes);
	fprintf(to, "{\"shmid\":%u,\"device\":%d,\"gpa\":%" PRIu64
		",\"size\":%" PRIu64 ",\"mappings\":%u,\"mapped\":%" PRIu64 "}",
		w->shmid, owner, w->gpa, w->len, n, bytes);
}

static void write_windows(const struct vmm_machine *m, FILE *to)
{
	const char *comma = "";
	unsigned int i;
	int owner;

	fputs(",\"windows\":[", to);
	for (i = 0; i < m->shmem.n; i++) {
		owner = m->shmem.windows[i].owner ?
			owner_of(m, &m->shmem.windows[i]) : -1;
		if (owner < 0)
			continue;
		fputs(comma, to);
		comma = ",";
		write_window(m, &m->shmem.windows[i], owner, to);
	}
	fputc(']', to);
}

void vmm_memory_report(const struct vmm_machine *m, FILE *to)
{
	write_pieces(m, to);
	write_windows(m, to);
}

int vmm_memory_report_command(void *machine, char *const *words, FILE *answer,
			      struct vsu_error *err)
{
	(void)words;
	(void)err;
	vmm_memory_report(machine, answer);
	return 0;
}
