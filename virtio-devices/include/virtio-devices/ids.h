/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbers common to all VIRTIO devices: device ids (VIRTIO 1.3, section 5) and the bits
 * of the device status (section 2.1). The names have a prefix of their own, because
 * kernel headers define VIRTIO_ID_ and VIRTIO_CONFIG_S_. Names of queues and features, for people.
 *
 * Threads: no state.
 */
#ifndef VIRTIO_DEVICES_IDS_H
#define VIRTIO_DEVICES_IDS_H

#include <stdint.h>

#include <virtio-devices/attributes.h>

VSU_BEGIN_DECLS

enum virtdev_id {
	VIRTDEV_ID_NET = 1,
	VIRTDEV_ID_BLOCK = 2,
	VIRTDEV_ID_CONSOLE = 3,
	VIRTDEV_ID_ENTROPY = 4,
	VIRTDEV_ID_BALLOON = 5,
	VIRTDEV_ID_SCSI = 8,
	VIRTDEV_ID_GPU = 16,
	VIRTDEV_ID_INPUT = 18,
	VIRTDEV_ID_SOCKET = 19,
	VIRTDEV_ID_CRYPTO = 20,
	VIRTDEV_ID_MEMORY = 24,
	VIRTDEV_ID_SOUND = 25,
	VIRTDEV_ID_FS = 26,
	VIRTDEV_ID_PMEM = 27,
};

/*
 * Expands to ROW(id, name) for each device with a name in command lines. For tables with
 * rows such as { "net", VIRTDEV_ID_NET }.
 */
#define VIRTDEV_FOR_EACH_NAME(ROW) \
	ROW(VIRTDEV_ID_NET, "net") \
	ROW(VIRTDEV_ID_BLOCK, "blk") \
	ROW(VIRTDEV_ID_CONSOLE, "console") \
	ROW(VIRTDEV_ID_ENTROPY, "rng") \
	ROW(VIRTDEV_ID_BALLOON, "balloon") \
	ROW(VIRTDEV_ID_SCSI, "scsi") \
	ROW(VIRTDEV_ID_GPU, "gpu") \
	ROW(VIRTDEV_ID_INPUT, "input") \
	ROW(VIRTDEV_ID_SOCKET, "vsock") \
	ROW(VIRTDEV_ID_CRYPTO, "crypto") \
	ROW(VIRTDEV_ID_SOUND, "sound") \
	ROW(VIRTDEV_ID_FS, "fs") \
	ROW(VIRTDEV_ID_PMEM, "pmem")

enum virtdev_status {
	VIRTDEV_STATUS_ACKNOWLEDGE = 0x01,
	VIRTDEV_STATUS_DRIVER = 0x02,
	VIRTDEV_STATUS_DRIVER_OK = 0x04,
	VIRTDEV_STATUS_FEATURES_OK = 0x08,
	VIRTDEV_STATUS_NEEDS_RESET = 0x40,
	VIRTDEV_STATUS_FAILED = 0x80,
};

#define VIRTDEV_QUEUE_NAME_MAX 32

/*
 * The name that VIRTIO has for a queue of a device with this id and n queues, with the number of
 * the queue where a device has several of a kind: "receiveq1". name is storage for it. NULL: the
 * name is unknown, or depends on the driver's features.
 */
VIRTDEV_API const char *virtdev_queue_name(uint32_t id, uint32_t queue, uint32_t n,
					   char name[VIRTDEV_QUEUE_NAME_MAX]);

/*
 * The name of a feature bit of devices with this id, such as "VIRTIO_BLK_F_RO"; id 0: only the
 * bits of all devices have names, with those that vhost and vhost-user reserve. Static storage.
 * NULL: the name is unknown.
 */
VIRTDEV_API const char *virtdev_feature_name(uint32_t id, unsigned int bit);

VSU_END_DECLS

#endif
