/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A link carries the frames of a network device on the host.
 *
 *   link      a tap interface, or a socket
 *   lane      one stream of frames of a link, in both directions, for one pair
 *             of queues
 *   frame     an Ethernet frame after a struct virtdev_net_header, which
 *             describes missing checksums and segmentation
 *   offloads  checksums and segmentation, as feature bits of a network device:
 *             done by the link for the driver (HOST_, CSUM), or by the driver
 *             for the link (GUEST_)
 *
 * Threads: each lane has a receiving and a sending side, each confined to one
 * thread at a time; different lanes are independent. work and work_end may be called
 * from any thread. The rest is confined to the device's thread.
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

/* Maximum length of a frame with its header. */
#define VIRTDEV_NET_FRAME_MAX (65536u + 18u + 12u)

/* Fixed layout. The properties of a link. */
struct virtdev_net_link_info {
	uint32_t lanes;		/* at least 1 */
	uint32_t mtu;		/* supported by the link; 0: unknown */
	uint64_t offloads;	/* VIRTDEV_NET_F_* that it supports */
};

/* Fixed layout. A frame of a batch. */
struct virtdev_net_frame {
	const struct iovec *iov;	/* the first element is exactly the header */
	int n;
	int code;		/* set by the link: 0, or why the frame is lost */
};

/* Operations of a kind of link; self is the link's object. */
struct virtdev_net_link_ops {
	size_t size;		/* sizeof(struct virtdev_net_link_ops) */
	const char *name;	/* "tap" */

	/*
	 * The descriptor of a lane, constant: readable when a frame has
	 * arrived, writable when sending is possible after -EAGAIN.
	 */
	int (*fd)(void *self, uint32_t lane);
	/*
	 * Receives one frame with its header into iov; returns its length.
	 * -EAGAIN: no frame; -EMSGSIZE: the frame does not fit and is lost;
	 * -EPIPE: the peer has disconnected; other codes: a temporary failure.
	 * Leaves num_buffers of the header unchanged. May buffer frames that
	 * arrived together, so the caller repeats until -EAGAIN before it
	 * waits.
	 */
	ssize_t (*receive)(void *self, uint32_t lane, const struct iovec *iov,
			   int n);
	/*
	 * Sends a frame; the first element is exactly the header. -EAGAIN: not
	 * possible now, the frame is not consumed; other codes: the frame is
	 * lost.
	 */
	int (*send)(void *self, uint32_t lane, const struct iovec *iov, int n);
	/*
	 * Sends frames that send has buffered. -EAGAIN: some are still
	 * buffered. NULL: send does not buffer.
	 */
	int (*flush)(void *self, uint32_t lane);
	/*
	 * Enables or disables a lane; all are enabled at first, and a device
	 * enables a lane while one of its queues receives. May take some ms;
	 * while a thread is in work, on returns at once and off only posts.
	 */
	int (*set_lane)(void *self, uint32_t lane, bool on);
	/* GUEST_ bits that the driver supports in received frames. */
	int (*set_offloads)(void *self, uint64_t features);
	void (*free)(void *self);
	/*
	 * For a link that reconnects after -EPIPE of receive; both or neither.
	 * retry_fd is constant and readable when an attempt is due. retry makes
	 * the attempt, on the receiving side of the lane: 0 if the link works
	 * again (the caller then watches fd again), or -EAGAIN.
	 */
	int (*retry_fd)(void *self, uint32_t lane);
	int (*retry)(void *self, uint32_t lane);
	/*
	 * Sends n frames (at least 1) in order. Returns the number of processed
	 * frames, whose codes are set; a lost frame does not affect the others.
	 * Retry the rest later. NULL: send is called for each.
	 */
	uint32_t (*send_batch)(void *self, uint32_t lane,
			       struct virtdev_net_frame *frames, uint32_t n);
	/*
	 * Whether the link is disconnected, as after -EPIPE of receive; called
	 * once for a new device. NULL: connected.
	 */
	bool (*is_down)(void *self);
	/*
	 * Message for the program's log when the peer has disconnected: the
	 * reason and the remedy (report.h). NULL: a general message. Constant.
	 */
	const char *lost;
	/*
	 * Makes slow changes of lanes on a thread of the program, until work_end, which is
	 * permanent and returns at once; both or neither. See virtdev_net_work().
	 */
	void (*work)(void *self);
	void (*work_end)(void *self);
};

/* Creates a link, for implementers of a kind; ops and info are copied. */
VIRTDEV_API int virtdev_net_link_new(const struct virtdev_net_link_ops *ops,
				     const struct virtdev_net_link_info *info,
				     void *self, struct virtdev_net_link **out)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_net_link_free(struct virtdev_net_link *link);

struct virtdev_net_tap {
	size_t size;		/* sizeof(struct virtdev_net_tap) */
	/*
	 * of the interface, at most 15 bytes; an absent one is created, and
	 * removed with the link
	 */
	const char *name;
	uint32_t lanes;		/* queues of the interface; 0: 1 */
};

/*
 * A tap interface. -EINVAL: no name, or an invalid one; -EPERM: the user may
 * neither create nor use it; -EBUSY: in use, or it was created for one queue and
 * several are requested; -ENOENT: the host has no /dev/net/tun. The owner configures
 * addresses and state of the interface.
 */
VIRTDEV_API int virtdev_net_tap_open(const struct virtdev_net_tap *tap,
				     struct virtdev_net_link **out,
				     struct vsu_error *err) VSU_NODISCARD;

struct virtdev_net_stream {
	size_t size;		/* sizeof(struct virtdev_net_stream) */
	const char *path;	/* of the socket; copied */
	/*
	 * Reconnects at this interval in milliseconds, without a limit, also if
	 * the first attempt fails. Meanwhile the card's link is down and frames
	 * are lost, as is a partly received frame. 0: never.
	 */
	uint32_t reconnect_ms;
};

/*
 * Connects to a UNIX stream socket. Each frame is preceded by its length, 4 bytes,
 * big-endian, as for passt and QEMU. Codes of vsu_sock_connect(); -ENOMEM. With
 * reconnect_ms, a socket without a listener is accepted; an invalid path is still
 * refused.
 */
VIRTDEV_API int virtdev_net_stream_open(const struct virtdev_net_stream *stream,
					struct virtdev_net_link **out,
					struct vsu_error *err) VSU_NODISCARD;

/*
 * A link on a descriptor, which is duplicated: a tap interface, a UNIX stream
 * socket as above, or a UNIX datagram or SOCK_SEQPACKET socket with one frame
 * per message. One system call moves many messages; only messages that the
 * socket rejects are lost. -EBADF; -EINVAL: another kind of descriptor.
 */
VIRTDEV_API int virtdev_net_link_from_fd(int fd, struct virtdev_net_link **out,
					 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
