/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Describes a file as guest memory, and reads it into memory of the guest's own. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-memory/access.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "memory/image.h"
#include "memory/pieces.h"

static void describe_regions(const struct vmm_memory *memory,
			     const struct vmem_map *map, bool plugged,
			     struct vsu_state_writer *w)
{
	const struct vmem_region *r;
	uint64_t at = 0;
	unsigned int i;

	vsu_state_section(w, plugged ? "plugged" : "memory", 0);
	for (i = 0; i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (vmm_memory_has(memory, r) != plugged) {
			vsu_state_put_u64(w, vmem_region_gpa(r));
			vsu_state_put_u64(w, vmem_region_len(r));
			vsu_state_put_u64(w, at);
		}
		at += vmem_region_len(r);
	}
	vsu_state_section_end(w);
}

static bool has_plugged(const struct vmm_memory *memory, const struct vmem_map *map)
{
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++)
		if (!vmm_memory_has(memory, vmem_map_region(map, i)))
			return true;
	return false;
}

void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vsu_state_writer *w)
{
	describe_regions(memory, map, false, w);
	if (has_plugged(memory, map))
		describe_regions(memory, map, true, w);
}

/* ------------------------------------------------------------------ continued pieces */

/* Pieces under construction. */
struct continuing {
	struct vmm_image_pieces *pieces;
	const struct vmm_memory_specs *saved;
	const struct vmm_image_source *source;
	bool shared;
	struct varch_places layout;	/* of the saved pieces */
	unsigned int parts_of[VMM_MAX_MEMORY];	/* parts of each saved piece */
	struct vsu_error *err;
};

static int refuse_other(const struct continuing *c, const struct vmm_image_part *part)
{
	return vsu_error_set(c->err, -EINVAL, "the state has %" PRIu64 " bytes of memory at %#" PRIx64 ", and the saved command line describes other memory",
			     part->len, part->gpa);
}

/* The addresses that the saved machine has computed from its options. */
static int place_saved(struct continuing *c)
{
	struct vmm_memory memory;
	unsigned int i;
	int rc = vmm_memory_init(&memory, c->saved, NULL, c->err);

	if (!rc)
		rc = varch_place_memory(memory.items, memory.n, VARCH_MAX_PHYS_BITS,
				       &c->layout, c->err);
	vmm_memory_free(&memory);
	for (i = 0; !rc && i < c->layout.n; i++)
		c->parts_of[c->layout.pieces[i].item]++;
	return rc;
}

/* An unchanged page is in the file of the whole machine. */
static int map_piece(struct continuing *c, const struct vmm_memory_spec *saved,
		     const struct vmm_image_part *part, struct vmm_memory_spec *to)
{
	const struct vmm_image_source *s = c->source;
	const struct vmm_base_part *there =
		s->base_path ? vmm_image_base_find(s->base, part->gpa, part->len) : NULL;
	struct vmm_image_part from = *part;

	if (there) {
		from.path = s->base_path;
		from.at = there->at;
	}
	if (there || !s->base_path)
		c->pieces->mapped[c->pieces->nmapped++] =
			(struct vmm_base_part){ from.gpa, from.len, from.at };
	return vmm_piece_map(saved, &from, to, c->err);
}

static int put_piece(struct continuing *c, unsigned int number, const struct vmm_memory_spec *saved,
		     const struct vmm_image_part *part)
{
	const struct vmm_piece_facts facts = vmm_piece_facts_of(saved);
	struct vmm_memory_spec *to = &c->pieces->specs.list[number];

	if (number >= VMM_MAX_PIECES || to->backend)
		return vsu_error_set(c->err, -EBADMSG, "the state has more than %d pieces of memory",
				     VMM_MAX_PIECES);
	return (c->shared && !facts.rom) || facts.own ?
	       vmm_piece_own(saved, part, c->shared, to, c->err) :
	       map_piece(c, saved, part, to);
}

/* Part k of the memory, in the order of addresses. */
static int put_part(struct continuing *c, unsigned int k, const struct vmm_image_part *part)
{
	const struct varch_place *piece;
	unsigned int number;

	if (k >= c->layout.n)
		return refuse_other(c, part);
	piece = &c->layout.pieces[k];
	if (piece->gpa != part->gpa || piece->len != part->len)
		return refuse_other(c, part);
	number = piece->offset ? c->pieces->specs.n : piece->item;
	if (piece->offset)
		c->pieces->specs.n++;
	if (c->parts_of[piece->item] > 1)
		c->pieces->parts |= UINT64_C(1) << number;
	return put_piece(c, number, &c->saved->list[piece->item], part);
}

static int put_parts(struct continuing *c, struct vsu_state_fields *f)
{
	struct vmm_image_part part = { .path = c->source->path };
	unsigned int k = 0;
	int rc = 0;

	while (!rc && f->in.left && !f->in.truncated) {
		part.gpa = vsu_state_get_u64(f);
		part.len = vsu_state_get_u64(f);
		part.at = vsu_state_get_u64(f);
		rc = put_part(c, k++, &part);
	}
	if (!rc)
		rc = vsu_state_fields_end(f, c->err);
	return rc || k == c->layout.n ? rc :
	       vsu_error_set(c->err, -EINVAL, "the state has less memory than the saved command line describes");
}

