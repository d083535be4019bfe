/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kinds of devices: everything that a program needs to know about a device, in
 * one table per kind. cvmm creates its devices from them, and each daemon
 * serves one of them behind a socket. Help, suggestions and error messages are
 * derived from the keys.
 *
 * Tables belong to the library, and later versions may add members at their end.
 *
 * Threads: the tables are constant; for devices see virtio-devices/device.h.
 */
#ifndef DEVICE_KINDS_KIND_H
#define DEVICE_KINDS_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <device-kinds/attributes.h>
#include <device-kinds/facts.h>
#include <device-kinds/refers.h>
#include <device-kinds/socket_access.h>
#include <device-kinds/workers.h>
#include <virtio-devices/device.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/port.h>
#include <virtio-devices/vhost_kern.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/option_list.h>

VSU_BEGIN_DECLS

/* One property of a device. */
struct devkind_key {
	struct vsu_option option;	/* name and kind as a key of cvmm's lists */
	const char *daemon_name;	/* the daemon's name for it; NULL: the same */
	/*
	 * Offset of its value in the kind's config: a const char * for a
	 * string, a uint64_t for all others.
	 */
	size_t offset;
	enum devkind_refers refers;
	/* keys with a value of which a file or folder is only read; NULL ends the list */
	const char *read_if[4];
	uint32_t max_len;	/* maximum length of a string; 0: no limit */
	uint32_t max_times;	/* size of the array of const char * for a string that may be
				 * repeated; 0: a single one */
	bool required;		/* the device requires a value */
	bool runtime;		/* a number that can change while the device runs, see limit() */
	/*
	 * For a key of the daemon only: the reason why cvmm's own device does
	 * not support it, or NULL.
	 */
	const char *not_inline;
	const char *zero_not_inline;	/* for a value of 0, likewise, or NULL */
	/*
	 * cvmm has a common key of the same name for devices behind a socket;
	 * for other devices this one is used. Must be last.
	 */
	bool common;
};

/* Limits for all kinds: size of the config, and number of keys. */
#define DEVKIND_MAX_CONFIG 400
#define DEVKIND_MAX_KEYS 20

/* The process in which a device is opened. */
struct devkind_host {
	void *opaque;
	/* A line for the operator. cause: lines of one kind, whose number may be limited; or NULL. */
	void (*warn)(void *opaque, const char *cause, const char *text);
	/*
	 * Threads that close files of a file server, so that the device does not wait for it.
	 * Without an error, NULL means that the device closes them, as does a missing function.
	 */
	struct vsu_closer *(*file_closer)(void *opaque, struct vsu_error *err);
};

/* Receives the reports of a device; lives as long. */
struct devkind_reporter {
	const struct devkind_host *host;
	const char *text;	/* the first property of the device, or NULL */
};

/* Properties that every device has. */
struct devkind_common {
	uint32_t queues;	/* 0: one */
	uint32_t queue_size;	/* entries per queue; 0: the device's default */
	const char *recover;	/* file for recovery of a folder's inodes and handles after a crash,
				 * or NULL */
	const struct devkind_host *host; /* outlives the device; NULL: warnings are dropped */
	struct devkind_reporter *reporter; /* filled in; NULL: reports are dropped */
	struct vmem_sigbus *sigbus; /* table of mapped files */
	const struct devkind_socket_access *sockets; /* access to the sockets that the device creates;
						   * or NULL */
	bool unlocked;		/* opens its file without a lock; set_locked() follows */
	bool continues;		/* the guest has used it before: what it contains is the guest's */
	bool trial;		/* for checks only: writes no log */
	bool confined;		/* a filter for system calls follows, so create everything now */
	/*
	 * Opens standard input and output as a port; NULL: use the descriptors.
	 */
	int (*open_stdio)(void *stdio, struct virtdev_port **out,
			  struct vsu_error *err);
	void *stdio;
	/* For devices that return memory to the host; space outlives them. */
	struct vmem_space *space;	/* the guest's memory, or NULL */
	/* True if a region is RAM and not part of another device's memory. */
	bool (*is_ram)(void *ram_owner, const struct vmem_region *region);
	void *ram_owner;
	struct virtdev *own;	/* of the kind "own"; borrowed */
};

