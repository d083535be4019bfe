/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parts of the guest's first process. A failure of any part ends the guest, so functions do not return it. */
#ifndef VMM_AGENT_AGENT_H
#define VMM_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vm-agent/protocol.h"


#define AGENT_MAX_FOLDERS 32

/* A request, whose texts are in its message. */
struct agent_request {
	char **argv, **envp;
	const char *cwd, *hostname;
	const char *own;	/* one of the agent's own programs, whose operand is the first word; or NULL */
	const char *network;	/* ADDRESS/BITS GATEWAY RESOLVER MAC MTU, or NULL */
	bool writable_root, terminal;
	bool image;		/* the root is in the first disk, not in a folder of the host */
	unsigned int rows, columns;
	const char *folders[AGENT_MAX_FOLDERS]; /* TAG:ro|rw:PATH */
	unsigned int nfolders;
};

/* report.c: reports to the host how the command was not executed, and a sentence. */
void agent_end(enum vagent_how how, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/*
 * report.c: reports a failure of the agent to the host, and ends the guest; without an open port on the
 * console, and ends it by a panic of its kernel, which is a failure for every host.
 */
void agent_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* modules.c: loads the modules of the initrd in their order, except later ones. */
void agent_load_modules(void);
/* modules.c: loads the later modules up to one, which may be built in. */
void agent_load_modules_until(const char *name);

/* await.c: waits until it is there, checked after each event of the kernel, for up to ms. */
bool agent_await(bool (*is_there)(void *opaque), void *opaque, int ms);

/* mounts.c: enters the command's root: a folder that is mounted, or NULL: the one that the host shares. */
void agent_enter_root(const struct agent_request *r, const char *root);
/* root_files.c: makes a folder and those above it. */
void agent_make_folders(const char *path);
/* root_files.c: whether a file is in the guest's memory, not in a file system of the host or of an image. */
bool agent_is_in_memory(const char *path);
/* root_files.c: makes a file that does not exist in the guest's memory. False: it would be elsewhere. */
bool agent_require_file(const char *path);
/* mounts.c: mounts a file system of the host by "TAG:ro|rw:PATH". */
void agent_mount_folder(const char *text);
/* mounts.c: makes a mounted file system the root. */
void agent_switch_root(const char *folder);

/* The mount point of the command's root until it is entered. */
#define AGENT_ROOT "/newroot"
/* system.c: mount(), which may have been done before. */
void agent_mount(const char *what, const char *where, const char *type, unsigned long flags,
		 const char *data);
/* system.c: /dev, /proc and /sys of the initrd. */
void agent_mount_early(void);
/* system.c: /dev, /proc, /sys, /run and others of the command's root, which is mounted. */
void agent_mount_system(void);

/* names.c: the host name of a request, which resolves, as does localhost; after the network has its address. */
void agent_name_guest(const struct agent_request *r);
/* accounts.c: /etc/shadow and the rule of sudo for root, if the root lacks them. */
void agent_make_accounts(void);

/* network.c: programs expect 127.0.0.1, also without a network. */
void agent_raise_loopback(void);
/* network.c: configures the first interface of a device by a request's text. */
void agent_raise_network(const char *text);

/* network.c: reads six bytes as "02:00:00:00:00:07". */
#define AGENT_MAC 6
bool agent_read_mac(const char *text, unsigned char mac[AGENT_MAC]);

/* boot.c: mounts the root of the kernel's command line, and executes its init. */
void agent_boot(void) __attribute__((noreturn));
/* boot.c: the value of the last word NAME=VALUE of the kernel's command line, or NULL. */
const char *agent_word(const char *name);
bool agent_has_word(const char *word);
#define AGENT_CMDLINE 4096
/* boot.c: the kernel's command line without a word. */
void agent_cmdline_without(const char *word, char line[AGENT_CMDLINE]);

/* root_device.c: whether root=VALUE has the form PARTUUID=, PARTLABEL=, UUID= or LABEL=. */
bool agent_root_has_name(const char *root);
#define AGENT_DEVICE 256
/* root_device.c: the device with such a name. False: there is none yet. */
bool agent_find_root(const char *root, char path[AGENT_DEVICE]);

/* report.c: a port is -1 until it is open. */
extern int agent_ports[VAGENT_PORTS];
void agent_send(enum vagent_message type, const void *payload, size_t len);
/* report.c: waits until the control port has bytes (POLLIN) or room (POLLOUT). */
void agent_wait(short events);

/* ports.c: waits until all are present, and opens them. */
void agent_open_ports(void);
/* ports.c: waits for a whole message; its payload is allocated and ends with a NUL that is not counted. */
char *agent_receive(struct vagent_header *header);

/*
 * moment.c: sets the clock, and reseeds the kernel's random numbers, by a struct vagent_moment.
 * A clone that cannot reseed them fails.
 */
void agent_enter_moment(const char *payload, size_t len, bool cloned);

/*
 * request.c: returns the texts of records with a letter; NULL ends them. The caller frees the list; its texts are
 * those of the records.
 */
char **agent_collect_words(char letter, char *records, size_t len);
/* request.c: the request's texts are those of the records, which must remain. */
void agent_read_request(struct agent_request *r, char *records, size_t len);
/* request.c: the same without a command. */
void agent_read_system(struct agent_request *r, char *records, size_t len);
/* request.c: whether the records of GUEST have a root, in which processes run that are in no container. */
bool agent_has_root(const char *records, size_t len);

/* oom.c: begins to count processes that the kernel kills for lack of memory, from 0. */
void agent_watch_kills(void);
/* oom.c: whether there was one since, which may be another process than the command. */
bool agent_saw_kills(void);

/* command.c: the command, and its ends of the streams; err is -1 with a terminal. */
struct agent_command {
	pid_t pid;
	int in, out, err;
	bool terminal;
};
void agent_start(struct agent_command *c, const struct agent_request *r);
/* command.c: raises limits of this process to what systems have. */
void agent_raise_limits(void);

/* streams.c: copies until the command has ended, and reports its end. */
void agent_serve(struct agent_command *c) __attribute__((noreturn));

/* The boot loader of a first process, for the first disk. */
struct agent_images {
	void (*boot)(void);	/* boots the kernel of the first disk; does not return */
	/* Mounts the file system of the first disk that has a system, and returns its root. */
	const char *(*mount)(bool writable);
	/* Starts the kernel of the first disk for the command; returns if that is not possible. */
	void (*start_kernel)(void);
};

/*
 * run.c: executes the command of a request, or a system, as the kernel's command line has it. NULL: without
 * a boot loader. Returns the exit status of a process that is not the first one.
 */
int agent_run(const struct agent_images *images);

#endif
