/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options of "cvmm run", parsed and checked before anything is opened. Strings are
 * copies, and live as long as the options.
 */
#ifndef VMM_CONFIG_OPTIONS_H
#define VMM_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "config/sandbox_option.h"
#include "log.h"
#include "memory/memory_options.h"
#include "socket_access.h"

#define VMM_MAX_DEVICES 32

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

/* The user's choice for a guest that lost a part of its memory. */
enum vmm_on_memory_error {
	VMM_ON_MEMORY_ERROR_STOP,	/* the machine ends */
	VMM_ON_MEMORY_ERROR_CONTINUE,	/* zeros replace the lost part */
	VMM_ON_MEMORY_ERROR_PAUSE,	/* the guest is paused until a signal ends cvmm */
};

/* The bus on which a guest finds its devices. */
enum vmm_transport {
	VMM_TRANSPORT_AUTO,	/* the bus, unless the kernel is one of ours */
	VMM_TRANSPORT_MMIO,
	VMM_TRANSPORT_PCI,
};

struct vmm_options {
	const char *kernel;
	struct vmm_memory_options memory;
	struct vmm_memory_pieces pieces; /* what its lists mean; none if a saved machine's are wrong */
	struct vmm_device_option devices[VMM_MAX_DEVICES];
	struct vmm_device_spec *specs;	/* what they mean; owned */
	unsigned int ndevices;
	unsigned int cpus;
	unsigned int cpu_model;	/* enum vmm_cpu_model */
	bool restart;		/* after the guest asked for a reboot */
	uint64_t power_off_seconds;	/* until a guest that was asked to power off is ended; 0: never */
	const char *from;	/* a saved machine's folder; the kernel is not loaded */
	bool clone;		/* with from: shares nothing with the saved machine */
	bool prefetch;		/* with from: loads the memory in the background */
	bool changed_disks;	/* with from: they are accepted */
	bool rebooted;		/* the guest ran before, in another machine of this process */
	const struct vmm_options *saved; /* with clone: the saved machine's options */
	struct vmm_stream *stream; /* with --incoming: the source's stream; else NULL */
	struct vmm_channels *channels; /* with stream: its other connections */
	const char *initrd, *cmdline, *append, *serial, *control, *sandbox, *daemon_path;
	struct vmm_sandbox_option confinement; /* of sandbox */
	const char *user;
	enum prog_log_level log_level;
	bool jail;
	struct prog_socket_access sockets;	/* of control and devices */
	enum vmm_on_memory_error on_memory_error;
	enum vmm_transport transport;
	bool latency;		/* is measured */
	bool dry_run, json, help;
	char **copies;		/* of argv; owned */
	int ncopies;
	char *const *words;	/* all of them, without the command */
	int nwords;
	char *const *given;	/* with --from, those that change the saved ones; else words */
	int ngiven;
};

/*
 * argv[0] is "run". -ENOENT: an unknown option or key; -EINVAL: a value refused, or
 * no kernel named. On success the caller frees the options; argv is not used any more.
 */
int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err);
void vmm_options_free(struct vmm_options *options);

#endif
