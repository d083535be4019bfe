/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The io_uring disk: requests are queued without a system call, handed over
 * by one per kick, and collected from memory. The only file that uses liburing.
 *
 * The ring is not made SINGLE_ISSUER: that would tie a channel to one thread
 * for ever, where disk.h says one at a time, and without deferred completion
 * work the kernel gains nothing from it. The image is not registered with it:
 * a ring goes away some time after it was closed, and would hold the image,
 * and with it our lock, until then.
 */
#include <config.h>

#include "disk/image.h"

#ifdef HAVE_LIBURING

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

/* Since Linux 5.18 and 5.19; older headers lack them. */
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#endif

struct channel {
	struct io_uring ring;
	struct virtdev_priv_list finished; /* without asking the kernel */
};

/*
 * COOP_TASKRUN: completions wait for our next system call instead of
 * interrupting us. SUBMIT_ALL: a request that fails at once does not keep the
 * ones behind it from the kernel.
 */
static int init_ring(struct io_uring *ring, uint32_t depth)
{
	static const unsigned int flags[] = {
		IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
			IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_CLAMP,
	};
	int rc = -EINVAL;
	size_t i;

	for (i = 0; rc == -EINVAL && i < sizeof(flags) / sizeof(*flags); i++) {
		struct io_uring_params params = { .flags = flags[i] };

		rc = io_uring_queue_init_params(depth, ring, &params);
	}
	return rc;
}

static int uring_channel_open(void *self, uint32_t depth, void **channel,
			      struct vsu_error *err)
{
	struct channel *c = calloc(1, sizeof(*c));
	int rc;

	(void)self;
	if (!c)
		return vsu_error_sys(err, -ENOMEM, "disk channel");
	rc = init_ring(&c->ring, depth);
	if (rc < 0) {
		free(c);
		return vsu_error_sys(err, rc, "cannot set up io_uring");
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

/* The kernel copies a vector, and keeps the copy when it cannot do it now. */
static bool is_single(const struct virtdev_disk_request *r)
{
	return r->niov == 1;
}

static void prepare(const struct virtdev_priv_file *file,
		    const struct virtdev_disk_request *r,
		    const struct virtdev_priv_step *step,
		    struct io_uring_sqe *sqe)
{
	int fd = file->fd;

	switch ((enum virtdev_priv_step_kind)step->kind) {
	case VIRTDEV_PRIV_STEP_READV:
		if (is_single(r))
			io_uring_prep_read(sqe, fd, r->iov->iov_base,
					   (unsigned int)r->iov->iov_len,
					   step->pos);
		else
			io_uring_prep_readv(sqe, fd, r->iov, r->niov,
					    step->pos);
		break;
	case VIRTDEV_PRIV_STEP_WRITEV:
		if (is_single(r))
			io_uring_prep_write(sqe, fd, r->iov->iov_base,
					    (unsigned int)r->iov->iov_len,
					    step->pos);
		else
			io_uring_prep_writev(sqe, fd, r->iov, r->niov,
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

/* The next step of a request into the submission queue. */
static int queue_step(const struct virtdev_priv_file *file, struct channel *c,
		      struct virtdev_disk_request *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&c->ring);
	struct virtdev_priv_step step;

	if (!sqe)
		return -EAGAIN;
	virtdev_priv_file_step(file, r, &step);
	prepare(file, r, &step, sqe);
	io_uring_sqe_set_data(sqe, r);
	return 0;
}

static int uring_submit(void *self, void *channel,
			struct virtdev_disk_request *request)
{
	struct channel *c = channel;

	if (virtdev_priv_file_begin(self, request))
		return queue_step(self, c, request);
	virtdev_priv_list_add(&c->finished, request);
	return 0;
}

/*
 * The kernel may take only some, when memory is short; the others stay in the
 * submission queue, in order, and go with the next kick.
 */
static int uring_kick(void *self, void *channel)
{
	struct channel *c = channel;
	int rc, some = 0;

	(void)self;
	while (io_uring_sq_ready(&c->ring)) {
		rc = io_uring_submit(&c->ring);
		if (rc <= 0 && rc != -EINTR)
			return -EAGAIN;
		some = 1;
	}
	return some;
}

/*
 * A request has one entry in the submission queue at a time, and the queue has
 * room for as many as the channel was opened for: the next step always fits.
 */
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
		if (virtdev_priv_file_outcome(self, r, answer))
			return r;
		if (queue_step(self, c, r) < 0)
			r->result = -EIO;
		else
			r = NULL;
	}
	return r;
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
};

/* All operations that requests are made of, or -EOPNOTSUPP. */
static int check_operations(struct io_uring *ring)
{
	static const int needed[] = {
		IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_READ,
		IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	};
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	int rc = probe ? 0 : -EOPNOTSUPP;
	size_t i;

	for (i = 0; !rc && i < sizeof(needed) / sizeof(*needed); i++) {
		if (!io_uring_opcode_supported(probe, needed[i]))
			rc = -EOPNOTSUPP;
	}
	io_uring_free_probe(probe);
	return rc;
}

/*
 * Whether this host lets us: a kernel without it or too old, a seccomp filter
 * or the io_uring_disabled setting all come out as one refusal.
 */
static int check_host(struct vsu_error *err)
{
	struct io_uring ring;
	char text[80];
	int rc = init_ring(&ring, 1);

	if (rc == -EMFILE || rc == -ENFILE)
		return vsu_error_sys(err, rc, "cannot set up io_uring");
	if (!rc) {
		rc = check_operations(&ring);
		io_uring_queue_exit(&ring);
	}
	if (!rc)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "this host refuses io_uring (%s); use the synchronous engine",
			     vsu_strerror(rc, text, sizeof(text)));
}

int virtdev_priv_disk_uring_new(struct virtdev_priv_file *file,
				struct virtdev_disk **out,
				struct vsu_error *err)
{
	int rc = check_host(err);

	if (rc < 0)
		return rc;
	file->info.blocks = 0;
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
