/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An overlay as a disk: reads clusters from the overlay or else from the base, and fills a
 * cluster of the overlay before the first write to a part of it. Executes system calls on
 * the queue's thread.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "disk/identity.h"
#include "disk/now.h"
#include "disk/overlay.h"
#include "disk/priv.h"

#define CLUSTER VIRTDEV_PRIV_CLUSTER

/*
 * The next part of a request, within clusters that are all in the overlay or all not; at
 * most max bytes, which is at least a cluster.
 */
struct part {
	uint64_t pos, len;
	bool here;		/* in the overlay */
};

static struct part next_part(const struct virtdev_priv_overlay *o,
			     const struct virtdev_disk_request *r, uint64_t max)
{
	struct part p = { .pos = r->offset + r->private_[0] };
	const uint64_t left = r->len - r->private_[0];

	p.here = virtdev_priv_overlay_has(o, p.pos);
	p.len = CLUSTER - p.pos % CLUSTER;
	while (p.len < left && p.len + CLUSTER <= max &&
	       virtdev_priv_overlay_has(o, p.pos + p.len) == p.here)
		p.len += CLUSTER;
	if (p.len > left)
		p.len = left;
	return p;
}

/* Transfers whole pieces that fit into len, or a part of the first one. */
static int64_t transfer_pieces(const struct virtdev_disk_request *r, int fd, uint64_t pos,
			uint64_t len)
{
	const bool reads = r->op == VIRTDEV_DISK_READ;
	uint64_t sum = r->iov->iov_len;
	uint32_t n = 1;
	ssize_t rc;

	while (n < r->niov && n < IOV_MAX && sum + r->iov[n].iov_len <= len)
		sum += r->iov[n++].iov_len;
	if (sum > len)
		rc = reads ? pread(fd, r->iov->iov_base, len, (off_t)pos) :
		     pwrite(fd, r->iov->iov_base, len, (off_t)pos);
	else
		rc = reads ? preadv(fd, r->iov, (int)n, (off_t)pos) :
		     pwritev(fd, r->iov, (int)n, (off_t)pos);
	return rc < 0 ? -errno : !rc ? -EIO : rc;
}

/* Advances the request by n complete bytes. True: the request is complete. */
static bool advance_request(struct virtdev_disk_request *r, uint64_t n)
{
	r->private_[0] += n;
	if (r->private_[0] == r->len) {
		r->result = 0;
		return true;
	}
	if (r->op == VIRTDEV_DISK_READ || r->op == VIRTDEV_DISK_WRITE)
		virtdev_priv_advance_pieces(r, n);
	return false;
}

/* -EINTR: the next step repeats this one. */
static bool part_done(struct virtdev_disk_request *r, int64_t n)
{
	if (n == -EINTR)
		return false;
	if (n < 0) {
		r->result = (int32_t)n;
		return true;
	}
	return advance_request(r, (uint64_t)n);
}

/* ------------------------------------------------------------------- reading */

/* A disk that was enlarged has zeros behind its base. */
static int64_t read_zeros(const struct virtdev_disk_request *r, uint64_t len)
{
	if (len > r->iov->iov_len)
		len = r->iov->iov_len;
	memset(r->iov->iov_base, 0, len);
	return (int64_t)len;
}

static int64_t read_part(const struct virtdev_priv_overlay *o,
			 const struct virtdev_disk_request *r, const struct part *p)
{
	if (p->here)
		return transfer_pieces(r, o->fd, o->data + p->pos, p->len);
	if (p->pos >= o->base_bytes)
		return read_zeros(r, p->len);
	return transfer_pieces(r, o->base->fd, p->pos, p->len < o->base_bytes - p->pos ?
			p->len : o->base_bytes - p->pos);
}

/* ------------------------------------------------------------------- filling */

/* Copies the cluster at pos from the base; 0: no byte of the request is complete. */
static int64_t copy_cluster(struct virtdev_priv_overlay *o, uint64_t pos)
{
	char cluster[CLUSTER] = { 0 };
	uint64_t left;
	int rc;

	pos -= pos % CLUSTER;
	left = pos < o->base_bytes ? o->base_bytes - pos : 0;
	rc = virtdev_priv_read_all(o->base->fd, cluster,
					left < CLUSTER ? left : CLUSTER, pos);
	if (rc == -ENODATA)	/* another process truncated it */
		rc = -EIO;
	if (!rc)
		rc = virtdev_priv_overlay_pwrite(o->fd, cluster, CLUSTER, o->data + pos);
	if (!rc)
		virtdev_priv_overlay_show(o, pos, CLUSTER);
	return rc;
}

