/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device of the machine as requested, with typed values, and facts that follow from them.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_DEVICE_SPEC_H
#define VMM_CONFIG_DEVICE_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/kind.h>

#include "cvmm/options.h"

#define VMM_SOCKET_MAX 108
/* Followed by the path of a socket, or by a connected one: "fd:N" or "fd:N:NAME". */
#define VMM_BACKEND_USER "user:"
/* Followed by the name of a device of the program that embeds the machine. */
#define VMM_DEVICE_OWN "own:"
#define VMM_DEVICE_TEXT_MAX (CVMM_OPTION_MAX_LIST + 1)
/* Bytes of a file system's configuration space. */
#define VMM_FS_CONFIG 44

/*
 * One device as requested. Its strings are in text, also those of a copy, which must not
 * live longer.
 */
struct vmm_device_spec {
	const struct devkind *kind;	/* NULL: by id only */
	uint32_t id;		/* VIRTIO device id; that of "own:" follows with the device */
	bool remote;		/* served by a vhost-user back-end */
	bool spawned;		/* likewise, by a daemon that cvmm starts */
	bool plugged;		/* added while the guest runs */
	bool continues;		/* the guest has used it before */
	bool absent;		/* a free slot of the bus: no device */
	bool kernel;		/* served by the host's kernel */
	char socket[VMM_SOCKET_MAX];	/* path, or "fd:N:NAME", a connected one */
	uint32_t reconnect_ms;	/* initial delay before reconnecting; 0: do not
				   reconnect */
	uint32_t queues;	/* 0: the device's default */
	uint32_t queue_size;	/* 0: the device's default */
	bool read_only_windows;	/* reported to its back-end */
	uint32_t config_size;	/* by id only; 0: the default of the id */
	bool allow_fuse;	/* accept windows over files of file servers */
	char tag[37];		/* file system; "": supplied by the back-end */
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
	char text[VMM_DEVICE_TEXT_MAX];	/* storage of config's strings */
	uint32_t max_mappings;	/* in its windows; 0: the default */
	uint64_t max_window_bytes; /* sum of its windows; 0: the default */
	uint64_t max_mapped_bytes; /* mapped at once; 0: no limit */
};

/* A device that was asked for, in the order of the command line. */
struct vmm_device_option {
	enum vmm_device_how {
		VMM_DEVICE_DISK = 1,	/* list: --disk */
		VMM_DEVICE_DISK_PATH,	/* list: a path alone, an operand */
		VMM_DEVICE_NET,		/* list: --net */
		VMM_DEVICE_RNG,		/* list: --rng */
		VMM_DEVICE_FS,		/* list: --fs */
		VMM_DEVICE_CONSOLE,	/* list: --console */
		VMM_DEVICE_BALLOON,	/* list: --balloon */
		VMM_DEVICE_PMEM,	/* list: --pmem */
		VMM_DEVICE_MEM,		/* list: --mem */
		VMM_DEVICE_VSOCK,	/* list: --vsock */
		VMM_DEVICE_ANY,		/* list: --device */
	} how;
	const char *list;
};

/* Whether this process serves the device, or opens it for the host's kernel. */
static inline bool vmm_device_is_own(const struct vmm_device_spec *spec)
{
	return spec->kind && !spec->remote;
}

/* Describes a device of this process or of a daemon. */
struct devkind_facts vmm_device_describe(const struct vmm_device_spec *spec);

/* Creates a device of this process. */
int vmm_device_open(const struct vmm_device_spec *spec, const struct devkind_common *machine,
		    struct virtdev **out, struct vsu_error *err);

/* The backing file or shared folder, as it is named; NULL: none. */
const char *vmm_device_file(const struct vmm_device_spec *spec);

#endif
