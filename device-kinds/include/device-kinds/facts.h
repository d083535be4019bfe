/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Facts of a device that follow from its keys before it is made: files that it opens, sockets
 * that it creates, and resources that only one machine can use. Rights of a process, files of a
 * jail and checks across machines follow from them.
 *
 * Threads: no state.
 */
#ifndef DEVICE_KINDS_FACTS_H
#define DEVICE_KINDS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/attributes.h>

VSU_BEGIN_DECLS

struct devkind;
struct devkind_key;

/* Maximum number of sockets that a device creates. */
#define DEVKIND_MAX_SOCKETS 9

/* Maximum number of names that only one machine can use. */
#define DEVKIND_MAX_NAMES 4

/* Maximum number of files and folders that a device opens. */
#define DEVKIND_MAX_OPENS 3

/* A file or folder that a device opens, and what for. */
struct devkind_opening {
	const char *key;	/* whose value text is, or NULL */
	const char *text;	/* a path, "fd:N[:NAME]" (vmm-sys-util/file_value.h) or an address */
	enum devkind_use {
		DEVKIND_READS,
		DEVKIND_WRITES,	/* and reads */
		DEVKIND_SHARES,	/* a folder, whose files are opened later */
		DEVKIND_SHARES_READ,	/* only for reading */
		DEVKIND_CREATES,	/* files in a folder */
		DEVKIND_LOGS,	/* appends to it, and to its predecessor (port_log.h) */
	} use;
};

/* Files that a process without a capability cannot make for a guest; bits. */
enum devkind_makes {
	DEVKIND_MAKES_NODES = 1,		/* device nodes: CAP_MKNOD */
	DEVKIND_MAKES_CAPABILITIES = 2,	/* of files: CAP_SETFCAP */
};

/* Used by reports, and by checks across devices and machines. */
struct devkind_facts {
	const char *file;	/* the backing file, or NULL */
	bool writes;		/* the file may be written */
	bool locks;		/* locks the file itself: a writing device excludes all others */
	bool temporary;		/* what the guest writes ends with the program */
	bool connects;		/* opens connections while it is served */
	bool finds_files;	/* opens files by handles */
	bool sets_labels;	/* sets attributes that require CAP_SYS_ADMIN on a kernel without
				 * SELinux */
	bool stdio;		/* uses standard input and output */
	uint32_t workers;	/* number of worker threads */
	uint32_t makes;		/* of enum devkind_makes */
	/* Files and folders that it opens by a name; text NULL: end. For rules of sandboxes. */
	struct devkind_opening opens[DEVKIND_MAX_OPENS + 1];
	/* Paths of sockets that it creates and finally removes; NULL: end. */
	const char *sockets[DEVKIND_MAX_SOCKETS];
	/*
	 * Further resources: a tap interface, another program's socket, a
	 * network address, a disk on a server that is written; NULL ends the
	 * list.
	 */
	const char *names[DEVKIND_MAX_NAMES];
	const char *interface;	/* of the network, that it opens by its name, or NULL */
	const char *peer;	/* path of another program's socket that it connects to, or NULL */
	/*
	 * A resource that exists only in the host's namespaces of network and mounts, or
	 * NULL: a tap interface, a server's address, a new terminal.
	 */
	const char *outside;
	uint64_t cid;	/* context id; unique on the host if the kernel serves vsock; 0: none */
};

/* The facts of a device: from its keys, and its kind's own. */
DEVKIND_API struct devkind_facts devkind_facts_of(const struct devkind *kind,
						  const void *config);
/* Its file as it was specified, a path or a descriptor (vmm-sys-util/file_value.h); NULL: none. */
DEVKIND_API const char *devkind_facts_file(const struct devkind_facts *facts);

/*
 * The digits of the descriptor to which a value of the key refers, which end at a colon or
 * with the value; NULL: it refers to none.
 */
DEVKIND_API const char *devkind_key_digits(const struct devkind_key *key, const char *value);

/* Whether no value of the key refers to an object of the host. */
DEVKIND_API bool devkind_key_is_harmless(const struct devkind_key *key);

VSU_END_DECLS

#endif