/* Zeroes a range; by a hole if the guest permits it and the file system can. */
static int64_t zero_range(const struct virtdev_priv_overlay *o,
			  const struct virtdev_disk_request *r, const struct part *p)
{
	const bool punch = r->op == VIRTDEV_DISK_DISCARD || r->may_unmap;
	const off_t at = (off_t)(o->data + p->pos);
	ssize_t n;

	if (punch && !fallocate(o->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
				(off_t)p->len))
		return (int64_t)p->len;
	if (punch && errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	n = pwrite(o->fd, o->base->zeros, p->len, at);
	return n < 0 ? -errno : !n ? -EIO : n;
}

static int64_t store_part(const struct virtdev_priv_overlay *o,
		     const struct virtdev_disk_request *r, const struct part *p)
{
	return r->op == VIRTDEV_DISK_WRITE ?
	       transfer_pieces(r, o->fd, o->data + p->pos, p->len) : zero_range(o, r, p);
}

/*
 * Fills clusters that are not in the overlay: whole ones by the request, or the first one
 * by a copy.
 */
static int64_t fill_part(struct virtdev_priv_overlay *o, const struct virtdev_disk_request *r,
		    struct part *p)
{
	int64_t n;

	if (p->pos % CLUSTER || p->len < CLUSTER)
		return copy_cluster(o, p->pos);
	p->len -= p->len % CLUSTER;
	n = store_part(o, r, p);
	if (n < 0)
		return n;
	if (n < CLUSTER)
		return copy_cluster(o, p->pos);
	n -= n % CLUSTER;
	virtdev_priv_overlay_show(o, p->pos, (uint64_t)n);
	return n;
}

static int64_t write_part(struct virtdev_priv_overlay *o,
			  const struct virtdev_disk_request *r, struct part *p, uint64_t max)
{
	int64_t n;

	if (p->here)
		return store_part(o, r, p);
	pthread_mutex_lock(&o->lock);
	*p = next_part(o, r, max);	/* another thread may have filled it */
	n = p->here ? store_part(o, r, p) : fill_part(o, r, p);
	pthread_mutex_unlock(&o->lock);
	return n;
}

/* ---------------------------------------------------------- operations of a disk */

static int overlay_submit(void *self, void *channel, struct virtdev_disk_request *r)
{
	(void)self;
	r->private_[0] = 0;
	r->result = 0;
	virtdev_priv_now_add(channel, r, r->op == VIRTDEV_DISK_FLUSH || r->len);
	return 0;
}

static bool overlay_step(void *self, struct virtdev_disk_request *r, uint64_t *budget)
{
	const uint64_t max = VIRTDEV_PRIV_STEP_MAX;
	struct virtdev_priv_overlay *o = self;
	struct part p;

	if (r->op == VIRTDEV_DISK_FLUSH) {
		r->result = virtdev_priv_overlay_flush(o);
		return true;
	}
	p = next_part(o, r, max);
	virtdev_priv_spend(budget, p.len < CLUSTER ? CLUSTER : p.len);
	return part_done(r, r->op == VIRTDEV_DISK_READ ? read_part(o, r, &p) :
		       write_part(o, r, &p, max));
}

static int overlay_kick(void *self, void *channel, uint64_t *budget)
{
	return virtdev_priv_now_kick(self, channel, budget, overlay_step);
}

static int overlay_resize(void *self, uint64_t bytes, uint64_t *capacity,
			  struct vsu_error *err)
{
	struct virtdev_priv_overlay *o = self;
	int rc = bytes ? virtdev_priv_overlay_grow(o, bytes, err) :
		 vsu_error_set(err, -EINVAL, "a disk with an overlay does not follow the size of a file; specify the size");

	if (!rc)
		*capacity = bytes;
	return rc;
}

/*
 * An error here means that unflushed writes are lost. A caller to whom they matter flushes
 * before.
 */
static void overlay_free(void *self)
{
	struct virtdev_priv_overlay *o = self;

	if (o->data)
		(void)!virtdev_priv_overlay_flush(o);
	virtdev_priv_file_free(o->base);
	vsu_fd_close(&o->fd);
	pthread_mutex_destroy(&o->lock);
	pthread_mutex_destroy(&o->flush_lock);
	free(o->path);
	free(o->map);
	free(o->stable);
	free(o->dirty);
	free(o);
}

/* ----------------------------------------------------------------- hand-over */

static int overlay_lock(struct virtdev_disk *disk, bool locked, struct vsu_error *err)
{
	struct virtdev_priv_overlay *o = disk->self;
	int rc;

	virtdev_priv_file_unlock(o->base->fd);
	virtdev_priv_file_unlock(o->fd);
	if (!locked)
		return 0;
	rc = virtdev_priv_file_lock(o->base->fd, true, o->base->path, err);
	if (!rc && !o->temporary)
		rc = virtdev_priv_file_lock(o->fd, false, o->path, err);
	/* The process that had the lock may have filled clusters. */
	if (!rc && !o->temporary)
		rc = virtdev_priv_overlay_load(o, false, &disk->capacity, err);
	if (rc < 0) {
		virtdev_priv_file_unlock(o->base->fd);
		virtdev_priv_file_unlock(o->fd);
	}
	return rc;
}

static int overlay_flush(struct virtdev_disk *disk, struct vsu_error *err)
{
	struct virtdev_priv_overlay *o = disk->self;
	int rc;

	if (o->temporary)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the changes of '%s' are in a temporary file that ends with this program (snapshot=on); use an overlay with a name",
				     o->base->path);
	rc = virtdev_priv_overlay_flush(o);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot flush '%s'", o->path) : 0;
}

