/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serves one request of a block device (VIRTIO 1.3, 5.2.6). The driver chooses the
 * layout of the buffers: the header is the first 16 readable bytes, the status the last
 * writable byte.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>

#include "blk/priv.h"

/* Returned by handlers instead of an enum virtdev_blk_status. */
#define PENDING (-1)

/* Writable bytes before the status byte that the request kind may fill. */
static uint32_t room_of(const struct blk_request *r)
{
	return r->chain.writable_len - 1;
}

/* Pushes the chain; written counts from the first writable byte. */
static void give_back(struct blk_queue *q, struct blk_request *r,
		      uint32_t written)
{
	vq_push(q->q, &r->chain, written);
	if (q->measured)
		virtdev_measured_end(q->measured, r->kind, q->now - r->popped);
	virtdev_priv_blk_put(q, r);
}

static void request_count(struct blk_queue *q, const struct blk_request *r,
			  enum virtdev_blk_status status)
{
	if (status != VIRTDEV_BLK_S_OK) {
		virtdev_priv_blk_count(q, BLK_FAILED, 1);
		return;
	}
	if (r->kind < BLK_COUNTS)
		virtdev_priv_blk_count(q, r->kind, 1);
	if (r->kind == BLK_READS)
		virtdev_priv_blk_count(q, BLK_BYTES_READ, room_of(r));
	else if (r->kind == BLK_WRITES)
		virtdev_priv_blk_count(q, BLK_BYTES_WRITTEN,
				       r->chain.readable_len -
				       sizeof(struct virtdev_blk_header));
}

/*
 * The used length counts written bytes from the first writable one on. It includes the
 * status byte only if all bytes before it were written.
 */
static void request_finish(struct blk_queue *q, struct blk_request *r,
			   enum virtdev_blk_status status, uint32_t filled)
{
	uint8_t byte = (uint8_t)status;

	request_count(q, r, status);
	vq_cursor_write(&r->status, &byte, 1);
	give_back(q, r, filled == room_of(r) ? filled + 1 : filled);
}

/* Converts sectors to bytes. False: beyond the end of the disk. */
static bool request_extent(const struct blk_queue *q, uint64_t sector, uint64_t len,
			   uint64_t *offset)
{
	uint64_t capacity = virtdev_priv_disk_capacity(q->blk->disk);

	return len % VIRTDEV_BLK_SECTOR == 0 &&
	       !vsu_u64_mul_overflow(sector, VIRTDEV_BLK_SECTOR, offset) &&
	       !vsu_range_exceeds(*offset, len, capacity);
}

static int request_submit(struct blk_queue *q, struct blk_request *r,
			  enum virtdev_disk_op op)
{
	struct virtdev_disk *disk = q->blk->disk;

	r->disk.op = op;
	return disk->ops.submit(disk->self, q->channel, &r->disk) < 0 ?
	       VIRTDEV_BLK_S_IOERR : PENDING;
}

static bool is_read_only(const struct blk_queue *q)
{
	return virtdev_priv_disk_info(q->blk->disk)->read_only;
}

static bool is_write_through(const struct blk_queue *q)
{
	return __atomic_load_n(&q->blk->through, __ATOMIC_RELAXED);
}

/* Transfers the rest of the cursor to or from the disk. */
static int data_transfer(struct blk_queue *q, struct blk_request *r,
			 uint64_t sector, struct vq_cursor *data,
			 enum virtdev_disk_op op)
{
	uint32_t own = r->chain.nreadable + r->chain.nwritable;
	uint32_t len = vq_cursor_left(data), covered = 0;
	int n;

	if (!request_extent(q, sector, len, &r->disk.offset))
		return VIRTDEV_BLK_S_IOERR;
	n = vq_cursor_iov(data, len, r->pieces + own, BLK_PIECES, &covered);
	if (n < 0 || covered != len)
		return VIRTDEV_BLK_S_IOERR;
	r->disk.iov = r->pieces + own;
	r->disk.niov = (uint32_t)n;
	r->disk.len = len;
	return request_submit(q, r, op);
}

static int begin_in(struct blk_queue *q, struct blk_request *r,
		    uint64_t sector, struct vq_cursor *in,
		    struct vq_cursor *out)
{
	(void)in;
	return data_transfer(q, r, sector, out, VIRTDEV_DISK_READ);
}

static int begin_out(struct blk_queue *q, struct blk_request *r,
		     uint64_t sector, struct vq_cursor *in,
		     struct vq_cursor *out)
{
	(void)out;
	if (is_read_only(q))
		return VIRTDEV_BLK_S_IOERR;
	r->through = is_write_through(q);
	return data_transfer(q, r, sector, in, VIRTDEV_DISK_WRITE);
}

static int begin_flush(struct blk_queue *q, struct blk_request *r,
		       uint64_t sector, struct vq_cursor *in,
		       struct vq_cursor *out)
{
	(void)sector;
	(void)in;
	(void)out;
	return request_submit(q, r, VIRTDEV_DISK_FLUSH);
}

