/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Plugging maps a piece; unplugging punches it, then unmaps it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-devices/mem.h>
#include <vmm-sys-util/fd.h>

#include "mem/blocks.h"

#define PER_PIECE (VIRTDEV_MEM_PIECE / VIRTDEV_MEM_BLOCK)

int virtdev_priv_blocks_init(struct virtdev_priv_blocks *b, uint64_t len)
{
	b->n = len / VIRTDEV_MEM_BLOCK;
	b->fd = memfd_create("virtio-mem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (b->fd < 0)
		return -errno;
	if (ftruncate(b->fd, (off_t)len) < 0 ||
	    fcntl(b->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	b->map = calloc(b->n, 1);
	return b->map ? 0 : -ENOMEM;
}

void virtdev_priv_blocks_fini(struct virtdev_priv_blocks *b)
{
	vsu_fd_close(&b->fd);
	free(b->map);
}

uint64_t virtdev_priv_blocks_count(const struct virtdev_priv_blocks *b,
				   uint64_t first, uint64_t n)
{
	uint64_t i, sum = 0;

	for (i = first; i < first + n; i++)
		sum += b->map[i];
	return sum;
}

static int piece_change(struct virtdev_priv_blocks *b, uint64_t piece, bool map)
{
	const struct virtdev_mapping m = {
		.offset = piece * VIRTDEV_MEM_PIECE, .len = VIRTDEV_MEM_PIECE,
		.fd = b->fd, .fd_offset = piece * VIRTDEV_MEM_PIECE,
		.writable = true,
	};
	int rc = map ? virtdev_region_map(b->dev, &m, 0)
		     : virtdev_region_unmap(b->dev, &m, 0);

	return map && rc == -EEXIST ? 0 : rc;
}

static bool piece_is_empty(const struct virtdev_priv_blocks *b, uint64_t piece)
{
	return !memchr(b->map + piece * PER_PIECE, 1, PER_PIECE);
}

static uint64_t pieces_end(uint64_t first, uint64_t n)
{
	return (first + n + PER_PIECE - 1) / PER_PIECE;
}

static void blocks_set(struct virtdev_priv_blocks *b, uint64_t first,
		       uint64_t n, bool plugged)
{
	const uint64_t before = virtdev_priv_blocks_count(b, first, n);

	memset(b->map + first, plugged, n);
	__atomic_store_n(&b->plugged,
			 b->plugged - before + (plugged ? n : 0),
			 __ATOMIC_RELAXED);
}

/* Unmaps pieces mapped for blocks whose plugging failed. */
static void pieces_take_back(struct virtdev_priv_blocks *b, uint64_t from,
			     uint64_t to)
{
	for (; from < to; from++)
		if (piece_is_empty(b, from))
			(void)!piece_change(b, from, false);
}

int virtdev_priv_blocks_plug(struct virtdev_priv_blocks *b, uint64_t first,
			     uint64_t n)
{
	const uint64_t from = first / PER_PIECE, to = pieces_end(first, n);
	uint64_t piece;
	int rc = 0;

	for (piece = from; rc >= 0 && piece < to; piece++)
		if (piece_is_empty(b, piece))
			rc = piece_change(b, piece, true);
	if (rc < 0) {	/* the last piece was not mapped */
		pieces_take_back(b, from, piece - 1);
		return rc;
	}
	blocks_set(b, first, n, true);
	return 0;
}

static int blocks_punch(const struct virtdev_priv_blocks *b, uint64_t first,
			uint64_t n)
{
	int rc;

	do
		rc = fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)(first * VIRTDEV_MEM_BLOCK),
			       (off_t)(n * VIRTDEV_MEM_BLOCK));
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

/* The end of the part of [first, end) within one piece. */
static void piece_unplug(struct virtdev_priv_blocks *b, uint64_t piece,
			 uint64_t first, uint64_t end)
{
	const uint64_t from = piece * PER_PIECE, to = from + PER_PIECE;

	if (piece_is_empty(b, piece))
		return;
	first = first > from ? first : from;
	end = end < to ? end : to;
	blocks_set(b, first, end - first, false);
	if (piece_is_empty(b, piece))
		(void)!piece_change(b, piece, false);
}

int virtdev_priv_blocks_unplug(struct virtdev_priv_blocks *b, uint64_t first,
			       uint64_t n)
{
	const uint64_t to = pieces_end(first, n);
	uint64_t piece;
	int rc = blocks_punch(b, first, n);

	if (rc < 0)
		return rc;
	for (piece = first / PER_PIECE; piece < to; piece++)
		piece_unplug(b, piece, first, first + n);
	return 0;
}

int virtdev_priv_blocks_show(struct virtdev_priv_blocks *b)
{
	uint64_t piece;
	int rc = 0;

	for (piece = 0; rc >= 0 && piece < b->n / PER_PIECE; piece++)
		if (!piece_is_empty(b, piece))
			rc = piece_change(b, piece, true);
	return rc < 0 ? rc : 0;
}
