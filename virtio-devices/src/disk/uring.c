/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The io_uring engine: requests are queued without a system call, submitted by one system
 * call per kick, and reaped from memory. The only file that uses liburing.
 *
 * IORING_SETUP_SINGLE_ISSUER is not used: it would bind a channel to one thread forever,
 * while disk.h requires only one thread at a time, and it has no benefit without deferred
 * completion. The image is not registered: the kernel destroys a closed ring with a
 * delay, and until then would hold the image and its lock.
 */
#include <config.h>

#include "disk/file.h"
#include "disk/restrict.h"

#ifdef HAVE_LIBURING

#include <errno.h>
#include <liburing.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <vmm-sys-util/fd.h>

/* Missing in older kernel headers. */
#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

/* Since Linux 5.18 and 5.19; older headers lack them. */
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#endif

/*
 * Maximum entries of a ring. The kernel needs about 10 ms to allocate and clear 32768
 * entries, and a driver can start 256 queues at once.
 */
#define MAX_ENTRIES 1024u

struct channel {
	struct io_uring ring;
	unsigned int flying;	/* in the kernel; bounded by the completion ring */
	struct virtdev_priv_list queued;   /* submitted by the next kick */
	struct virtdev_priv_list finished; /* completed without the kernel */
};

/*
 * COOP_TASKRUN: completions run at the next system call instead of interrupting the
 * thread. SUBMIT_ALL: an entry that fails at once does not stop the submission of the
 * entries after it. R_DISABLED (Linux 5.10): the ring rejects all requests until
 * virtdev_priv_ring_restrict().
 */
static int make_ring(struct io_uring *ring, uint32_t depth)
{
	static const unsigned int flags[] = {
		IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED |
			IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED,
	};
	int rc = -EINVAL;
	size_t i;

	for (i = 0; rc == -EINVAL && i < sizeof(flags) / sizeof(*flags); i++) {
		struct io_uring_params params = { .flags = flags[i] };

		rc = io_uring_queue_init_params(depth, ring, &params);
	}
	return rc;
}

static int init_ring(struct io_uring *ring, uint32_t depth)
{
	int rc = make_ring(ring, depth);

	if (rc < 0)
		return rc;
	rc = virtdev_priv_ring_restrict(ring->ring_fd);
	if (rc < 0)
		io_uring_queue_exit(ring);
	return rc < 0 ? rc : 0;
}

static int uring_channel_open(void *self, uint32_t depth, void **channel,
			      struct vsu_error *err)
{
	struct channel *c = calloc(1, sizeof(*c));
	int rc;

	(void)self;
	if (!c)
		return vsu_error_sys(err, -ENOMEM, "disk channel");
	rc = init_ring(&c->ring, depth < MAX_ENTRIES ? depth : MAX_ENTRIES);
	if (rc < 0) {
		free(c);
		return vsu_error_sys(err, rc,
				     "cannot set up io_uring for %u requests",
				     depth);
	}
	*channel = c;
	return 0;
}

static void uring_channel_close(void *self, void *channel)
{
	struct channel *c = channel;

	(void)self;
	io_uring_queue_exit(&c->ring);
	free(c);
}

static int uring_channel_fd(void *self, void *channel)
{
	struct channel *c = channel;

	(void)self;
	return c->ring.ring_fd;
}

/* A single buffer is passed directly: the kernel copies vectors. */
static bool is_single(const struct virtdev_priv_step *step)
{
	return step->niov == 1;
}

static void sqe_prepare(const struct virtdev_priv_file *file,
			const struct virtdev_disk_request *r,
			const struct virtdev_priv_step *step,
			struct io_uring_sqe *sqe)
{
	const int fd = step->fd;

	switch ((enum virtdev_priv_step_kind)step->kind) {
	case VIRTDEV_PRIV_STEP_READV:
		if (is_single(step))
			io_uring_prep_read(sqe, fd, r->iov->iov_base,
					   (unsigned int)step->len,
					   step->pos);
		else
			io_uring_prep_readv(sqe, fd, r->iov, step->niov,
					    step->pos);
		break;
	case VIRTDEV_PRIV_STEP_WRITEV:
		if (is_single(step))
			io_uring_prep_write(sqe, fd, r->iov->iov_base,
					    (unsigned int)step->len,
					    step->pos);
		else
			io_uring_prep_writev(sqe, fd, r->iov, step->niov,
					     step->pos);
		break;
	case VIRTDEV_PRIV_STEP_WRITE:
		io_uring_prep_write(sqe, fd, file->zeros,
				    (unsigned int)step->len, step->pos);
		break;
	case VIRTDEV_PRIV_STEP_FDATASYNC:
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
		break;
	case VIRTDEV_PRIV_STEP_FALLOCATE:
		io_uring_prep_fallocate(sqe, fd, step->mode, (off_t)step->pos,
					(off_t)step->len);
		break;
	}
}

static int uring_submit(void *self, void *channel,
			struct virtdev_disk_request *request)
{
	struct channel *c = channel;

	if (virtdev_priv_file_begin(self, request))
		virtdev_priv_list_add(&c->queued, request);
	else
		virtdev_priv_list_add(&c->finished, request);
	return 0;
}

static bool is_full(const struct channel *c)
{
	return c->flying == *c->ring.cq.kring_entries;
}

/*
 * Fills the submission queue with the next steps, up to the turn's budget: the kernel
 * copies from the page cache within the submitting call. IOSQE_ASYNC moves steps that
 * may block there to a kernel thread.
 */
