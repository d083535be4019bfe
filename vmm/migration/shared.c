/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends and receives descriptors of shared memory. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/foreign.h>

#include "migration/shared.h"

/* The file of a server can block a processor for any time; a device is no memory. */
static bool is_memory(int kind)
{
	return kind == VSU_FOREIGN_SHARED || kind == VSU_FOREIGN_FILE;
}

/* The section describes the memory of a whole option. */
static bool can_move(const struct vmm_memory *memory, unsigned int i)
{
	const uint32_t both = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED;
	const struct vmem_block *block = memory->blocks[i];

	return i < VMM_MAX_MEMORY && !(memory->parts >> i & 1) &&
	       vmem_block_fd(block) >= 0 &&
	       (vmem_block_flags(block) & both) == both &&
	       vmem_block_kind(block) != VMEM_KIND_GUEST_MEMFD &&
	       is_memory(vsu_foreign_kind(vmem_block_fd(block)));
}

int vmm_shared_send(struct vmm_stream *s, const struct vmm_memory *memory,
		    uint64_t *pieces, struct vsu_error *err)
{
	const struct vmem_block *block;
	int fds[VMM_MAX_MEMORY];
	unsigned int i, n = 0;
	int rc;

	*pieces = 0;
	vmm_stream_begin(s, "shared");
	for (i = 0; s->has_fds && i < memory->nblocks; i++) {
		block = memory->blocks[i];
		if (!can_move(memory, i))
			continue;
		*pieces |= UINT64_C(1) << i;
		vsu_state_put_u64(&s->w, i);
		vsu_state_put_u64(&s->w, vmem_block_file_pos(block, 0));
		vsu_state_put_u64(&s->w, vmem_block_len(block));
		fds[n++] = vmem_block_fd(block);
	}
	s->send_fds = fds;
	s->nsend_fds = n;
	rc = vmm_stream_send(s, err);
	s->nsend_fds = 0;
	return rc;
}

static int check_fd(int fd, struct vsu_error *err)
{
	const int kind = vsu_foreign_kind(fd);

	return is_memory(kind) ? 0 :
	       vsu_error_set(err, -EBADMSG, "the source sent %s as memory; only local files are allowed",
			     kind < 0 ? "an invalid descriptor" : vsu_foreign_name(kind));
}

/* The number of a piece, which is not given yet. */
static int read_piece(struct vsu_state_fields *f, struct vmm_memory *memory, int fd,
		      struct vsu_error *err)
{
	const uint64_t i = vsu_state_get_u64(f);
	const uint64_t offset = vsu_state_get_u64(f);
	const uint64_t len = vsu_state_get_u64(f);

	if (f->in.truncated || i >= memory->n || memory->given[i].len || !len)
		return vsu_error_set(err, -EBADMSG, "the source sent a piece of memory that this machine lacks");
	memory->given[i] = (struct vmm_memory_given){
		.fd = fd, .fd_offset = offset, .len = len,
	};
	return check_fd(fd, err);
}

static int read_pieces(struct vmm_stream *s, const struct vsu_state_section *section,
		       struct vmm_memory *memory, struct vsu_error *err)
{
	struct vsu_state_fields f;
	unsigned int i;
	int rc = 0;

	vmm_stream_fields(section, &f);
	for (i = 0; !rc && f.in.left && i < s->nfds; i++)
		rc = read_piece(&f, memory, s->fds[i], err);
	if (!rc && (f.in.left || i < s->nfds))
		rc = vsu_error_set(err, -EBADMSG, "the source sent %u descriptors, but a different number of pieces of memory",
				   s->nfds);
	return rc;
}

int vmm_shared_receive(struct vmm_stream *s, struct vmm_memory *memory,
		       struct vsu_error *err)
{
	struct vsu_state_section section;
	int rc;

	s->wants_fds = s->has_fds;
	rc = vmm_stream_expect(s, "shared", &section, err);
	s->wants_fds = false;
	return rc ? rc : read_pieces(s, &section, memory, err);
}
