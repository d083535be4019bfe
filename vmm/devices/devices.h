/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices of the machine, from --disk, --device and disk operands.
 *
 * Threads: the main thread.
 */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

#include "cli/options.h"

#define VMM_SOCKET_MAX 108

/* Keys of --disk and --device, for the help text. */
extern const struct vsu_option vmm_disk_keys[], vmm_device_keys[];

/* One device as it was asked for. */
struct vmm_device_spec {
	uint32_t id;		/* VIRTIO device id */
	bool remote;		/* its queues are served behind a socket */
	char socket[VMM_SOCKET_MAX];
	char path[4096];	/* of an in-process disk */
	char serial[21];
	bool read_only;
	uint32_t queues;	/* 0: what the device has */
	uint32_t queue_size;	/* 0: the device's own choice */
	uint32_t config_size;	/* of --device; 0: that of its kind */
	bool allow_fuse;	/* of --device: windows over served files */
	uint32_t engine;	/* enum virtdev_disk_engine */
};

/* Reads one option. */
int vmm_device_parse(const struct vmm_device_option *option,
		     struct vmm_device_spec *spec, struct vsu_error *err);

/* Makes an in-process device; sigbus is for images that are mapped. */
int vmm_device_open(const struct vmm_device_spec *spec,
		    struct vmem_sigbus *sigbus, struct virtdev **out,
		    struct vsu_error *err);

#endif