/* The disk has the content of its base until the first write. */
static int overlay_identify(const struct virtdev_disk *disk,
			    struct virtdev_disk_identity *out, struct vsu_error *err)
{
	const struct virtdev_priv_overlay *o = disk->self;
	struct stat st;

	if (virtdev_priv_overlay_is_empty(o))
		return virtdev_priv_identify(o->base->fd, o->base_bytes, o->base->path,
					     out, err);
	if (fstat(o->fd, &st) < 0)
		return vsu_error_sys(err, -errno, "cannot inspect '%s'", o->path);
	return virtdev_priv_identify(o->fd, (uint64_t)st.st_size, o->path, out, err);
}

static const struct virtdev_priv_hand_over hand_over = {
	overlay_lock, overlay_flush, overlay_identify,
};

/* ------------------------------------------------------------------- opening */

static const struct virtdev_disk_ops ops = {
	.size = sizeof(ops),
	.name = "overlay",
	.channel_open = virtdev_priv_now_channel_open,
	.channel_close = virtdev_priv_now_channel_close,
	.channel_fd = virtdev_priv_now_channel_fd,
	.submit = overlay_submit,
	.kick = overlay_kick,
	.reap = virtdev_priv_now_reap,
	.free = overlay_free,
	.resize = overlay_resize,
};

static int open_temporary(const char *folder, struct vsu_error *err)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? vsu_error_sys(err, -errno, "cannot create a temporary file in '%s'; TMPDIR names another folder", folder) : fd;
}

static int open_files(struct virtdev_priv_overlay *o, const struct virtdev_disk_overlay *how,
		      struct vsu_error *err)
{
	struct virtdev_disk_file file = {
		.size = sizeof(file), .path = how->base, .read_only = true,
		.unlocked = how->unlocked, .block_size = how->block_size,
		.has_fd = how->has_base_fd, .fd = how->base_fd,
	};
	int rc = virtdev_priv_file_open(&file, &o->base, err);

	if (rc < 0)
		return rc;
	o->base_bytes = o->base->info.capacity;
	o->path = strdup(how->path ? how->path : how->folder);
	if (!o->path)
		return vsu_error_sys(err, -ENOMEM, "overlay");
	o->temporary = !how->path;
	file.path = how->path;
	file.read_only = false;
	file.has_fd = how->has_fd;
	file.fd = how->fd;
	o->fd = rc = o->temporary ? open_temporary(how->folder, err) :
		     virtdev_priv_file_open_fd(&file, err);
	if (rc == -ENOENT && !o->temporary)
		return vsu_error_set(err, rc, "no such file: overlay '%s'; an empty file becomes an overlay, and touch makes one",
				     o->path);
	if (rc >= 0 && vsu_fd_kind(o->fd) != VSU_FD_REGULAR)
		rc = vsu_error_set(err, -ENODEV, "overlay '%s' is not a regular file", o->path);
	return rc < 0 ? rc : 0;
}

static int make_disk(struct virtdev_priv_overlay *o, const struct virtdev_disk_overlay *how,
		     struct virtdev_disk **out, struct vsu_error *err)
{
	struct virtdev_disk_info info;
	int rc = open_files(o, how, err);

	if (rc < 0)
		return rc;
	info = o->base->info;
	rc = virtdev_priv_overlay_load(o, o->temporary || how->may_init, &info.capacity, err);
	if (rc < 0)
		return rc;
	info.capacity -= info.capacity % info.block_size;
	info.read_only = 0;
	info.can_discard = 1;
	info.can_zero = 1;
	info.blocks = 1;
	if (info.physical_block_size < CLUSTER)
		info.physical_block_size = CLUSTER;
	rc = virtdev_disk_new(&ops, &info, o, out);
	if (rc < 0)
		return vsu_error_sys(err, rc, "overlay '%s'", o->path);
	(*out)->hand_over = &hand_over;
	return 0;
}

int virtdev_disk_overlay_open(const struct virtdev_disk_overlay *overlay,
			      struct virtdev_disk **out, struct vsu_error *err)
{
	struct virtdev_disk_overlay how = { 0 };
	struct virtdev_priv_overlay *o;
	int rc = vsu_copy_sized(&how, sizeof(how), overlay, "struct virtdev_disk_overlay", err);

	if (rc < 0)
		return rc;
	if (!how.base || !how.path == !how.folder)
		return vsu_error_set(err, -EINVAL, "overlay: a base, and either a path or a folder");
	o = calloc(1, sizeof(*o));
	if (!o)
		return vsu_error_sys(err, -ENOMEM, "cannot open '%s'", how.base);
	o->fd = -1;
	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->flush_lock, NULL);
	rc = make_disk(o, &how, out, err);
	if (rc < 0) {
		o->data = 0;	/* nothing to flush */
		overlay_free(o);
	}
	return rc;
}