/* A device whose queues the host's kernel serves. */
struct devkind_kernel {
	/* -EINVAL: an unsupported or a missing key. */
	int (*check)(const void *config, struct vsu_error *err);
	int (*open)(const void *config, const struct devkind_common *common,
		    struct virtdev_vhost_kern **out, struct vsu_error *err);
};

struct devkind {
	const char *name;	/* "blk" */
	const char *summary;	/* for the help text: "a disk" */
	enum virtdev_id id;
	bool has_daemon;	/* a program of its own serves it behind a socket */
	uint32_t max_queues;
	uint32_t own_queues;	/* queues of a device served by this program; 0: any number */
	uint32_t min_queue_size;	/* entries */
	const char *queue_size;	/* for the help text: default size of a queue */
	const struct devkind_key *keys;	/* ends with a row without a name */
	struct vsu_list_value value;	/* the key of a value without a key */
	/* Strings of the config must live as long as the device. */
	int (*open)(const void *config, const struct devkind_common *common,
		    struct virtdev **out, struct vsu_error *err);
	/*
	 * Checks the config as open() does, without creating anything, for a
	 * program that is confined before it opens the device, or NULL.
	 */
	int (*judge)(const void *config, const struct devkind_common *common,
		     struct vsu_error *err);
	const struct devkind_kernel *kernel;	/* NULL: not supported */
	/*
	 * Changes the size, in bytes, while the device runs; NULL if the device
	 * has none.
	 */
	int (*resize)(struct virtdev *dev, uint64_t bytes,
		      struct vsu_error *err);
	/* The key of that size; NULL: the size belongs to the device's state, or to its file. */
	const char *resize_key;
	/* Applies the config's keys with runtime; NULL: the kind has none. */
	int (*limit)(struct virtdev *dev, const void *config,
		     struct vsu_error *err);
	/*
	 * For a hand-over of the file or log to another process, while no request is in
	 * progress: locks or unlocks it (-EBUSY), and writes it to stable storage, which
	 * blocks and is for any thread. NULL: there is no file.
	 */
	int (*set_locked)(struct virtdev *dev, bool locked,
			  struct vsu_error *err);
	int (*flush)(struct virtdev *dev, struct vsu_error *err);
	/*
	 * Describes the content of the file, also for any thread. -EOPNOTSUPP: this device
	 * has no file. NULL: there is none.
	 */
	int (*identify)(struct virtdev *dev, struct virtdev_disk_identity *out,
			struct vsu_error *err);
	/*
	 * For a migration of plugged memory, or NULL: keeps the plugged blocks while held
	 * (-EAGAIN: they are changing), and plugs blocks of a device that has no driver
	 * yet.
	 */
	int (*hold)(struct virtdev *dev, bool held);
	int (*plug)(struct virtdev *dev, uint64_t offset, uint64_t len,
		    struct vsu_error *err);
	/* Requests new statistics from the driver; NULL: none exist. */
	void (*refresh)(struct virtdev *dev);
	/* Facts that do not follow from what the keys refer to; NULL: none. */
	void (*describe)(const void *config, struct devkind_facts *facts);
	/*
	 * Completes the config of a device whose queues share the thread of a
	 * program's main loop, as cvmm's do, or NULL.
	 */
	void (*share_loop)(void *config);
	/* Work for threads that serve requests; NULL: none. */
	const struct devkind_work *work;
	/*
	 * The program ends: prepares the device for its replacement process; or
	 * NULL.
	 */
	void (*keep)(struct virtdev *dev);
	/*
	 * -EIO: a mapped file was truncated, and the device continues without
	 * it, or NULL.
	 */
	int (*check)(struct virtdev *dev, struct vsu_error *err);
	/*
	 * Behind a socket the device is generic for its id: the back-end's part
	 * of the configuration becomes keys, and its own keys are not
	 * available.
	 */
	bool any_when_remote;
	/*
	 * A further option of the daemon that replaces one, as continues above, or NULL.
	 */
	const char *replacement;
};