static int begin_get_id(struct blk_queue *q, struct blk_request *r,
			uint64_t sector, struct vq_cursor *in,
			struct vq_cursor *out)
{
	(void)sector;
	(void)in;
	request_finish(q, r, VIRTDEV_BLK_S_OK,
		       vq_cursor_write(out, q->blk->id, VIRTDEV_BLK_ID_LEN));
	return PENDING;
}

/* Converts a range to bytes; len 0 is valid and has no effect. */
static int check_range(const struct blk_queue *q, const struct virtdev_blk_range *range,
		       uint32_t max_sectors, uint32_t flags_allowed)
{
	uint32_t sectors = vsu_le32_load(range->num_sectors);
	uint64_t offset;

	if (vsu_le32_load(range->flags) & ~flags_allowed)
		return VIRTDEV_BLK_S_UNSUPP;
	if (sectors > max_sectors ||
	    !request_extent(q, vsu_le64_load(range->sector),
			    (uint64_t)sectors * VIRTDEV_BLK_SECTOR, &offset))
		return VIRTDEV_BLK_S_IOERR;
	return VIRTDEV_BLK_S_OK;
}

static int submit_range(struct blk_queue *q, struct blk_request *r,
			enum virtdev_disk_op op)
{
	const struct virtdev_blk_range *range = &r->ranges[r->range++];

	r->disk.offset = vsu_le64_load(range->sector) * VIRTDEV_BLK_SECTOR;
	r->disk.len = (uint64_t)vsu_le32_load(range->num_sectors) * VIRTDEV_BLK_SECTOR;
	r->disk.may_unmap = vsu_le32_load(range->flags) & VIRTDEV_BLK_RANGE_UNMAP;
	return request_submit(q, r, op);
}

/* The limits count bytes of the disk: a driver could write zeros without any. */
static void charge_ranges(const struct blk_queue *q, const struct blk_request *r)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < r->nranges; i++)
		bytes += (uint64_t)vsu_le32_load(r->ranges[i].num_sectors) * VIRTDEV_BLK_SECTOR;
	virtdev_rate_take(q->blk->rate, bytes, 0);
}

/* Copies and checks all ranges before the first one is processed. */
static int begin_ranges(struct blk_queue *q, struct blk_request *r,
			struct vq_cursor *in, enum virtdev_disk_op op)
{
	bool zero = op == VIRTDEV_DISK_ZERO;
	uint32_t left = vq_cursor_left(in), i;
	int status;

	if (is_read_only(q) || !left || left % sizeof(struct virtdev_blk_range) ||
	    left > sizeof(r->ranges))
		return VIRTDEV_BLK_S_IOERR;
	r->nranges = left / (uint32_t)sizeof(struct virtdev_blk_range);
	r->range = 0;
	if (!vq_cursor_read_exact(in, r->ranges, left))
		return VIRTDEV_BLK_S_IOERR;
	for (i = 0; i < r->nranges; i++) {
		status = check_range(q, &r->ranges[i],
				     zero ? BLK_MAX_ZERO_SECTORS :
				     BLK_MAX_DISCARD_SECTORS,
				     zero ? VIRTDEV_BLK_RANGE_UNMAP : 0);
		if (status != VIRTDEV_BLK_S_OK)
			return status;
	}
	r->through = is_write_through(q);
	charge_ranges(q, r);
	return submit_range(q, r, op);
}

static int begin_discard(struct blk_queue *q, struct blk_request *r,
			 uint64_t sector, struct vq_cursor *in,
			 struct vq_cursor *out)
{
	(void)sector;
	(void)out;
	if (!virtdev_priv_disk_info(q->blk->disk)->can_discard)
		return VIRTDEV_BLK_S_UNSUPP;
	return begin_ranges(q, r, in, VIRTDEV_DISK_DISCARD);
}

static int begin_zero(struct blk_queue *q, struct blk_request *r,
		      uint64_t sector, struct vq_cursor *in,
		      struct vq_cursor *out)
{
	(void)sector;
	(void)out;
	if (!virtdev_priv_disk_info(q->blk->disk)->can_zero)
		return VIRTDEV_BLK_S_UNSUPP;
	return begin_ranges(q, r, in, VIRTDEV_DISK_ZERO);
}

/* in and out exclude the header and the status byte. */
typedef int (*begin_fn)(struct blk_queue *q, struct blk_request *r,
			uint64_t sector, struct vq_cursor *in,
			struct vq_cursor *out);

static const struct handler {
	begin_fn begin;
	enum blk_count kind;
} handlers[] = {
	[VIRTDEV_BLK_T_IN] = { begin_in, BLK_READS },
	[VIRTDEV_BLK_T_OUT] = { begin_out, BLK_WRITES },
	[VIRTDEV_BLK_T_FLUSH] = { begin_flush, BLK_FLUSHES },
	[VIRTDEV_BLK_T_GET_ID] = { begin_get_id, BLK_COUNTS },
	[VIRTDEV_BLK_T_DISCARD] = { begin_discard, BLK_DISCARDS },
	[VIRTDEV_BLK_T_WRITE_ZEROES] = { begin_zero, BLK_ZEROES },
};

