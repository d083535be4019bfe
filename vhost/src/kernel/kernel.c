/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Life of a device that the kernel serves: opening and closing its node. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-queue/queue.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "kernel/priv.h"

/* Limit of memory regions if the kernel does not report one. */
#define DEFAULT_LIMIT 64u
#define LIMIT_FILE "/sys/module/vhost/parameters/max_mem_regions"

static unsigned int read_limit(void)
{
	char text[16] = "";
	int fd = open(LIMIT_FILE, O_RDONLY | O_CLOEXEC);
	unsigned long n = 0;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		n = strtoul(text, NULL, 10);
	vsu_fd_close(&fd);
	return n && n <= UINT16_MAX ? (unsigned int)n : DEFAULT_LIMIT;
}

static int become_owner(struct vhost_kern *k, struct vsu_error *err)
{
	int rc = vhost_kern_priv_call(k, VHOST_SET_OWNER, NULL);

	if (rc == -ENOTTY)
		return vsu_error_set(err, rc, "'%s' is not a vhost device node",
				     k->name);
	if (rc == -EBUSY)
		return vsu_error_set(err, rc, "'%s': the descriptor already has an owner",
				     k->name);
	if (rc == 0)
		rc = vhost_kern_priv_call(k, VHOST_GET_FEATURES, &k->offered);
	if (rc < 0)
		return vsu_error_sys(err, rc, "'%s'", k->name);
	return k->kind->open(k, err);
}

static void free_device(struct vhost_kern *k)
{
	vsu_fd_close(&k->config.tap_fd);
	vsu_fd_close(&k->log.event_fd);
	free(k->name);
	free(k);
}

static int copy_config(struct vhost_kern *k,
		       const struct vhost_kern_config *config,
		       struct vsu_error *err)
{
	int rc = vsu_copy_sized(&k->config, sizeof(k->config), config,
				"struct vhost_kern_config", err);
	const int tap = k->config.tap_fd;

	k->config.tap_fd = -1;
	if (rc < 0)
		return rc;
	k->kind = vhost_kern_priv_kind(k->config.kind);
	if (!k->kind)
		return vsu_error_set(err, -EINVAL, "kernel vhost: unknown kind %d",
				     (int)k->config.kind);
	k->name = strdup(k->config.node ? k->config.node : k->kind->node);
	k->config.node = NULL;	/* owned by the caller */
	if (k->name && k->config.kind == VHOST_KERN_NET && tap >= 0)
		k->config.tap_fd = rc = vsu_fd_dup(tap);
	if (!k->name || rc < 0)
		return vsu_error_sys(err, k->name ? rc : -ENOMEM,
				     "kernel vhost");
	return 0;
}

static int new_device(const struct vhost_kern_config *config,
		       struct vhost_kern **out, struct vsu_error *err)
{
	struct vhost_kern *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return vsu_error_sys(err, -ENOMEM, "kernel vhost");
	k->fd = k->log.event_fd = -1;
	rc = copy_config(k, config, err);
	if (rc < 0) {
		free_device(k);
		return rc;
	}
	k->limit = read_limit();
	*out = k;
	return 0;
}

int vhost_kern_priv_new_take_fd(int fd, const struct vhost_kern_config *config,
			   struct vhost_kern **out, struct vsu_error *err)
{
	struct vhost_kern *k = NULL;
	int rc = new_device(config, &k, err);

	if (rc < 0)
		return rc;
	k->fd = fd;
	rc = vsu_fd_set_nonblock(fd);
	rc = rc < 0 ? vsu_error_sys(err, rc, "'%s'", k->name) :
		      become_owner(k, err);
	if (rc < 0) {
		free_device(k);
		return rc;
	}
	*out = k;
	return 0;
}

static int open_node(const char *name, struct vsu_error *err)
{
	int fd = open(name, O_RDWR | O_CLOEXEC | O_NONBLOCK), rc = -errno;

	if (fd >= 0)
		return fd;
	switch (-rc) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return vsu_error_set(err, rc,
				     "the host has no '%s'; load the kernel module of that name ('modprobe vhost_net', 'modprobe vhost_vsock')",
				     name);
	case EACCES:
	case EPERM:
		return vsu_error_set(err, rc,
				     "'%s': permission denied; grant this user read and write access, for example by the node's group",
				     name);
	}
	return vsu_error_sys(err, rc, "'%s'", name);
}

int vhost_kern_open(const struct vhost_kern_config *config,
		    struct vhost_kern **out, struct vsu_error *err)
{
	struct vhost_kern_config c;
	const struct kern_kind *kind;
	int fd, rc;

	rc = vsu_copy_sized(&c, sizeof(c), config, "struct vhost_kern_config", err);
	if (rc < 0)
		return rc;
	kind = vhost_kern_priv_kind(c.kind);
	if (!kind)
		return vsu_error_set(err, -EINVAL, "kernel vhost: unknown kind %d",
				     (int)c.kind);
	fd = open_node(c.node ? c.node : kind->node, err);
	if (fd < 0)
		return fd;
	rc = vhost_kern_priv_new_take_fd(fd, &c, out, err);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc;
}

void vhost_kern_free(struct vhost_kern *k)
{
	if (!k)
		return;
	vhost_kern_stop(k, NULL);
	vsu_fd_close(&k->fd);
	vmem_map_unref(k->map);
	free_device(k);
}

const char *vhost_kern_name(const struct vhost_kern *k)
{
	return k->name;
}
