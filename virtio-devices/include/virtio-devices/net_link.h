/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A link: what carries the frames of a network device on the host.
 *
 *   link      a tap interface, a socket
 *   lane      one stream of frames of it, both ways, for one pair of queues
 *   frame     an Ethernet frame behind a struct virtdev_net_header, which says
 *             what of its sums and segments is still to be done
 *   offloads  that work, as feature bits of a network device: the driver
 *             leaves it to the link (HOST_, CSUM), or the link to the driver
 *             (GUEST_)
 *
 * Threads: each lane has a receiving and a sending side, each confined to one
 * thread at a time; the rest is confined to the device's thread. Two lanes are
 * never the same.
 */
#ifndef VIRTIO_DEVICES_NET_LINK_H
#define VIRTIO_DEVICES_NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/net_layout.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_net_link;

/* The longest frame, with its header. */
#define VIRTDEV_NET_FRAME_MAX (65536u + 18u + 12u)

/* Frozen. The properties of a link. */
struct virtdev_net_link_info {
	uint32_t lanes;		/* at least 1 */
	uint32_t mtu;		/* bytes that it is known to carry; 0: unknown */
	uint64_t offloads;	/* VIRTDEV_NET_F_*: what it can */
};

/* Frozen. One of several frames that are sent together. */
struct virtdev_net_frame {
	const struct iovec *iov;	/* the first piece is exactly its header */
	int n;
	int code;		/* of the link: 0, or why the frame is lost */
};

/* How a kind of link works; self is its own object. */
struct virtdev_net_link_ops {
	size_t size;		/* sizeof(struct virtdev_net_link_ops) */
	const char *name;	/* "tap" */

	/*
	 * The descriptor of a lane, constant: readable when a frame has come,
	 * writable when one can be sent after -EAGAIN.
	 */
	int (*fd)(void *self, uint32_t lane);
	/*
	 * The next frame, with its header, into the pieces: the bytes that it
	 * took of them. -EAGAIN: none has come; -EMSGSIZE: it did not fit and
	 * is lost; -EPIPE: the other end is gone. Another code is a failure of
	 * this moment. num_buffers of the header is left as it was. Frames
	 * that came together may be kept: it is asked until it says -EAGAIN
	 * before anybody waits.
	 */
	ssize_t (*receive)(void *self, uint32_t lane, const struct iovec *iov,
			   int n);
	/*
	 * Sends a frame; the first piece is exactly its header. -EAGAIN: there
	 * is no room now, the frame was not taken. Another code: it is lost.
	 */
	int (*send)(void *self, uint32_t lane, const struct iovec *iov, int n);
	/*
	 * Gives to the host what send has kept. -EAGAIN: some is still kept,
	 * for which there is no room now. NULL: send keeps nothing.
	 */
	int (*flush)(void *self, uint32_t lane);
	/*
	 * Frames come through this lane, or not. All do at first; a device turns
	 * them off until a queue receives from them. May take some ms.
	 */
	int (*set_lane)(void *self, uint32_t lane, bool on);
	/* GUEST_ bits that the driver is ready for in received frames. */
	int (*set_offloads)(void *self, uint64_t features);
	void (*free)(void *self);
	/*
	 * For a link that looks for another end after -EPIPE of receive; both
	 * or neither. The first is a constant descriptor, readable when it is
	 * time to; the second looks, on the receiving side of the lane: 0 when
	 * frames go again, which the descriptor of the lane is watched anew
	 * for, or -EAGAIN.
	 */
	int (*retry_fd)(void *self, uint32_t lane);
	int (*retry)(void *self, uint32_t lane);
	/*
	 * Sends n frames, at least one, in their order: how many of the first
	 * it answered, in their codes; one that is lost takes no other along.
	 * For those that follow there is no room now. NULL: send has each.
	 */
	uint32_t (*send_batch)(void *self, uint32_t lane,
			       struct virtdev_net_frame *frames, uint32_t n);
	/*
	 * Asked once, for a new device: whether nobody is at the other end, as
	 * after -EPIPE of receive. NULL: somebody is.
	 */
	bool (*is_down)(void *self);
	/*
	 * The sentence for whoever runs the program when nobody is at the other
	 * end: what is gone, and what brings it back (report.h). NULL: one that
	 * fits any link. Constant.
	 */
	const char *lost;
};

/* For kinds of links: makes a link of self; ops and info are copied. */
VIRTDEV_API int virtdev_net_link_new(const struct virtdev_net_link_ops *ops,
				     const struct virtdev_net_link_info *info,
				     void *self, struct virtdev_net_link **out)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_net_link_free(struct virtdev_net_link *link);

struct virtdev_net_tap {
	size_t size;		/* sizeof(struct virtdev_net_tap) */
	const char *name;	/* of the interface, at most 15 bytes; one that
				   does not exist is made, and goes with the
				   link */
	uint32_t lanes;		/* queues of the interface; 0: 1 */
};

/*
 * A tap interface. Fails with -EINVAL (no name, or not one), -EPERM (neither
 * made nor owned by this user), -EBUSY (in use, or with queues when it is
 * wanted without, or the other way), -ENOENT (the host has no /dev/net/tun).
 * The addresses of the interface and its being up are the host's to arrange.
 */
VIRTDEV_API int virtdev_net_tap_open(const struct virtdev_net_tap *tap,
				     struct virtdev_net_link **out,
				     struct vsu_error *err) VSU_NODISCARD;

struct virtdev_net_stream {
	size_t size;		/* sizeof(struct virtdev_net_stream) */
	const char *path;	/* of the socket; copied */
	/*
	 * Connects again so many milliseconds after the other end was lost, for
	 * as long as it takes, and at first, too: the card's link is down
	 * meanwhile, and frames are lost; of a frame that came in part nothing is
	 * kept. 0: never.
	 */
	uint32_t reconnect_ms;
};

/*
 * Connects to a UNIX stream socket that carries each frame behind its length of
 * 4 bytes, most significant first, as those of passt and QEMU do. The codes of
 * vsu_sock_connect(); -ENOMEM. With reconnect_ms, the path must be that of a
 * socket, but no server needs to listen yet.
 */
VIRTDEV_API int virtdev_net_stream_open(const struct virtdev_net_stream *stream,
					struct virtdev_net_link **out,
					struct vsu_error *err) VSU_NODISCARD;

/*
 * A link of a descriptor, which is duplicated: a tap interface, or a UNIX
 * socket, of streams as above, or of datagrams or packets, each a frame. Many of
 * these come and go with one system call; one that the socket refuses is lost
 * alone.
 * -EBADF, or -EINVAL when it is none of these.
 */
VIRTDEV_API int virtdev_net_link_from_fd(int fd, struct virtdev_net_link **out,
					 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
