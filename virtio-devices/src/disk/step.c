/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Translates a request to a sequence of system calls. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmm-sys-util/fd.h>

#include "disk/file.h"

/* Stage of a request, in private_[1] below the CACHED bit and the retry count. */
enum stage {
	STAGE_READ,
	STAGE_WRITE,
	STAGE_SYNC,
	STAGE_PUNCH,		/* discard */
	STAGE_ZERO_PUNCH,	/* zeros as a hole, */
	STAGE_ZERO_RANGE,	/* as blocks marked unwritten, */
	STAGE_ZERO_WRITE,	/* or written */
};

#define STAGE_MASK	0x7fu
/* The file system rejected direct I/O for this request. */
#define CACHED		0x80u
#define RETRY_ONE	0x100u
/* Maximum EAGAIN and EINTR per request. */
#define RETRY_LIMIT	(1000u * RETRY_ONE)

void virtdev_priv_file_free(struct virtdev_priv_file *file)
{
	if (!file)
		return;
	if (file->zeros)
		munmap(file->zeros, VIRTDEV_PRIV_ZEROS);
	vsu_fd_close(&file->direct);
	vsu_fd_close(&file->fd);
	free(file->path);
	free(file);
}

static enum stage stage_of(const struct virtdev_disk_request *r)
{
	return (enum stage)(r->private_[1] & STAGE_MASK);
}

static void set_stage(struct virtdev_disk_request *r, enum stage stage)
{
	r->private_[1] = stage;
}

static bool request_finish(struct virtdev_disk_request *r, int64_t result)
{
	r->result = (int32_t)result;
	return true;
}

/* The fastest method of zeroing that is not known to be unsupported. */
static enum stage zero_stage(const struct virtdev_priv_file *file,
			     const struct virtdev_disk_request *r)
{
	if (r->may_unmap && !__atomic_load_n(&file->no_punch, __ATOMIC_RELAXED))
		return STAGE_ZERO_PUNCH;
	if (!__atomic_load_n(&file->no_zero_range, __ATOMIC_RELAXED))
		return STAGE_ZERO_RANGE;
	return STAGE_ZERO_WRITE;
}

static enum stage first_stage(const struct virtdev_priv_file *file,
			      const struct virtdev_disk_request *r)
{
	switch ((enum virtdev_disk_op)r->op) {
	case VIRTDEV_DISK_READ:
		return STAGE_READ;
	case VIRTDEV_DISK_WRITE:
		return STAGE_WRITE;
	case VIRTDEV_DISK_DISCARD:
		return STAGE_PUNCH;
	case VIRTDEV_DISK_ZERO:
		return zero_stage(file, r);
	case VIRTDEV_DISK_FLUSH:
		break;
	}
	return STAGE_SYNC;
}

/*
 * After a failed flush the data is lost, and the kernel reports the error only once:
 * all later flushes must fail as well.
 */
static bool begin_flush(const struct virtdev_priv_file *file,
			struct virtdev_disk_request *r)
{
	int error = __atomic_load_n(&file->flush_error, __ATOMIC_ACQUIRE);

	if (!error && !file->info.read_only)
		return true;
	request_finish(r, error);
	return false;
}

bool virtdev_priv_file_begin(const struct virtdev_priv_file *file,
			     struct virtdev_disk_request *r)
{
	r->private_[0] = 0;
	set_stage(r, first_stage(file, r));
	if (r->op == VIRTDEV_DISK_FLUSH)
		return begin_flush(file, r);
	if (r->op != VIRTDEV_DISK_READ && file->info.read_only) {
		request_finish(r, -EROFS);
		return false;
	}
	if (!r->len) {
		request_finish(r, 0);
		return false;
	}
	return true;
}

