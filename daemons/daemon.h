/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Common part of the vhost-user daemons: options, errors, exit statuses, and
 * the loop that serves a device. A daemon consists of a device kind
 * (<device-kinds/kind.h>), its texts, and one call.
 */
#ifndef DAEMONS_DAEMON_H
#define DAEMONS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/kind.h>
#include <device-kinds/socket_access.h>
#include <virtio-devices/device.h>
#include <virtio-devices/vhost_user_server.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/option.h>

#include "log.h"
#include "plan.h"

/* Common options, first in every daemon's table. */
enum daemon_option {
	DAEMON_SOCKET_PATH,
	DAEMON_FD,
	DAEMON_SOCKET_MODE,
	DAEMON_SOCKET_GROUP,
	DAEMON_PRINT_CAPABILITIES,
	DAEMON_ALLOW_FUSE,
	DAEMON_IOMMU_PLATFORM,
	DAEMON_USER,
	DAEMON_SECCOMP,
	DAEMON_ALLOW_POSTCOPY,
	DAEMON_POLL_MAX_NS,
	DAEMON_METRICS,
	DAEMON_LOG_LEVEL,
	DAEMON_VERBOSE,
	DAEMON_HELP,
	DAEMON_VERSION,
	DAEMON_NUM_QUEUES,
	DAEMON_QUEUE_SIZE,
	DAEMON_OWN,		/* index of the kind's first key */
};

#define DAEMON_OPTIONS							\
	{ .name = "socket-path", .kind = VSU_OPTION_STRING,		\
	  .arg = "PATH", .help = "listen at this UNIX socket" },	\
	{ .name = "fd", .kind = VSU_OPTION_U64, .arg = "N",		\
	  .help = "serve this inherited socket instead",		\
	  .min = 0, .max = INT32_MAX },					\
	DEVKIND_SOCKET_MODE_OPTION,					\
	DEVKIND_SOCKET_GROUP_OPTION,					\
	{ .name = "print-capabilities", .kind = VSU_OPTION_FLAG,	\
	  .help = "print what this program offers, as JSON, and end" },	\
	{ .name = "allow-fuse", .kind = VSU_OPTION_FLAG,		\
	  .help = "accept guest memory in files of FUSE and network mounts" }, \
	{ .name = "iommu-platform", .kind = VSU_OPTION_FLAG,		\
	  .help = "support a device behind an IOMMU of the guest" },	\
	{ .name = "user", .kind = VSU_OPTION_STRING, .arg = "NAME",	\
	  .help = "become this user before serving" },			\
	{ .name = "seccomp", .kind = VSU_OPTION_CHOICE,			\
	  .choices = daemon_filter_names, .preset = "on",		\
	  .help = "refuse system calls that serving does not need, or be killed by them" }, \
	{ .name = "allow-postcopy", .kind = VSU_OPTION_FLAG,		\
	  .help = "support post-copy: wait for guest memory during a migration" }, \
	{ .name = "poll-max-ns", .kind = VSU_OPTION_U64, .arg = "N",	\
	  .help = "poll queues for this long before sleeping", .preset = "0",	\
	  .max = VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT },		\
	{ .name = "metrics", .kind = VSU_OPTION_STRING, .arg = "PATH",	\
	  .help = "answer HTTP at this UNIX socket with statistics for Prometheus" }, \
	VSU_LOG_LEVEL_OPTION,						\
	VSU_LOG_VERBOSE_OPTION,					\
	VSU_OPTION_ROW_HELP,						\
	VSU_OPTION_ROW_VERSION,						\
	{ .name = "num-queues", .kind = VSU_OPTION_U64, .arg = "N",	\
	  .help = "maximum number of queues", .preset = "1", .min = 1 },		\
	{ .name = "queue-size", .kind = VSU_OPTION_U64, .arg = "N",	\
	  .help = "maximum entries of a queue", .preset = "1024",	\
	  .max = 32768 }

/*
 * Default of --queue-size for all kinds. QEMU permits this size for
 * virtio-mmio, whatever the device is, and continues with a smaller one if
 * refused.
 */
#define DAEMON_DEFAULT_QUEUE_SIZE 1024

struct daemon {
	const char *name;		/* name of the program */
	const char *summary;		/* purpose, for the help text */
	const char *capabilities;	/* JSON, according to QEMU's conventions */
	const struct devkind *(*kind)(void);
	const struct call_table *calls; /* additional system calls, or NULL */
	/*
	 * The first key of its kind is a folder, which is the only part of the
	 * host that the process can access, and each file may need a
	 * descriptor: --sandbox, --rlimit-nofile and --recover apply.
	 */
	bool shares_folder;
	/* SIGUSR1 updates the device's size from its file. */
	bool grows;
	/* Command lines of virtiofsd are accepted (virtiofsd_line.h). */
	bool is_virtiofsd;
};

/* Runs the whole program; returns its exit status. */
int daemon_main(const struct daemon *daemon, int argc, char **argv);

/* serve.c */

struct serving {
	const char *socket_path; /* to listen at; NULL: fd is given */
	struct devkind_socket_access access; /* of socket_path */
	int fd;			/* otherwise: a listening or connected socket */
	bool served_files;	/* --allow-fuse */
	bool iommu_platform;
	struct daemon_rights rights;
	struct confine_plan *plan; /* made of rights */
	uint64_t poll_max_ns;
	const char *metrics;	/* socket of --metrics; NULL: none */
	/*
	 * applies the current size at SIGUSR1; NULL: SIGUSR1 is ignored
	 */
	int (*resize)(struct virtdev *dev, uint64_t bytes,
		      struct vsu_error *err);
	const struct devkind *kind;
};

/*
 * Serves dev until a signal ends it; returns an enum vsu_exit, and fills err
 * unless that is 0.
 */
int serve_device(const struct serving *how, struct virtdev *dev,
		 struct vmem_sigbus *sigbus, struct vsu_error *err);

#endif
