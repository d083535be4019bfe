/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device that a vhost-user back-end serves (vhost_user.h) behind its transport
 * (transport.h). The device can be paused, saved, loaded and resumed (VIRTIO 1.3 has no
 * messages for this; vhost-user has GET_VRING_BASE and SET_DEVICE_STATE_FD), and its driver
 * need not know that a back-end is replaced. server.h has the functions.
 *
 * Waiting: as in vhost_user.h; a dispatch also continues what the server's functions have
 * begun.
 *
 * Threads: confined, together with transport and device.
 */
#ifndef VIRTIO_DEVICES_VHOST_USER_TRANSPORT_H
#define VIRTIO_DEVICES_VHOST_USER_TRANSPORT_H

#include <virtio-devices/attributes.h>
#include <virtio-devices/server.h>
#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Makes r the server of its device behind t, until virtdev_server_free() or
 * virtdev_vhost_user_free(); after ops->ready. t is borrowed and outlives r; owner is copied.
 *
 * From then on r reports to the transport: changes of the configuration, completed resets,
 * and DEVICE_NEEDS_RESET when the session fails, or a back-end is replaced that had the
 * only copy of what the driver needs.
 *
 * -EINVAL: t is not a transport of this device; -EBUSY: t or the device has a server.
 */
VIRTDEV_API int virtdev_vhost_user_attach(struct virtdev_vhost_user *r,
		struct virtdev_transport *t, const struct virtdev_server_owner *owner,
		struct virtdev_server **out, struct vsu_error *err) VSU_NODISCARD;

/* The fate of the driver's settings other than queues, behind a replacement back-end. */
enum virtdev_vhost_user_settings {
	/* the configuration was written again; there are no others */
	VIRTDEV_VHOST_USER_SETTINGS_REPEATED,
	/* the back-end continues with the state of the previous one */
	VIRTDEV_VHOST_USER_SETTINGS_KEPT,
	/* a file system's: the back-end may have kept them, and does not report it */
	VIRTDEV_VHOST_USER_SETTINGS_UNKNOWN,
	/* they are lost: the driver is asked for a reset */
	VIRTDEV_VHOST_USER_SETTINGS_RESET,
};

/* Call it at the last ops->back of a device behind a transport. */
VIRTDEV_API enum virtdev_vhost_user_settings virtdev_vhost_user_settings(
		const struct virtdev_vhost_user *r);

VSU_END_DECLS

#endif
