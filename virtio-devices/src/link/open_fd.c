/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates a link from a descriptor, by its type. */
#include <config.h>

#include <errno.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_tun.h>

#include <vmm-sys-util/fd.h>

#include "link/kinds.h"

static int fd_refuse(struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL,
			     "neither a tap interface nor a stream, datagram or seqpacket socket");
}

static int take_socket(int fd, int type, struct virtdev_net_link **out,
		       struct vsu_error *err)
{
	int rc;

	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return fd_refuse(err);
	rc = type == SOCK_STREAM ? virtdev_priv_stream_take_fd(fd, NULL, 0, out)
				 : virtdev_priv_packets_take_fd(fd, true, out);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot be used as a link") : 0;
}

static int take_interface(int fd, int flags, struct virtdev_net_link **out,
			  struct vsu_error *err)
{
	int rc;

	if (!(flags & IFF_TAP) || !(flags & IFF_NO_PI))
		return vsu_error_set(err, -EINVAL,
				     "an interface, but not a tap interface without packet information (IFF_TAP, IFF_NO_PI)");
	if (flags & IFF_VNET_HDR)
		return virtdev_priv_tap_take_fds(&fd, 1, false, out, err);
	rc = virtdev_priv_packets_take_fd(fd, false, out);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot be used as a link") : 0;
}

static int take_fd(int fd, struct virtdev_net_link **out, struct vsu_error *err)
{
	struct ifreq request = { .ifr_flags = 0 };
	socklen_t len = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
		return take_socket(fd, type, out, err);
	if (vsu_fd_kind(fd) == VSU_FD_CHAR &&
	    ioctl(fd, TUNGETIFF, &request) == 0)
		return take_interface(fd, (unsigned short)request.ifr_flags,
				      out, err);
	return fd_refuse(err);
}

int virtdev_net_link_from_fd(int fd, struct virtdev_net_link **out,
			     struct vsu_error *err)
{
	int own = vsu_fd_dup(fd), rc;

	if (own < 0)
		return vsu_error_sys(err, own, "descriptor %d", fd);
	rc = take_fd(own, out, err);
	if (rc < 0)
		vsu_fd_close(&own);
	return rc < 0 ? vsu_error_prefix(err, rc, "descriptor %d", fd) : 0;
}
