/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices of the machine, from --disk, --rng, --console, --device and disk operands: of a
 * kind that this process can make (devices/kind.h), or of any id behind a
 * socket.
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
#include "devices/kind.h"

#define VMM_SOCKET_MAX 108
#define VMM_DEVICE_TEXT_MAX 4608
/* Bytes of configuration that a file system has. */
#define VMM_FS_CONFIG 44

/* Rows of keys, with the one that ends them. */
#define VMM_DEVICE_ROWS (VMM_DEVICE_KEYS_MAX + 8)

/* One device as it was asked for. */
struct vmm_device_spec {
	const struct vmm_device_kind *kind;	/* NULL: any, by its id */
	uint32_t id;		/* VIRTIO device id */
	bool remote;		/* its queues are served behind a socket */
	bool kernel;		/* the host's kernel serves them */
	char socket[VMM_SOCKET_MAX];
	uint32_t reconnect_ms;	/* the first pause before another connection to
				   it; 0: a back-end that is lost is lost */
	uint32_t queues;	/* 0: what the device has */
	uint32_t queue_size;	/* 0: the device's own choice */
	bool read_only_windows;	/* told to its back-end */
	uint32_t config_size;	/* of any device; 0: that of its id */
	bool allow_fuse;	/* of any device: windows over served files */
	char tag[37];		/* of a file system, or "": the back-end's */
	const char *own_key;	/* the first of the kind's own, or NULL */
	_Alignas(8) unsigned char config[VMM_DEVICE_CONFIG_MAX];
	char text[VMM_DEVICE_TEXT_MAX];	/* what strings of config point to */
	uint32_t max_mappings;	/* in its windows; 0: the default */
	uint64_t max_window_bytes; /* of all its windows; 0: the default */
	uint64_t max_mapped_bytes; /* in them at once; 0: all of them */
};

/* The keys of a kind in this program; NULL: of devices by their id. */
void vmm_device_rows(const struct vmm_device_kind *kind,
		     struct vsu_option rows[VMM_DEVICE_ROWS]);

/* The option that stands for --device with this kind, "--disk", or NULL. */
const char *vmm_device_shorthand(const struct vmm_device_kind *kind);

/* Reads one option. */
int vmm_device_parse(const struct vmm_device_option *option,
		     struct vmm_device_spec *spec, struct vsu_error *err);

/* Makes an in-process device of what the machine has for devices. */
int vmm_device_open(const struct vmm_device_spec *spec,
		    const struct vmm_device_common *machine,
		    struct virtdev **out, struct vsu_error *err);

/* The same of one whose queues the kernel serves. */
int vmm_device_open_kernel(const struct vmm_device_spec *spec,
			   struct virtdev_vhost_kern **out,
			   struct vsu_error *err);

/* About a device of this process; of another's nothing is known. */
struct vmm_device_facts vmm_device_describe(const struct vmm_device_spec *spec);

#endif