/* Indexed by stage. */
static const struct {
	uint32_t kind;
	int mode;
} steps[] = {
	[STAGE_READ] = { VIRTDEV_PRIV_STEP_READV, 0 },
	[STAGE_WRITE] = { VIRTDEV_PRIV_STEP_WRITEV, 0 },
	[STAGE_SYNC] = { VIRTDEV_PRIV_STEP_FDATASYNC, 0 },
	[STAGE_PUNCH] = { VIRTDEV_PRIV_STEP_FALLOCATE,
			  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
	[STAGE_ZERO_PUNCH] = { VIRTDEV_PRIV_STEP_FALLOCATE,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
	[STAGE_ZERO_RANGE] = { VIRTDEV_PRIV_STEP_FALLOCATE,
			       FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE },
	[STAGE_ZERO_WRITE] = { VIRTDEV_PRIV_STEP_WRITE, 0 },
};

/* Selects whole pieces up to the step limit, or a part of the first one. */
static void cut_pieces(const struct virtdev_disk_request *r,
		       struct virtdev_priv_step *step)
{
	uint64_t len = r->iov[0].iov_len;
	uint32_t n = 1;

	while (n < r->niov &&
	       len + r->iov[n].iov_len <= VIRTDEV_PRIV_STEP_MAX)
		len += r->iov[n++].iov_len;
	step->niov = n;
	step->len = len < VIRTDEV_PRIV_STEP_MAX ? len : VIRTDEV_PRIV_STEP_MAX;
}

static void cut_transfer(const struct virtdev_disk_request *r,
			 struct virtdev_priv_step *step)
{
	if (step->len > VIRTDEV_PRIV_STEP_MAX) {
		step->len = VIRTDEV_PRIV_STEP_MAX;
		if (step->kind != VIRTDEV_PRIV_STEP_WRITE)
			cut_pieces(r, step);
	}
	step->cost = (uint32_t)step->len;
}

static void cut_punch(struct virtdev_priv_step *step)
{
	uint64_t room = VIRTDEV_PRIV_PUNCH_MAX -
			step->pos % VIRTDEV_PRIV_PUNCH_MAX;

	step->len = step->len < room ? step->len : room;
	step->cost = (uint32_t)(step->len / VIRTDEV_PRIV_PUNCH_SHARE);
}

void virtdev_priv_file_step(const struct virtdev_priv_file *file,
			    const struct virtdev_disk_request *r,
			    struct virtdev_priv_step *step)
{
	enum stage stage = stage_of(r);

	step->kind = steps[stage].kind;
	step->mode = steps[stage].mode;
	step->pos = r->offset + virtdev_priv_done(r);
	step->len = r->len - virtdev_priv_done(r);
	step->niov = r->niov;
	step->cost = 0;
	if (step->kind == VIRTDEV_PRIV_STEP_FALLOCATE)
		cut_punch(step);
	else if (step->kind != VIRTDEV_PRIV_STEP_FDATASYNC)
		cut_transfer(r, step);
	step->fd = !(r->private_[1] & CACHED) &&
		   virtdev_priv_file_is_direct(file, r, step) ?
		   file->direct : file->fd;
}

void virtdev_priv_advance_pieces(struct virtdev_disk_request *r, uint64_t n)
{
	while (r->niov && n >= r->iov->iov_len) {
		n -= r->iov->iov_len;
		r->iov++;
		r->niov--;
	}
	if (r->niov) {
		r->iov->iov_base = (char *)r->iov->iov_base + n;
		r->iov->iov_len -= n;
	}
}

/* n bytes were transferred; 0: the file was truncated. */
static bool transfer_done(struct virtdev_disk_request *r, uint64_t n)
{
	if (!n || n > r->len - virtdev_priv_done(r))
		return request_finish(r, -EIO);
	r->private_[0] += n;
	if (virtdev_priv_done(r) == r->len)
		return request_finish(r, 0);
	if (stage_of(r) != STAGE_ZERO_WRITE)
		virtdev_priv_advance_pieces(r, n);
	return false;
}

static bool flush_done(struct virtdev_priv_file *file,
		       struct virtdev_disk_request *r, int64_t answer)
{
	int none = 0;

	if (answer < 0 && answer != -ENOMEM)
		__atomic_compare_exchange_n(&file->flush_error, &none,
					    (int)answer, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	/* fails if a concurrent flush failed */
	if (answer >= 0)
		answer = __atomic_load_n(&file->flush_error, __ATOMIC_ACQUIRE);
	return request_finish(r, answer);
}

/* A step of a range is complete. True: the last one. */
static bool punch_done(struct virtdev_disk_request *r)
{
	uint64_t pos = r->offset + virtdev_priv_done(r);
	uint64_t room = VIRTDEV_PRIV_PUNCH_MAX - pos % VIRTDEV_PRIV_PUNCH_MAX;

	if (r->len - virtdev_priv_done(r) <= room)
		return request_finish(r, 0);
	r->private_[0] += room;
	return false;
}

/* Not supported by the file system, or not with these boundaries. */
static bool is_refusal(int64_t answer)
{
	return answer == -EOPNOTSUPP || answer == -ENOSYS ||
	       answer == -ENODEV || answer == -EINVAL;
}

/* The method is unsupported: continues with the next one. */
static bool stage_refused(struct virtdev_priv_file *file,
			  struct virtdev_disk_request *r, int64_t answer)
{
	enum stage stage = stage_of(r);
	bool *missing = stage == STAGE_ZERO_RANGE ? &file->no_zero_range :
			&file->no_punch;

	if (answer != -EINVAL)
		__atomic_store_n(missing, true, __ATOMIC_RELAXED);
	if (stage == STAGE_PUNCH)
		return request_finish(r, answer == -EINVAL ? -EINVAL : -EOPNOTSUPP);
	set_stage(r, stage == STAGE_ZERO_RANGE ||
		  __atomic_load_n(&file->no_zero_range, __ATOMIC_RELAXED) ?
		  STAGE_ZERO_WRITE : STAGE_ZERO_RANGE);
	return false;
}

static bool may_retry(const struct virtdev_priv_file *file,
		      struct virtdev_disk_request *r, int64_t answer)
{
	if (answer == -EINVAL && file->direct >= 0 &&
	    !(r->private_[1] & CACHED)) {
		r->private_[1] |= CACHED;
		return true;
	}
	if (answer != -EINTR && answer != -EAGAIN)
		return false;
	r->private_[1] += RETRY_ONE;
	return r->private_[1] < RETRY_LIMIT;
}

bool virtdev_priv_file_outcome(struct virtdev_priv_file *file,
			       struct virtdev_disk_request *r, int64_t answer)
{
	uint32_t kind = steps[stage_of(r)].kind;

	if (answer < 0 && may_retry(file, r, answer))
		return false;
	if (kind == VIRTDEV_PRIV_STEP_FDATASYNC)
		return flush_done(file, r, answer);
	if (kind == VIRTDEV_PRIV_STEP_FALLOCATE)
		return answer >= 0 ? punch_done(r) :
		       is_refusal(answer) ? stage_refused(file, r, answer) :
		       request_finish(r, answer);
	return answer < 0 ? request_finish(r, answer) :
	       transfer_done(r, (uint64_t)answer);
}
