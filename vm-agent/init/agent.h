/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Private parts of the guest's first process, beside those of <vm-agent/init.h>. */
#ifndef VMM_AGENT_AGENT_H
#define VMM_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "vm-agent/init.h"
#include "vm-agent/protocol.h"

#define AGENT_MAX_FOLDERS 32

/* A request, whose texts are in its message. */
struct agent_request {
	char **argv, **envp;
	char **presets;		/* of the environment, for names that envp does not have; NULL: none */
	const char *cwd, *hostname;
	const char *own;	/* one of the agent's own programs, whose operand is the first word; or NULL */
	const char *network;	/* ADDRESS/BITS GATEWAY RESOLVER MAC MTU, or NULL */
	bool writable_root, terminal;
	bool image;		/* the root is in the first disk, not in a folder of the host */
	unsigned int rows, columns;
	const char *folders[AGENT_MAX_FOLDERS]; /* TAG:ro|rw:PATH */
	unsigned int nfolders;
};

/* modules.c: loads the modules of the initrd in their order, except later ones. */
void vagent_priv_load_modules(void);

/* mounts.c: enters the command's root: a folder that is mounted, or NULL: the one that the host shares. */
void vagent_priv_enter_root(const struct agent_request *r, const char *root);
/* root_files.c: whether a file is in the guest's memory, not in a file system of the host or of an image. */
bool vagent_priv_is_in_memory(const char *path);
/* root_files.c: makes a file that does not exist in the guest's memory. False: it would be elsewhere. */
bool vagent_priv_require_file(const char *path);
/* mounts.c: mounts a file system of the host by "TAG:ro|rw:PATH". */
void vagent_priv_mount_folder(const char *text);
/* mounts.c: makes a mounted file system the root. */
void vagent_priv_switch_root(const char *folder);

/* The mount point of the command's root until it is entered. */
#define AGENT_ROOT "/newroot"
/* system.c: mount(), which may have been done before. */
void vagent_priv_mount(const char *what, const char *where, const char *type, unsigned long flags,
		 const char *data);
/* system.c: /dev, /proc and /sys of the initrd. */
void vagent_priv_mount_early(void);
/* system.c: /dev, /proc, /sys, /run and others of the command's root, which is mounted. */
void vagent_priv_mount_system(void);

/* names.c: the host name of a request, which resolves, as does localhost; after the network has its address. */
void vagent_priv_name_guest(const struct agent_request *r);
/* accounts.c: returns NULL for anything but a regular file, which might block. */
FILE *vagent_priv_open_regular(const char *path);
/* accounts.c: /etc/shadow and the rule of sudo for root, if the root lacks them. */
void vagent_priv_make_accounts(void);

/* network.c: programs expect 127.0.0.1, also without a network. */
void vagent_priv_raise_loopback(void);
/* network.c: configures the first interface of a device by a request's text. */
void vagent_priv_raise_network(const char *text);

/* network.c: reads six bytes as "02:00:00:00:00:07". */
#define AGENT_MAC 6
bool vagent_priv_read_mac(const char *text, unsigned char mac[AGENT_MAC]);

/* boot.c: mounts the root of the kernel's command line, and executes its init. */
void vagent_priv_boot(void) __attribute__((noreturn));
bool vagent_priv_has_word(const char *word);

/* root_device.c: whether root=VALUE has the form PARTUUID=, PARTLABEL=, UUID= or LABEL=. */
bool vagent_priv_root_has_name(const char *root);
/* superblock.c: the type of the file system of a device or file; NULL: unknown, or it cannot be read. */
const char *vagent_priv_superblock_type_of(const char *path);
#define AGENT_DEVICE 256
/* root_device.c: the device with such a name. False: there is none yet. */
bool vagent_priv_find_root(const char *root, char path[AGENT_DEVICE]);

/* report.c: a port is -1 until it is open. */
extern int vagent_priv_ports[VAGENT_PORTS];
void vagent_priv_send(enum vagent_message type, const void *payload, size_t len);
/* report.c: waits until the control port has bytes (POLLIN) or room (POLLOUT). */
void vagent_priv_wait(short events);

/* ports.c: waits until all are present, and opens them. */
void vagent_priv_open_ports(void);
/* ports.c: waits for a whole message; its payload is allocated and ends with a NUL that is not counted. */
char *vagent_priv_receive(struct vagent_header *header);

/*
 * moment.c: sets the clock, and reseeds the kernel's random numbers, by a struct vagent_moment.
 * A clone that cannot reseed them fails.
 */
void vagent_priv_enter_moment(const char *payload, size_t len, bool cloned);

/*
 * request.c: returns the texts of records with a letter; NULL ends them. The caller frees the list; its texts are
 * those of the records.
 */
char **vagent_priv_collect_words(char letter, char *records, size_t len);
/* request.c: the request's texts are those of the records, which must remain. */
void vagent_priv_read_request(struct agent_request *r, char *records, size_t len);
/* request.c: the same without a command. */
void vagent_priv_read_system(struct agent_request *r, char *records, size_t len);
/* request.c: whether the records of GUEST have a root, in which processes run that are in no container. */
bool vagent_priv_has_root(const char *records, size_t len);

/* oom.c: begins to count processes that the kernel kills for lack of memory, from 0. */
void vagent_priv_watch_kills(void);
/* oom.c: whether there was one since, which may be another process than the command. */
bool vagent_priv_saw_kills(void);

#endif
