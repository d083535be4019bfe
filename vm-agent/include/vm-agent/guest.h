/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Containers and processes in a guest, seen from the host. The guest has the other end of each port
 * (<vm-agent/protocol.h>), and is not trusted: messages are bounded, checked, and accepted in their
 * order only; any other ends the connection.
 *
 *	vagent_guest_new()
 *	vagent_guest_port()         the guest's ends, for a console device
 *	vagent_guest_dispatch()     when vagent_guest_fd() is readable
 *	vagent_guest_is_ready()
 *	vagent_guest_add_container()
 *	vagent_process_prepare()    <vm-agent/process.h>
 *
 * No call blocks, except for a write to a file of the caller whose file system does. An agent that does not
 * read its messages makes calls fail with -ENOBUFS; the owner then ends the machine.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_GUEST_H
#define VM_AGENT_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-agent/attributes.h>
#include <vm-agent/protocol.h>
#include <vm-agent/request.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vagent_guest;

/* Fixed layout. A file system of the host, which the agent mounts for containers. */
struct vagent_share {
	const char *tag;	/* of the virtio-fs device */
	const char *path;	/* absolute, in the namespace of the agent */
	bool read_only;
};

/* Fixed layout. A network card of the guest, in the order of its devices. */
struct vagent_interface {
	const char *name;	/* new name, such as "eth0"; NULL: unchanged */
	const char *mac;	/* NULL: that of the device */
	const char *const *addresses; /* "192.0.2.2/24", "2001:db8::2/64"; a NULL ends them; NULL: none */
	/* "default 192.0.2.1", "10.0.0.0/8 192.0.2.3", or "2001:db8:1::/48 -" on the link; a NULL ends them; NULL: none */
	const char *const *routes;
	unsigned int mtu;	/* 0: that of the device */
};

/* All is borrowed during the call. Members other than size may be zero. */
struct vagent_guest_config {
	size_t size;		/* sizeof(struct vagent_guest_config); not 0 */
	uint64_t timeout_ms;	/* from the call until the agent serves; 0: none */
	bool clone;		/* the guest is a clone of a template: the agent waits already */
	const struct vagent_share *shares;
	unsigned int nshares;	/* at most VAGENT_MAX_SHARES */
	const struct vagent_interface *interfaces;
	unsigned int ninterfaces; /* at most VAGENT_MAX_INTERFACES */
	/*
	 * The root, folders, host name and network of a request, without its command, in place of shares and
	 * interfaces: the guest has them as for that command, and processes of VAGENT_ITSELF run in them. NULL: none.
	 */
	const struct vagent_request *system;
};

#define VAGENT_MAX_SHARES 32
#define VAGENT_MAX_INTERFACES 16

/*
 * Makes a connection and the sockets of its ports. -EINVAL: the size of config, a member, or a system beside shares
 * or interfaces; -E2BIG: its
 * texts exceed VAGENT_MAX_REQUEST; -ENOMEM; errors of socketpair().
 */
VAGENT_API int vagent_guest_new(struct vagent_guest **out, const struct vagent_guest_config *config,
		     struct vsu_error *err) VSU_NODISCARD;
/* Frees a connection in any state, after its processes; g may be NULL. */
VAGENT_API void vagent_guest_free(struct vagent_guest *g);

/*
 * Returns the guest's end of a port, a socket that the connection owns; -1 after vagent_guest_close_ports(), or if
 * the port does not exist.
 */
VAGENT_API int vagent_guest_port(const struct vagent_guest *g, enum vagent_port port) VSU_NODISCARD;
/* Closes the guest's ends, after the machine has duplicated them. */
VAGENT_API void vagent_guest_close_ports(struct vagent_guest *g);

/* Returns a descriptor of the connection that is readable when vagent_guest_dispatch() has work. */
VAGENT_API int vagent_guest_fd(const struct vagent_guest *g);
/* Serves the agent, all streams and the time limit once. False: the connection has failed; end the machine. */
VAGENT_API bool vagent_guest_dispatch(struct vagent_guest *g);
/* Returns whether the agent serves containers, and the connection has not failed. */
VAGENT_API bool vagent_guest_is_ready(const struct vagent_guest *g);
/*
 * Returns the negative errno of a connection that has failed, with a sentence in *why, or 0. -ETIMEDOUT: the
 * agent did not serve within the time; -EPROTO: the agent is not trusted further, or has another version;
 * -ECANCELED: the agent reported its failure; -ECONNRESET: the guest closed a port.
 */
VAGENT_API int vagent_guest_failure(const struct vagent_guest *g, struct vsu_error *why) VSU_NODISCARD;

