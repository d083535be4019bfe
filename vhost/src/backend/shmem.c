/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared memory regions: their sizes, and requests to map into them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "backend/priv.h"
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* regions */

static int copy_sizes(uint64_t to[VHOST_USER_MAX_SHMEM], const uint64_t *sizes,
		      uint32_t n, struct vsu_error *err)
{
	uint32_t i;

	if (n > VHOST_USER_MAX_SHMEM)
		return vsu_error_set(err, -EINVAL,
				     "%u shared memory regions, the limit is %u",
				     n, VHOST_USER_MAX_SHMEM);
	if (n && !sizes)
		return vsu_error_set(err, -EINVAL,
				     "%u shared memory regions without sizes",
				     n);
	for (i = 0; i < n; i++) {
		if (!vsu_is_aligned(sizes[i], page_size()))
			return vsu_error_set(err, -EINVAL,
					     "shared memory region %u has %" PRIu64 " bytes, which is not a multiple of the page size",
					     i, sizes[i]);
		to[i] = sizes[i];
	}
	return 0;
}

int vhost_user_priv_shmem_init(struct vhost_user_backend *b,
			       struct vsu_error *err)
{
	struct vhost_user_backend_config *c = &b->config;
	int rc = copy_sizes(b->shmem.sizes, c->shmem_sizes, c->nshmem, err);

	c->shmem_sizes = b->shmem.sizes;
	return rc;
}

static int get_config(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_shmem_config *c = &msg->payload.shmem;
	uint32_t i;

	(void)err;
	memset(c, 0, sizeof(*c));
	for (i = 0; i < b->config.nshmem; i++) {
		c->sizes[i] = b->shmem.sizes[i];
		c->nregions += c->sizes[i] != 0;
	}
	msg->hdr.size = sizeof(*c);
	return 0;
}

/* requests */

static int check_range(const uint64_t *sizes,
		       const struct vhost_user_shmem_request *r,
		       struct vsu_error *err)
{
	uint64_t size = sizes[r->shmid], mask = page_size();

	if (!size)
		return vsu_error_set(err, -EINVAL,
				     "the device has no shared memory region %u",
				     r->shmid);
	if (r->len == 0 || vsu_range_exceeds(r->offset, r->len, size))
		return vsu_error_set(err, -EINVAL,
				     "%#" PRIx64 " bytes at %#" PRIx64 " are not within region %u of %#" PRIx64 " bytes",
				     r->len, r->offset, r->shmid, size);
	if (!vsu_is_aligned(r->offset | r->len | r->fd_offset, mask))
		return vsu_error_set(err, -EINVAL,
				     "%#" PRIx64 " bytes at %#" PRIx64 " of region %u, from %#" PRIx64 " of the file, are not whole pages",
				     r->len, r->offset, r->shmid, r->fd_offset);
	return 0;
}

static int check_map(const uint64_t *sizes,
		     const struct vhost_user_shmem_request *r,
		     struct vsu_error *err)
{
	int rc = check_range(sizes, r, err);

	if (rc == 0 && r->fd < 0)
		rc = vsu_error_set(err, -EINVAL,
				   "a mapping needs a descriptor");
	return rc;
}

static void shmem_answered(struct vhost_user_backend *b, uint64_t cookie,
			   int result, int fd)
{
	(void)fd;
	b->ops.shmem_result(b->opaque, cookie, result);
}

static const struct vhost_user_priv_ask map_request = {
	.request = VHOST_USER_BACKEND_SHMEM_MAP, .answered = shmem_answered,
};
static const struct vhost_user_priv_ask unmap_request = {
	.request = VHOST_USER_BACKEND_SHMEM_UNMAP, .may_wait = true,
	.answered = shmem_answered,
};

int vhost_user_backend_shmem_map(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err)
{
	const struct vhost_user_shmem_mmap payload = {
		.shmid = request->shmid,
		.fd_offset = request->fd_offset,
		.shm_offset = request->offset,
		.len = request->len,
		.flags = request->writable ? VHOST_USER_SHMEM_RW : 0,
	};
	int rc = vhost_user_priv_backend_channel_check(b, &map_request, err);

	if (rc == 0)
		rc = check_map(b->shmem.sizes, request,
						     err);
	if (rc < 0)
		return rc;
	return vhost_user_priv_backend_channel_ask(b, &map_request, &payload,
						   sizeof(payload),
						   &request->fd, cookie, err);
}