/* The kinds that a program serves by itself or behind a socket. */
DEVKIND_API const struct devkind *devkind_balloon(void);
DEVKIND_API const struct devkind *devkind_blk(void);
DEVKIND_API const struct devkind *devkind_console(void);
DEVKIND_API const struct devkind *devkind_fs(void);
DEVKIND_API const struct devkind *devkind_net(void);
DEVKIND_API const struct devkind *devkind_mem(void);
DEVKIND_API const struct devkind *devkind_pmem(void);
DEVKIND_API const struct devkind *devkind_rng(void);
DEVKIND_API const struct devkind *devkind_vsock(void);

/* Each of these kinds, in this order; NULL: i is not less than their number. */
DEVKIND_API const struct devkind *devkind_get(unsigned int i);

/* The one of this name, of len bytes, or NULL. */
DEVKIND_API const struct devkind *devkind_find(const char *name, size_t len);

/*
 * A device of the program that embeds a machine; not among those above. Its name, or NULL if the
 * device is of another kind.
 */
DEVKIND_API const struct devkind *devkind_own(void);
DEVKIND_API const char *devkind_own_name(const struct devkind *kind, const void *config);

/* The number of its keys. */
DEVKIND_API unsigned int devkind_nkeys(const struct devkind *kind);

/* The index of the key with this name; devkind_nkeys(): the kind has none. */
DEVKIND_API unsigned int devkind_key_index(const struct devkind *kind, const char *name);

/*
 * Stores the value of a key; what names the option in messages, as "key 'serial'" does.
 */
DEVKIND_API int devkind_set(const struct devkind *kind, unsigned int key, const char *what,
			    const struct vsu_option_value *value, void *config,
			    struct vsu_error *err) VSU_NODISCARD;

/*
 * Reads the value number i of a key that devkind_set() stored; i is 0 if the key may not be
 * repeated. False: the key has no such value; a number or flag that is 0 is the default.
 */
DEVKIND_API bool devkind_get_value(const struct devkind *kind, unsigned int key, uint32_t i,
				   const void *config, struct vsu_option_value *value);

/*
 * Writes the option of the kind's daemon for a value of this key, "--NAME=VALUE". Returns its length,
 * as snprintf() does: also of one that does not fit into size bytes.
 */
DEVKIND_API size_t devkind_daemon_option(const struct devkind_key *key,
					 const struct vsu_option_value *value, char *text,
					 size_t size);

/*
 * Opens the device. Its reports are warnings of the host, except those of an own device: another
 * machine may serve it until this one's server has been made. After a failure *out is unchanged.
 */
DEVKIND_API int devkind_make(const struct devkind *kind, const void *config,
			     const struct devkind_common *common, struct virtdev **out,
			     struct vsu_error *err) VSU_NODISCARD;

/* Makes the device's reports warnings of the host. */
DEVKIND_API void devkind_report(const struct devkind *kind, const void *config,
				const struct devkind_common *common, struct virtdev *dev);

/* The first required key without a value, or NULL. */
DEVKIND_API const struct devkind_key *devkind_missing(const struct devkind *kind,
						      const void *config);

/*
 * Rows of aliases, with their terminator, for the end of a table: the names that the
 * daemons have for cvmm's keys, or of cvmm for a daemon's options. kind may be NULL.
 */
#define DEVKIND_ALIAS_ROWS (DEVKIND_MAX_KEYS + 2)
DEVKIND_API void devkind_alias_rows(const struct devkind *kind, bool of_daemon,
				    struct vsu_option *rows);

VSU_END_DECLS

#endif