static const struct handler *handler_of(uint32_t type)
{
	return type < sizeof(handlers) / sizeof(*handlers) &&
	       handlers[type].begin ? &handlers[type] : NULL;
}

/* Returns an enum virtdev_blk_status, or PENDING. */
static int request_dispatch(struct blk_queue *q, struct blk_request *r,
			    const struct virtdev_blk_header *header, struct vq_cursor *in,
			    struct vq_cursor *out)
{
	const struct handler *h = handler_of(vsu_le32_load(header->type));

	if (!h)
		return VIRTDEV_BLK_S_UNSUPP;
	r->kind = h->kind;
	return h->begin(q, r, vsu_le64_load(header->sector), in, out);
}

/*
 * A writable buffer is invalid: reports an I/O error if the status byte is valid. The
 * used length is 0, since no byte before the status was written.
 */
static void request_refuse(struct blk_queue *q, struct blk_request *r)
{
	const uint8_t byte = VIRTDEV_BLK_S_IOERR;

	virtdev_priv_blk_count(q, BLK_FAILED, 1);
	vq_chain_write_last(q->q, &r->chain, &byte, 1);
	give_back(q, r, 0);
}

void virtdev_priv_blk_begin(struct blk_queue *q, struct blk_request *r)
{
	struct vq_cursor in, out;
	struct virtdev_blk_header header;
	int status = VIRTDEV_BLK_S_IOERR;

	r->through = false;
	r->kind = BLK_COUNTS;
	r->nranges = r->range = 0;
	r->bytes = (uint64_t)r->chain.readable_len + r->chain.writable_len;
	q->bytes += r->bytes;
	if (r->chain.fault.bad & VMEM_WRITE) {
		request_refuse(q, r);
		return;
	}
	vq_reader_init(&in, q->q, &r->chain);
	vq_writer_init(&out, q->q, &r->chain);
	/* without a status byte no error can be reported */
	if (!vq_cursor_split_tail(&out, 1, &r->status) ||
	    (!r->chain.fault.why &&
	     !vq_cursor_read_exact(&in, &header, sizeof(header)))) {
		give_back(q, r, 0);
		return;
	}
	if (!r->chain.fault.why)
		status = request_dispatch(q, r, &header, &in, &out);
	if (status != PENDING)
		request_finish(q, r, (enum virtdev_blk_status)status, 0);
}

/* Queues the next part: PENDING, or VIRTDEV_BLK_S_OK after the last one. */
static int next_part(struct blk_queue *q, struct blk_request *r)
{
	if (r->range < r->nranges)
		return submit_range(q, r, (enum virtdev_disk_op)r->disk.op);
	if (r->through) {
		r->through = false;
		return request_submit(q, r, VIRTDEV_DISK_FLUSH);
	}
	return VIRTDEV_BLK_S_OK;
}

static enum virtdev_blk_status status_of(int result)
{
	if (!result)
		return VIRTDEV_BLK_S_OK;
	return result == -EOPNOTSUPP ? VIRTDEV_BLK_S_UNSUPP : VIRTDEV_BLK_S_IOERR;
}

/*
 * Unsupported operations and truncated guest memory are not disk errors. Reporting them
 * would hide later errors of the disk.
 */
static bool is_trouble(int result)
{
	return result && result != -EOPNOTSUPP && result != -EFAULT;
}

static void note_result(struct blk *blk, const struct virtdev_disk_request *disk)
{
	if (is_trouble(disk->result))
		virtdev_priv_blk_failed(blk, disk->result, vsu_now_ns());
	else if (__atomic_load_n(&blk->troubles, __ATOMIC_RELAXED) &&
		 !disk->result)
		virtdev_priv_blk_worked(blk, (enum virtdev_disk_op)disk->op,
					vsu_now_ns());
}

void virtdev_priv_blk_disk_done(struct blk_queue *q,
				struct virtdev_disk_request *disk)
{
	struct blk_request *r = (struct blk_request *)(void *)
		((char *)disk - offsetof(struct blk_request, disk));
	int status = status_of(disk->result);
	uint32_t filled = 0;

	note_result(q->blk, disk);
	if (status == VIRTDEV_BLK_S_OK)
		status = next_part(q, r);
	if (status == PENDING)
		return;
	/* a failed read may have written some bytes */
	if (disk->op == VIRTDEV_DISK_READ) {
		vq_chain_written(q->q, &r->chain, 0, room_of(r));
		filled = status == VIRTDEV_BLK_S_OK ? room_of(r) : 0;
	}
	request_finish(q, r, (enum virtdev_blk_status)status, filled);
}