int vhost_user_backend_shmem_unmap(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err)
{
	const struct vhost_user_shmem_mmap payload = {
		.shmid = request->shmid,
		.shm_offset = request->offset,
		.len = request->len,
	};
	int rc = vhost_user_priv_backend_channel_check(b, &unmap_request, err);

	if (rc == 0)
		rc = check_range(b->shmem.sizes, request, err);
	if (rc < 0)
		return rc;
	return vhost_user_priv_backend_channel_ask(b, &unmap_request, &payload,
						   sizeof(payload), NULL,
						   cookie, err);
}

void vhost_user_backend_shmem_hold(struct vhost_user_backend *b)
{
	b->asks.held = true;
}

void vhost_user_backend_shmem_release(struct vhost_user_backend *b)
{
	b->asks.held = false;
	vhost_user_priv_backend_channel_send_waiting(b);
}

/* from other threads */

int vhost_user_backend_shmem_post(struct vhost_user_backend *b, bool map,
		const struct vhost_user_shmem_request *request, uint64_t cookie)
{
	struct vhost_user_priv_posts *p = &b->shmem.posts;
	struct vhost_user_priv_post post = { *request, cookie, map };
	bool full, first;

	if (!b->config.nshmem || !b->ops.shmem_result)
		return -EOPNOTSUPP;
	post.request.fd = map ? vsu_fd_dup(request->fd) : -1;
	if (map && post.request.fd < 0)
		return post.request.fd;
	pthread_mutex_lock(&p->lock);
	full = p->n == VHOST_USER_PRIV_MAX_ASKED;
	first = p->n == 0;
	if (!full) {
		p->slots[(p->first + p->n) % VHOST_USER_PRIV_MAX_ASKED] = post;
		__atomic_store_n(&p->n, p->n + 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&p->lock);
	if (full) {
		vsu_fd_close(&post.request.fd);
		return -EAGAIN;
	}
	/* one signal for all posts until the next dispatch */
	return first ? vsu_event_signal_own(b->wait.event) : 0;
}

static bool pop_post(struct vhost_user_backend *b,
		     struct vhost_user_priv_post *post)
{
	struct vhost_user_priv_posts *p = &b->shmem.posts;
	bool some;

	pthread_mutex_lock(&p->lock);
	some = p->n > 0;
	if (some) {
		*post = p->slots[p->first];
		p->first = (p->first + 1) % VHOST_USER_PRIV_MAX_ASKED;
		__atomic_store_n(&p->n, p->n - 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&p->lock);
	return some;
}

/* Every result is reported; a sentence only for an invalid request. */
static void send_post(struct vhost_user_backend *b,
		      struct vhost_user_priv_post *post)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = post->map ?
		 vhost_user_backend_shmem_map(b, &post->request, post->cookie,
					      &err) :
		 vhost_user_backend_shmem_unmap(b, &post->request, post->cookie,
						&err);

	vsu_fd_close(&post->request.fd);
	if (rc == 0)
		return;		/* the reply's result is reported later */
	if (rc < 0)
		vhost_user_priv_report(b, VHOST_USER_NO_REQUEST,
				       VHOST_USER_ALL_RINGS, &err);
	b->ops.shmem_result(b->opaque, post->cookie, rc < 0 ? rc : 0);
}

void vhost_user_priv_shmem_send_posts(struct vhost_user_backend *b)
{
	struct vhost_user_priv_post post;

	while (!vhost_user_priv_is_ending(b) && b->asks.n < VHOST_USER_PRIV_MAX_ASKED &&
	       pop_post(b, &post))
		send_post(b, &post);
}

void vhost_user_priv_shmem_cancel_posts(struct vhost_user_backend *b)
{
	struct vhost_user_priv_post post;

	while (pop_post(b, &post)) {
		vsu_fd_close(&post.request.fd);
		b->ops.shmem_result(b->opaque, post.cookie, -ECANCELED);
	}
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_SHMEM_CONFIG, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_config, NULL },
};

VHOST_USER_PRIV_HANDLERS(shmem_handlers, handlers);
