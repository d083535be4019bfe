/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory and rings of the front-end under "check-frontend", and a disk of zeros: a request
 * gets zeros in all its writable bytes, and status 0 is a zero as well. Requests without
 * readable bytes stay in their ring, because they wait for input.
 */
#include <config.h>

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "front.h"

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static void drop(struct front_disk *d, unsigned int i)
{
	d->truncated |= vmem_block_failed(d->blocks[i]);
	vmem_block_unref(d->blocks[i]);
	d->n--;
	d->blocks[i] = d->blocks[d->n];
	d->wire[i] = d->wire[d->n];
}

bool front_disk_region(struct front_disk *d, const struct vhost_user_mem_region *r, int fd)
{
	const struct vmem_fd_desc desc = { .fd = fd, .flags = VMEM_BLOCK_SHARED | VMEM_BLOCK_WRITE,
					   .fd_offset = r->mmap_offset, .len = r->size,
					   .sigbus = d->sigbus };
	unsigned int i;

	if (fd >= 0) {
		if (d->n == FRONT_SLOTS || vmem_block_new_fd(&desc, &d->blocks[d->n], NULL) < 0)
			return false;
		d->wire[d->n++] = *r;
		return true;
	}
	for (i = 0; i < d->n; i++)
		if (d->wire[i].guest_addr == r->guest_addr && d->wire[i].size == r->size) {
			drop(d, i);
			return true;
		}
	return false;
}

void front_disk_forget(struct front_disk *d)
{
	while (d->n)
		drop(d, d->n - 1);
}

/* Bytes at a guest address, or at one of the front-end; NULL: not all are in one region. */
static void *bytes_at(const struct front_disk *d, uint64_t addr, uint64_t len, bool guest)
{
	unsigned int i;
	uint64_t off;

	for (i = 0; i < d->n; i++) {
		off = addr - (guest ? d->wire[i].guest_addr : d->wire[i].user_addr);
		if (off < d->wire[i].size && len <= d->wire[i].size - off)
			return (unsigned char *)vmem_block_hva(d->blocks[i]) + off;
	}
	return NULL;
}

/* Zeros the writable parts of a chain; false: it has no readable one, or is invalid. */
static bool complete(const struct front_disk *d, const struct desc *table, uint32_t size,
		     uint16_t head, uint32_t *written)
{
	bool readable = false;
	struct desc part;
	uint32_t i;
	void *to;

	*written = 0;
	for (i = 0; i < size && head < size; i++, head = le16toh(part.next)) {
		part = table[head];
		to = bytes_at(d, le64toh(part.addr), le32toh(part.len), true);
		if (!(part.flags & htole16(CHECK_WRITE))) {
			readable = true;
		} else if (!to || !readable) {
			return false;
		} else {
			memset(to, 0, le32toh(part.len));
			*written += le32toh(part.len);
		}
		if (!(part.flags & htole16(CHECK_NEXT)))
			return readable;
	}
	return false;
}

/* Requests complete in order, so that the used index is also the next available one. */
void front_disk_serve(const struct front_disk *d, const struct front_ring *r)
{
	const uint64_t n = r->size;
	const struct desc *table = bytes_at(d, r->addr.desc, 16 * n, false);
	const uint16_t *avail = bytes_at(d, r->addr.avail, 4 + 2 * n, false);
	uint16_t *used = bytes_at(d, r->addr.used, 4 + 8 * n, false), at;
	uint32_t element[2], served;

	if (!r->started || !r->enabled || d->stalls || !n || !table || !avail || !used ||
	    (uintptr_t)table % 8 || (uintptr_t)avail % 2 || (uintptr_t)used % 4)
		return;
	for (served = 0; served < n; served++) {
		at = le16toh(used[1]);
		if (at == le16toh(__atomic_load_n(&avail[1], __ATOMIC_ACQUIRE)))
			break;
		element[0] = le16toh(avail[2 + at % n]);
		if (!complete(d, table, r->size, (uint16_t)element[0], &element[1]))
			break;
		element[0] = htole32(element[0]);
		element[1] = htole32(element[1]);
		memcpy(used + 2 + 4 * (at % n), element, sizeof(element));
		__atomic_store_n(&used[1], htole16((uint16_t)(at + 1)), __ATOMIC_RELEASE);
	}
	if (served && r->call >= 0)
		(void)vsu_event_signal(r->call);
}

/* The ring's base. */
uint32_t front_disk_stop(const struct front_disk *d, struct front_ring *r)
{
	const uint16_t *used = bytes_at(d, r->addr.used, 4, false);
	bool started = r->started;

	r->started = false;
	vsu_fd_close(&r->kick);
	vsu_fd_close(&r->call);
	return started && used ? le16toh(used[1]) : r->base;
}

void front_disk_reset(struct front_disk *d)
{
	unsigned int i;

	for (i = 0; i < FRONT_RINGS; i++) {
		(void)front_disk_stop(d, &d->rings[i]);
		d->rings[i] = (struct front_ring){ .kick = -1, .call = -1 };
	}
	front_disk_forget(d);
}