int vmm_image_pieces(const struct vsu_state *state, const struct vmm_image_source *source,
		     bool shared, const struct vmm_memory_specs *saved,
		     struct vmm_image_pieces *pieces, struct vsu_error *err)
{
	struct continuing c = { .pieces = pieces, .saved = saved, .source = source,
				.shared = shared, .err = err };
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, "memory", 0, &f, err);

	if (!rc)
		rc = place_saved(&c);
	pieces->specs.what = saved->what;
	pieces->specs.n = saved->n;
	return rc ? rc : put_parts(&c, &f);
}

/* ------------------------------------------ reads the memory from its file */

static int read_extent(int fd, const struct vmem_map *map, struct vmm_base_part p)
{
	ssize_t n;

	while (p.len > 0) {
		n = vmem_pread_from_fd(vmem_map_view(map), p.gpa, p.len, fd, p.at);
		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		p.gpa += (uint64_t)n;
		p.at += (uint64_t)n;
		p.len -= (uint64_t)n;
	}
	return 0;
}

/* Skips holes, which new memory already has. */
static int read_piece(int fd, const struct vmem_map *map, struct vmm_base_part p)
{
	const uint64_t end = p.at + p.len;
	struct vmm_base_part extent;
	off_t data, hole;
	int rc = 0;

	while (!rc && p.at < end) {
		data = lseek(fd, (off_t)p.at, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		if ((uint64_t)data >= end)
			return 0;
		extent.at = (uint64_t)data;
		extent.gpa = p.gpa + (extent.at - p.at);
		extent.len = ((uint64_t)hole < end ? (uint64_t)hole : end) - extent.at;
		rc = read_extent(fd, map, extent);
		p.gpa = extent.gpa + extent.len;
		p.at = extent.at + extent.len;
	}
	return rc;
}

/* The file itself. */
static bool is_mapped(const struct vmem_map *map, uint64_t gpa)
{
	const struct vmem_region *r = vmem_map_find(map, gpa);

	return r && vmem_block_kind(vmem_region_block(r)) == VMEM_KIND_FILE;
}

/* A file "memory". */
struct opened {
	int fd;
	uint64_t size;
};

struct reading {
	const struct vmem_map *map;
	const char *path;		/* of the file that is read, for messages */
	struct opened own, base;	/* base: with that of source */
	const struct vmm_image_source *source;
	struct vmm_image_changed changed;
};

/* Holes are zeros, which the base may not have. */
static int read_changed(const struct reading *g, struct vmm_base_part p)
{
	struct vmm_base_part run = p;
	bool changed;
	int rc = 0;

	if (vsu_range_exceeds(p.at, p.len, g->own.size) ||
	    vsu_range_exceeds(p.at, p.len, g->changed.total))
		return -EBADMSG;
	for (; !rc && run.at < p.at + p.len; run.at += run.len) {
		run.len = vmm_image_changed_run(&g->changed, run.at, p.at + p.len, &changed);
		run.gpa = p.gpa + (run.at - p.at);
		if (changed)
			rc = read_extent(g->own.fd, g->map, run);
	}
	return rc;
}

static int read_whole(struct reading *g, const struct opened *from, const struct vmm_base_part *p)
{
	if (vsu_range_exceeds(p->at, p->len, from->size))
		return -EBADMSG;
	return is_mapped(g->map, p->gpa) ? 0 : read_piece(from->fd, g->map, *p);
}

static int read_part(struct reading *g, const struct vmm_base_part *p)
{
	const struct vmm_image_source *s = g->source;
	const struct vmm_base_part *there =
		s->base_path ? vmm_image_base_find(s->base, p->gpa, p->len) : NULL;
	int rc = 0;

	if (there) {
		g->path = s->base_path;
		rc = read_whole(g, &g->base, &(struct vmm_base_part){ p->gpa, p->len, there->at });
	}
	if (rc < 0)
		return rc;
	g->path = s->path;
	return there ? read_changed(g, *p) : read_whole(g, &g->own, p);
}

static int read_parts(struct reading *g, struct vsu_state_fields *f)
{
	struct vmm_base_part p;
	int rc = 0;

	while (!rc && f->in.left && !f->in.truncated) {
		p.gpa = vsu_state_get_u64(f);
		p.len = vsu_state_get_u64(f);
		p.at = vsu_state_get_u64(f);
		rc = read_part(g, &p);
	}
	return rc;
}

static int open_memory(const char *path, struct opened *file, struct vsu_error *err)
{
	struct stat st;
	int rc;

	file->fd = vsu_file_value_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	rc = file->fd < 0 ? file->fd : fstat(file->fd, &st) < 0 ? -errno : 0;
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return vsu_error_set(err, -EBADMSG, "'%s' is not a regular file", path);
	file->size = (uint64_t)st.st_size;
	return 0;
}

int vmm_image_read(const struct vsu_state *state, const char *section,
		   const struct vmm_image_source *source, const struct vmem_map *map,
		   struct vsu_error *err)
{
	struct reading g = { .map = map, .source = source, .own.fd = -1, .base.fd = -1 };
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, section, 0, &f, err);

	if (!rc && source->base_path)
		rc = vmm_image_changed_get(&g.changed, state, err);
	if (!rc)
		rc = open_memory(source->path, &g.own, err);
	if (!rc && source->base_path)
		rc = open_memory(source->base_path, &g.base, err);
	if (rc < 0)
		goto out;
	rc = read_parts(&g, &f);
	if (rc == -EBADMSG)
		vsu_error_set(err, rc, "'%s' is shorter than the guest's memory", g.path);
	else if (rc < 0)
		vsu_error_sys(err, rc, "cannot read '%s'", g.path);
out:
	vsu_fd_close(&g.own.fd);
	vsu_fd_close(&g.base.fd);
	return rc;
}
