/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kinds of devices: all that a program knows of a device that it can be asked
 * for, in one table per kind. cvmm makes its devices of them, and each daemon
 * is one of them behind a socket. Help, suggestions and refusals come from the
 * keys.
 *
 * Threads: the tables are constant; the rest as device.h.
 */
#ifndef PROGRAMS_DEVICES_KIND_H
#define PROGRAMS_DEVICES_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/port.h>
#include <virtio-devices/vhost_kern.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "socket_access.h"
#include "value.h"
#include "workers.h"

/* One property of a device. */
struct vmm_device_key {
	struct vsu_option option;	/* as a key of cvmm's lists */
	const char *daemon_name;	/* as the daemon's option; NULL: alike */
	/*
	 * Bytes into the kind's config, to its value: a const char * of a
	 * string, a uint64_t of all others.
	 */
	size_t offset;
	uint32_t max_len;	/* bytes of a string; 0: no limit */
	uint32_t max_times;	/* of a string that may be repeated: how many
				   const char * there are; 0: one */
	bool required;		/* nothing can be made without it */
	/* Of a daemon alone: why cvmm's own device cannot have it; or NULL. */
	const char *not_inline;
	/*
	 * A key of that name which all devices of cvmm have, for those behind
	 * a socket, is this one otherwise; it stands last.
	 */
	bool common;
};

/* Limits of every kind: bytes of its config, and its keys. */
#define VMM_DEVICE_CONFIG_MAX 384
#define VMM_DEVICE_KEYS_MAX 16

/* Properties of every device, whatever its kind. */
struct vmm_device_common {
	uint32_t queues;	/* 0: one */
	uint32_t queue_size;	/* entries of a queue; 0: the device's choice */
	const char *recover;	/* a file in which what a guest knows of a folder
				   outlives the program, or NULL */
	struct vmem_sigbus *sigbus; /* table for files that are mapped */
	const struct prog_socket_access *sockets; /* of those that it makes; or NULL */
	bool confined;		/* system calls will be filtered: what takes others
				   is made with the device */
	/* Standard input and output as a port; NULL: the bare descriptors. */
	int (*open_stdio)(void *stdio, struct virtdev_port **out,
			  struct vsu_error *err);
	void *stdio;
	/* For devices that give memory back; the first outlives them. */
	struct vmem_space *space;	/* the guest's memory, or NULL */
	/* Whether a region of it is RAM that nothing else is made of. */
	bool (*is_ram)(void *ram_owner, const struct vmem_region *region);
	void *ram_owner;
};

/* Sockets that a device makes. */
#define VMM_DEVICE_SOCKETS_MAX 9

/* For reports and for checks across devices. */
struct vmm_device_facts {
	const char *file;	/* that it stands on, or NULL */
	bool writes;		/* it may store to that file */
	bool locks;		/* it opens the file for itself: a device that
				   writes to it excludes all others */
	bool connects;		/* it makes connections while it is served */
	bool finds_files;	/* it opens files by handles */
	bool sets_labels;	/* attributes that a kernel without SELinux keeps
				   for CAP_SYS_ADMIN */
	bool stdio;		/* it is on standard input and output */
	uint32_t workers;	/* threads in its kind's work */
	/* Paths of those that it makes, and removes in the end; NULL: no more. */
	const char *sockets[VMM_DEVICE_SOCKETS_MAX];
};

/* The same device with queues that the host's kernel serves. */
struct vmm_device_kernel {
	/* -EINVAL: a key that cannot be then, or one that has to. */
	int (*check)(const void *config, struct vsu_error *err);
	int (*open)(const void *config, const struct vmm_device_common *common,
		    struct virtdev_vhost_kern **out, struct vsu_error *err);
};

struct vmm_device_kind {
	const char *name;	/* "blk" */
	const char *summary;	/* for the help: "a disk" */
	enum virtdev_id id;
	uint32_t max_queues;
	uint32_t own_queues;	/* of one that this program serves; 0: as many */
	uint32_t min_queue_size;	/* entries */
	const char *queue_size;	/* for the help: what a queue has if not told */
	const struct vmm_device_key *keys;	/* ends with a row without name */
	struct prog_value value;	/* a list that begins with a value */
	/* Strings of the config live as long as the device. */
	int (*open)(const void *config, const struct vmm_device_common *common,
		    struct virtdev **out, struct vsu_error *err);
	/*
	 * Judges the config as open() does, as far as nothing has to be made for
	 * that, for a program that is confined when it opens the device; or NULL.
	 */
	int (*judge)(const void *config, const struct vmm_device_common *common,
		     struct vsu_error *err);
	const struct vmm_device_kernel *kernel;	/* NULL: it cannot be so */
	/* Another size while it runs, in bytes; NULL: it has none. */
	int (*resize)(struct virtdev *dev, uint64_t bytes,
		      struct vsu_error *err);
	/* Asks the driver for newer numbers; NULL: there are none. */
	void (*refresh)(struct virtdev *dev);
	/* NULL: there is nothing to say. */
	void (*describe)(const void *config, struct vmm_device_facts *facts);
	/* Threads do requests; NULL: there is no such. */
	const struct prog_work *work;
	/* The program ends, and its guest shall find the next one; or NULL. */
	void (*keep)(struct virtdev *dev);
	/* -EIO: it has lost a file that is mapped, and goes on; or NULL. */
	int (*check)(struct virtdev *dev, struct vsu_error *err);
	/*
	 * Behind a socket it is as any device of its id: what its back-end
	 * leaves to the VMM are keys then, and its own keys are none.
	 */
	bool any_when_remote;
};

/* Ends with NULL. */
extern const struct vmm_device_kind *const vmm_device_kinds[];

const struct vmm_device_kind *vmm_device_kind_find(const char *name,
						   size_t len);

/* How many keys it has. */
unsigned int vmm_device_nkeys(const struct vmm_device_kind *kind);

/* Stores the value of a key, which what calls by name: "key 'serial'". */
int vmm_device_set(const struct vmm_device_kind *kind, unsigned int key,
		   const char *what, const struct vsu_option_value *value,
		   void *config, struct vsu_error *err);

/* Its open(); what the device has to say while it is served goes to the log. */
int vmm_device_make(const struct vmm_device_kind *kind, const void *config,
		    const struct vmm_device_common *common,
		    struct virtdev **out, struct vsu_error *err);

/* The first required key that has no value, or NULL. */
const struct vmm_device_key *vmm_device_missing(
		const struct vmm_device_kind *kind, const void *config);

/* The kinds. */
extern const struct vmm_device_kind vmm_balloon_kind, vmm_blk_kind, vmm_console_kind,
				    vmm_fs_kind, vmm_mem_kind, vmm_net_kind, vmm_pmem_kind, vmm_rng_kind,
				    vmm_vsock_kind;

#endif
