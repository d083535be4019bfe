/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A console device (VIRTIO 1.3, section 5.3): ports of a guest, each connected
 * to a stream on the host (port.h).
 *
 *   port      a numbered, bidirectional byte stream; port 0 always exists
 *   console   a port that the guest uses as a terminal (hvc0 of Linux); other
 *             ports are plain streams (/dev/virtio-ports/NAME)
 *   control   messages between driver and device about ports that are added,
 *             removed, opened and closed. A device with one port and no name
 *             omits them, so that the simplest driver works
 *
 * Flow control works both ways while the host's stream is open. Bytes that the
 * guest does not read remain in the host's stream. If the host does not read,
 * the guest's requests wait. Drivers busy-wait for a console, so this wait is
 * limited: if the host reads nothing for one second, bytes written to a console
 * are dropped and counted until the host reads again. While the stream of a console is
 * closed, the last 64 KiB that the guest writes are kept for its next peer. Earlier bytes,
 * and all bytes written to another port with a closed stream, are dropped and counted.
 *
 * A port can have a record of everything that the guest writes to it, whether or not a peer
 * reads it, such as a log file of the program.
 *
 * A queue has work when a message of another queue, or a call of these functions, concerns
 * it: the device's server needs the operation queue_wake, or messages are late.
 *
 * Threads: as in device.h; call these functions on the device's thread. They
 * require a device made by virtdev_console_new() and return -EINVAL or -ENOENT
 * for another one.
 */
#ifndef VIRTIO_DEVICES_CONSOLE_H
#define VIRTIO_DEVICES_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/port.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VIRTDEV_CONSOLE_MAX_PORTS 31u
/* Bytes of a port's name. */
#define VIRTDEV_CONSOLE_MAX_NAME 63u

struct virtdev_console_port {
	size_t size;		/* sizeof(struct virtdev_console_port) */
	struct virtdev_port *host;	/* owned by the device on success */
	const char *name;	/* copied; NULL: no name */
	bool console;		/* used as a terminal */
	/*
	 * Called with each byte of the guest once, when it was written to the host's stream or
	 * dropped, on the thread that serves the queue; for a write through the configuration
	 * space, on the thread of the driver's CPU. It must not wait. Up to 64 KiB are recorded
	 * in a turn of a queue. Returns the number of bytes that were recorded. NULL: no record.
	 */
	uint64_t (*record)(void *recorder, const struct iovec *iov, int n);
	void (*free_recorder)(void *recorder);	/* when the port is removed; may be NULL */
	void *recorder;		/* owned by the device on success */
};

struct virtdev_console_config {
	size_t size;		/* sizeof(struct virtdev_console_config) */
	const struct virtdev_console_port *port; /* port 0 */
	uint32_t max_ports;	/* 0: one. More than one, or a name, enable
				   control messages */
	uint32_t queue_size_max;	/* entries of a queue; 0: 256 */
	/*
	 * Send rows before columns in the resize message, as older Linux
	 * expects, instead of VIRTIO's order. The configuration space is not
	 * affected.
	 */
	bool rows_first;
};

/*
 * -EINVAL: wrong struct size, port 0 without a host stream, a name that is too
 * long, or a number out of range; -EBUSY: another port owns the host stream.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_new(
		const struct virtdev_console_config *config,
		struct virtdev **out, struct vsu_error *err);

/*
 * Adds a port; *id receives its number, the lowest free one. -ENOSPC: all
 * max_ports are in use; -EBUSY: another port owns the host stream.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_add(
		struct virtdev *dev, const struct virtdev_console_port *port,
		uint32_t *id, struct vsu_error *err);

/*
 * Removes a port and frees its host stream. Port 0 cannot be removed. -ENOENT:
 * the port does not exist.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_remove(struct virtdev *dev,
						     uint32_t id);

/*
 * Reports a new terminal size, in characters, to the driver. -ENOENT: the port
 * does not exist.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_resize(struct virtdev *dev,
						     uint32_t id,
						     uint16_t cols,
						     uint16_t rows);

/* Counters of a port since it was added; may grow at the end. */
struct virtdev_console_counts {
	size_t size;		/* sizeof(struct virtdev_console_counts) */
	uint64_t to_guest, from_guest;	/* bytes delivered */
	uint64_t dropped;	/* bytes of the guest that were dropped */
	uint64_t refused;	/* invalid control messages, whole device */
	bool host_open, guest_open;
	uint64_t unrecorded;	/* bytes of the guest that the record lost */
};

/* Any thread. -ENOENT: the port does not exist; -EINVAL: wrong struct size. */
VIRTDEV_API VSU_NODISCARD int virtdev_console_get_counts(
		struct virtdev *dev, uint32_t id,
		struct virtdev_console_counts *out);

/*
 * The recorder of a port, which remains the device's; NULL: none. Valid until the port is
 * removed; the caller uses it only while no queue is served.
 */
VIRTDEV_API void *virtdev_console_recorder(struct virtdev *dev, uint32_t id);

VSU_END_DECLS

#endif
