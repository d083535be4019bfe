/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A console device (VIRTIO 1.3, section 5.3): ports of a guest, each with an
 * end on the host (port.h).
 *
 *   port      a stream of bytes both ways, by a number; port 0 is there from
 *             the beginning
 *   console   a port that the guest uses as a terminal (hvc0 of Linux); others
 *             are plain streams (/dev/virtio-ports/NAME)
 *   control   messages by which guest and device tell each other of ports that
 *             come, go, open and close. A device of one port without a name
 *             has none, which is the simplest thing for a driver
 *
 * Bytes are not lost while somebody is there: a guest that does not take them
 * leaves them where they come from, and a host that does not take them makes
 * the guest wait. Drivers wait for a console with a CPU that does nothing else,
 * so that this ends when nothing was taken for a second: bytes of a console
 * are dropped and counted from then on, until something is taken. So are those
 * for a port whose host's end is not open.
 *
 * Threads: as device.h; functions here are the device's thread's. They take
 * the device that virtdev_console_new() made: -EINVAL or -ENOENT for another.
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
	const char *name;	/* copied; NULL: none */
	bool console;		/* a terminal */
};

struct virtdev_console_config {
	size_t size;		/* sizeof(struct virtdev_console_config) */
	const struct virtdev_console_port *port; /* port 0 */
	uint32_t max_ports;	/* that there may ever be; 0: one. More than
				   one, or a name, need control messages */
	uint32_t queue_max;	/* entries of a queue; 0: 256 */
	/*
	 * A size in a control message has its rows before its columns, as
	 * older Linux read it, and not as VIRTIO has it. Nothing else
	 * depends on it: not the configuration space, which has no such twin.
	 */
	bool rows_first;
};

/*
 * -EINVAL: a struct's size, no host end of port 0, a name that is too long, or
 * a number that cannot be.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_new(
		const struct virtdev_console_config *config,
		struct virtdev **out, struct vsu_error *err);

/*
 * Another port: *id is its number, the lowest that is free. -ENOSPC: there are
 * max_ports already.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_add(
		struct virtdev *dev, const struct virtdev_console_port *port,
		uint32_t *id, struct vsu_error *err);

/*
 * The port is gone, its host's end too. -ENOENT: there is none, as in a device
 * that is no console; port 0 stays.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_remove(struct virtdev *dev,
						     uint32_t id);

/*
 * The terminal behind a port has another size, in characters. -ENOENT: there
 * is no such port.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_console_resize(struct virtdev *dev,
						     uint32_t id,
						     uint16_t cols,
						     uint16_t rows);

/* Of a port, since it was added; grows at its end. */
struct virtdev_console_counts {
	size_t size;		/* sizeof(struct virtdev_console_counts) */
	uint64_t to_guest, from_guest;	/* bytes that arrived */
	uint64_t dropped;	/* bytes of the guest that nobody took */
	uint64_t refused;	/* control messages, of the whole device */
	bool host_open, guest_open;
};

/* Any thread. -ENOENT: there is no such port; -EINVAL: the struct's size. */
VIRTDEV_API VSU_NODISCARD int virtdev_console_counts(
		struct virtdev *dev, uint32_t id,
		struct virtdev_console_counts *out);

VSU_END_DECLS

#endif