/* Fixed layout. A mount of a container, as of mount(2): NULL texts are empty. */
struct vagent_mount {
	const char *type;	/* "tmpfs"; not used with MS_BIND */
	const char *source;	/* with MS_BIND a path in the namespace of the agent */
	const char *target;	/* absolute, in the container; a missing folder or file is made */
	const char *data;	/* options of the file system */
	/*
	 * MS_* of mount(2). With MS_BIND, MS_RDONLY and others are those of the new mount. A propagation
	 * flag is applied afterwards.
	 */
	uint64_t flags;
	bool copies_up;		/* a tmpfs that begins with copies of the files at its target, and the mode of that folder */
};

/* Fixed layout. A device node of a container. */
struct vagent_device {
	const char *path;	/* absolute, in the container */
	char type;		/* 'c', 'b', or 'p' for a FIFO */
	unsigned int major, minor;
	unsigned int mode;	/* bits of access */
	uint32_t user, group;
};

/* All is borrowed during the call. Members other than size and root may be zero; lists of texts end with NULL. */
struct vagent_container {
	size_t size;		/* sizeof(struct vagent_container); not 0 */
	const char *root;	/* absolute path in the namespace of the agent, as "/share/rootfs" */
	const char *hostname;	/* needs CLONE_NEWUTS; NULL: that of the guest */
	bool readonly_root;
	const struct vagent_mount *mounts; /* in this order */
	unsigned int nmounts;
	const struct vagent_device *devices;
	unsigned int ndevices;
	const char *const *masked; /* paths whose content is hidden; missing ones are ignored */
	const char *const *readonly; /* paths that are made read-only; missing ones are ignored */
	const char *const *sysctls; /* "net.ipv4.ip_forward=1" */
	/*
	 * CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP and CLONE_NEWNET of clone(2); the container shares others
	 * with the guest. Namespaces of PIDs and mounts are always its own.
	 */
	unsigned int namespaces;
	/*
	 * Files of its control group in the guest, version 2: "memory.max=1048576". The first process fails if the kernel
	 * lacks one.
	 */
	const char *const *limits;
};

/*
 * Adds a container and sets *number to its number. The agent mounts nothing until the first process is prepared,
 * which reports failures. -EAGAIN: the guest is not ready; -EINVAL: a member; -E2BIG: the texts exceed
 * VAGENT_MAX_REQUEST; -ENOBUFS: the agent does not read; -ENOMEM.
 */
VAGENT_API int vagent_guest_add_container(struct vagent_guest *g, const struct vagent_container *container,
			unsigned int *number, struct vsu_error *err) VSU_NODISCARD;
/* Kills the processes of a container and removes it. -EAGAIN, -ENOBUFS: as above; -ENOENT: no such number. */
VAGENT_API int vagent_guest_remove_container(struct vagent_guest *g, unsigned int number,
			struct vsu_error *err) VSU_NODISCARD;

/* Receives process IDs of a container, as of the guest's first PID namespace, which are valid during the call. */
typedef void vagent_list_fn(void *opaque, const uint32_t *pids, unsigned int n);
/*
 * Lists the processes of a container: f is called once, by vagent_guest_dispatch(), unless the connection fails.
 * -EAGAIN, -ENOBUFS, -ENOMEM: as above; -ENOENT: no such number.
 */
VAGENT_API int vagent_guest_list(struct vagent_guest *g, unsigned int container, vagent_list_fn *f, void *opaque,
			struct vsu_error *err) VSU_NODISCARD;

/* Fixed layout. What a container has used, as its guest counts: 0 if the guest does not know. */
struct vagent_usage {
	uint64_t memory, max_memory; /* bytes now, and at most until now */
	uint64_t cpu, user, system; /* microseconds; cpu is the sum of both others */
	uint32_t processes;
};

/* Receives the usage of a container, which is valid during the call. */
typedef void vagent_usage_fn(void *opaque, const struct vagent_usage *usage);
/*
 * Measures a container: f is called once, by vagent_guest_dispatch(), unless the connection fails. -EAGAIN, -ENOBUFS,
 * -ENOMEM: as above; -ENOENT: no such number.
 */
VAGENT_API int vagent_guest_measure(struct vagent_guest *g, unsigned int container, vagent_usage_fn *f, void *opaque,
			struct vsu_error *err) VSU_NODISCARD;

/*
 * Sets the guest's clock to the host's, after its machine was paused: the guest's clock stood still. -EAGAIN,
 * -ENOBUFS, -ENOMEM: as above; -EIO: the host has no random bytes, which the guest receives, too.
 */
VAGENT_API int vagent_guest_set_clock(struct vagent_guest *g, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