static void fill_ring(const struct virtdev_priv_file *file, struct channel *c,
		      uint64_t *budget)
{
	struct virtdev_disk_request *r;
	struct virtdev_priv_step step;
	struct io_uring_sqe *sqe;

	while (*budget && c->queued.first && !is_full(c) &&
	       (sqe = io_uring_get_sqe(&c->ring))) {
		c->flying++;
		r = virtdev_priv_list_take(&c->queued);
		virtdev_priv_file_step(file, r, &step);
		virtdev_priv_spend(budget, step.cost);
		sqe_prepare(file, r, &step, sqe);
		if (file->waits)
			io_uring_sqe_set_flags(sqe, DISK_RING_SQE_FLAGS);
		io_uring_sqe_set_data(sqe, r);
	}
}

/*
 * If memory is short, the kernel accepts only some entries; the others remain in the
 * submission queue, in order, for the next kick. Returns 1 also for requests that
 * completed without the kernel, because no descriptor signals them. If the ring is full,
 * its descriptor becomes readable, and the kick after that submits the rest.
 */
static int uring_kick(void *self, void *channel, uint64_t *budget)
{
	struct channel *c = channel;
	int rc, some = 0;

	fill_ring(self, c, budget);
	while (io_uring_sq_ready(&c->ring)) {
		rc = io_uring_submit(&c->ring);
		if (rc <= 0 && rc != -EINTR)
			return -EAGAIN;
		some = 1;
	}
	if (c->queued.first && !is_full(c))
		return -EAGAIN;
	return some || c->finished.first;
}

static struct virtdev_disk_request *uring_reap(void *self, void *channel)
{
	struct channel *c = channel;
	struct virtdev_disk_request *r;
	struct io_uring_cqe *cqe;
	int answer;

	r = virtdev_priv_list_take(&c->finished);
	while (!r && io_uring_peek_cqe(&c->ring, &cqe) == 0) {
		r = io_uring_cqe_get_data(cqe);
		answer = cqe->res;
		io_uring_cqe_seen(&c->ring, cqe);
		c->flying--;
		if (virtdev_priv_file_outcome(self, r, answer))
			return r;
		virtdev_priv_list_add(&c->queued, r);
		r = NULL;
	}
	return r;
}

static int uring_resize(void *self, uint64_t bytes, uint64_t *capacity,
			struct vsu_error *err)
{
	return virtdev_priv_file_resize(self, bytes, capacity, err);
}

static void uring_free(void *self)
{
	virtdev_priv_file_free(self);
}

static const struct virtdev_disk_ops uring_ops = {
	.size = sizeof(uring_ops),
	.name = "io_uring",
	.channel_open = uring_channel_open,
	.channel_close = uring_channel_close,
	.channel_fd = uring_channel_fd,
	.submit = uring_submit,
	.kick = uring_kick,
	.reap = uring_reap,
	.free = uring_free,
	.resize = uring_resize,
};

/* -EOPNOTSUPP: the kernel lacks a required operation. */
static int check_operations(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	int rc = probe ? 0 : -EOPNOTSUPP;
	size_t i;

	for (i = 0; !rc && i < DISK_RING_OPERATIONS; i++) {
		if (!io_uring_opcode_supported(probe,
					       virtdev_priv_ring_operations[i]))
			rc = -EOPNOTSUPP;
	}
	io_uring_free_probe(probe);
	return rc;
}

/*
 * Reports all causes of refusal as one: no or too old io_uring in the kernel, a seccomp
 * filter, or the io_uring_disabled sysctl.
 */
static int check_host(struct vsu_error *err)
{
	struct io_uring ring;
	char text[80];
	int rc = make_ring(&ring, 1);

	if (rc == -EMFILE || rc == -ENFILE)
		return vsu_error_sys(err, rc, "cannot set up io_uring");
	if (!rc) {
		rc = check_operations(&ring);
		rc = rc ? rc : virtdev_priv_ring_restrict(ring.ring_fd);
		io_uring_queue_exit(&ring);
	}
	if (!rc)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "this host refuses io_uring (%s); use the synchronous engine",
			     vsu_strerror(rc, text, sizeof(text)));
}

/*
 * During submission the kernel calls file systems in non-blocking mode. FUSE and network
 * file systems may block the thread nevertheless. Block devices and the listed file
 * systems do not.
 */
static bool may_wait(int fd)
{
	static const uint32_t listeners[] = {
		BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC,
		RAMFS_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC,
	};
	struct statfs fs;
	size_t i;

	if (vsu_fd_kind(fd) == VSU_FD_BLOCK)
		return false;
	if (fstatfs(fd, &fs) < 0)
		return true;
	for (i = 0; i < sizeof(listeners) / sizeof(*listeners); i++) {
		if ((uint32_t)fs.f_type == listeners[i])
			return false;
	}
	return true;
}

int virtdev_priv_disk_uring_new(struct virtdev_priv_file *file,
				struct virtdev_disk **out,
				struct vsu_error *err)
{
	int rc = check_host(err);

	if (rc < 0)
		return rc;
	file->info.blocks = 0;
	file->waits = may_wait(file->fd);
	rc = virtdev_disk_new(&uring_ops, &file->info, file, out);
	return rc < 0 ? vsu_error_sys(err, rc, "io_uring disk") : 0;
}

#else /* !HAVE_LIBURING */

#include <errno.h>

int virtdev_priv_disk_uring_new(struct virtdev_priv_file *file,
				struct virtdev_disk **out,
				struct vsu_error *err)
{
	(void)file;
	(void)out;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "built without io_uring; use the synchronous engine");
}

#endif
