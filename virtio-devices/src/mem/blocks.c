/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Plugging maps pieces. Unplugging frees the memory of blocks, then unmaps the
 * pieces that have no plugged block left.
 */
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

/* Blocks whose memory one step frees: 32 MiB take milliseconds. */
#define STEP_BLOCKS 16u

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
	b->mapped = calloc(b->n / PER_PIECE, 1);
	return b->map && b->mapped ? 0 : -ENOMEM;
}

void virtdev_priv_blocks_fini(struct virtdev_priv_blocks *b)
{
	vsu_fd_close(&b->fd);
	free(b->mapped);
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
	int rc = 0;

	if (b->mapped[piece] != map)
		rc = map ? virtdev_region_map(b->dev, &m, 0)
			 : virtdev_region_unmap(b->dev, &m, 0);
	if (map && rc == -EEXIST)
		rc = 0;
	if (rc >= 0)
		b->mapped[piece] = map;
	return rc;
}

static bool piece_is_empty(const struct virtdev_priv_blocks *b, uint64_t piece)
{
	return !memchr(b->map + piece * PER_PIECE, 1, PER_PIECE);
}

static uint64_t lesser_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
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

/* -EAGAIN, or the result of a change that has reached its end. */
static int change_result(const struct virtdev_priv_change *c)
{
	return c->done < c->n ? -EAGAIN : c->error;
}

/* Unmaps a piece that was mapped for blocks whose plugging failed. */
static int step_back(struct virtdev_priv_blocks *b,
		     struct virtdev_priv_change *c)
{
	const uint64_t piece = (c->first + c->done - 1) / PER_PIECE;
	const uint64_t begin = piece * PER_PIECE;

	if (piece_is_empty(b, piece))
		(void)!piece_change(b, piece, false);
	c->done = begin > c->first ? begin - c->first : 0;
	return c->done ? -EAGAIN : c->error;
}

/* Maps one piece; at the end all blocks are plugged. */
static int step_plug(struct virtdev_priv_blocks *b,
		     struct virtdev_priv_change *c)
{
	const uint64_t at = c->first + c->done;

	c->error = piece_change(b, at / PER_PIECE, true);
	if (c->error < 0)
		return c->done ? -EAGAIN : c->error;
	c->done += lesser_of(PER_PIECE - at % PER_PIECE, c->n - c->done);
	if (c->done == c->n)
		blocks_set(b, c->first, c->n, true);
	return change_result(c);
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

/* Blocks within one piece, whose memory has been freed. */
static void blocks_unplug(struct virtdev_priv_blocks *b, uint64_t first,
			  uint64_t n)
{
	const uint64_t piece = first / PER_PIECE;

	blocks_set(b, first, n, false);
	if (piece_is_empty(b, piece))
		(void)!piece_change(b, piece, false);
}

/*
 * Frees the memory of all blocks before the first one is unplugged: if the host refuses,
 * the blocks stay plugged, and the driver does not use their content.
 */
static int step_unplug(struct virtdev_priv_blocks *b,
		       struct virtdev_priv_change *c)
{
	const bool frees = c->freed < c->n;
	uint64_t *past = frees ? &c->freed : &c->done;
	const uint64_t at = c->first + *past;
	const uint64_t n = lesser_of(STEP_BLOCKS - at % STEP_BLOCKS,
				     c->n - *past);
	int rc = frees ? blocks_punch(b, at, n) : 0;

	if (rc < 0)
		return rc;
	if (!frees)
		blocks_unplug(b, at, n);
	*past += n;
	return change_result(c);
}

int virtdev_priv_blocks_step(struct virtdev_priv_blocks *b,
			     struct virtdev_priv_change *c)
{
	if (c->error < 0)
		return step_back(b, c);
	return c->plug ? step_plug(b, c) : step_unplug(b, c);
}

int virtdev_priv_blocks_show(struct virtdev_priv_blocks *b)
{
	uint64_t piece;
	int rc = 0;

	for (piece = 0; rc >= 0 && piece < b->n / PER_PIECE; piece++)
		if (b->mapped[piece] || !piece_is_empty(b, piece))
			rc = piece_change(b, piece, !piece_is_empty(b, piece));
	return rc < 0 ? rc : 0;
}

int virtdev_priv_blocks_plug(struct virtdev_priv_blocks *b, uint64_t first,
			     uint64_t n)
{
	blocks_set(b, first, n, true);
	return virtdev_priv_blocks_show(b);
}
