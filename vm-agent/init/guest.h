/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest with containers and several processes, served by its first process. Functions of a process that is
 * being prepared (prefix child_) run in that process, report failures through it and end it.
 */
#ifndef VM_AGENT_INIT_GUEST_H
#define VM_AGENT_INIT_GUEST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/agent.h"

/* ------------------------------------------------------------------ containers */

/* Control groups, and the one of the container with a number. */
#define CONTAINER_GROUPS "/sys/fs/cgroup"
#define CONTAINER_GROUP CONTAINER_GROUPS "/cvmm.%u"

struct guest_mount {
	const char *target, *type, *source, *data;
	unsigned long flags;
	bool copies;		/* begins with the files of its target */
};

/* Namespaces that further processes of a container join. */
enum guest_namespace {
	NS_CGROUP, NS_IPC, NS_UTS, NS_NET, NS_PID, NS_MNT, NAMESPACES,
};

/* Texts are in the payload of its message. The guest itself has no message, and is always CONTAINER_READY. */
struct guest_container {
	struct guest_container *next;
	uint32_t number;	/* VAGENT_ITSELF: the guest, with the namespaces of the agent */
	enum {
		CONTAINER_NEW,		/* no process was prepared */
		CONTAINER_PREPARING,	/* its first process */
		CONTAINER_READY,
		CONTAINER_ENDED,
	} state;
	bool removed;		/* and freed when its last process is */
	unsigned int nprocesses;
	pid_t first;		/* its PID 1, while it is not reaped; 0: none */
	int namespaces[NAMESPACES]; /* descriptors, from CONTAINER_READY on */
	char *payload;
	const char *root, *hostname;
	bool readonly_root;
	unsigned int flags;	/* CLONE_NEW* */
	struct guest_mount *mounts;
	unsigned int nmounts;
	char **devices, **masked, **readonly, **sysctls, **limits; /* NULL ends each */
};

/* container_records.c: reads records into an empty container; their texts must remain. */
void vagent_priv_container_read(struct guest_container *c, char *text, size_t len);
/* container_records.c: frees the lists of vagent_priv_container_read(). */
void vagent_priv_container_fini(struct guest_container *c);
/* container.c: takes the payload of a message, len bytes that are allocated; records follow after head bytes. */
struct guest_container *vagent_priv_container_new(uint32_t number, char *payload, size_t head, size_t len);
void vagent_priv_container_free(struct guest_container *c);
/* container.c: opens the namespaces of its first process. A negative errno. */
int vagent_priv_container_open_namespaces(struct guest_container *c);
/*
 * container.c: calls f for each process of a container that has one, as its PID namespace has, until
 * it returns false.
 */
void vagent_priv_container_walk(const struct guest_container *c, bool (*f)(void *opaque, pid_t pid), void *opaque);
/* container.c: begins a process in the PID namespace of a container, as fork() does. */
pid_t vagent_priv_container_fork(const struct guest_container *c);
/* container_devices.c: refuses devices, other than /dev/null and its like, to a container in its control group. */
void vagent_priv_child_filter_devices(const struct guest_container *c);
/* container_group.c: prepares the control groups of a guest for those of containers. */
void vagent_priv_container_enable_controllers(void);
/* container_group.c: moves this process into the control group of a container, with the limits of a new one. */
void vagent_priv_child_enter_group(const struct guest_container *c);
/* container_group.c: writes a file of the kernel, or fails. */
void vagent_priv_child_write_text(const char *path, const char *text);
/* container_group.c: fills in what the container has used; zeros without a control group. */
void vagent_priv_container_measure(const struct guest_container *c, struct vagent_measured *m);
/* container_group.c: removes the group, whose processes have ended. */
void vagent_priv_container_remove_group(const struct guest_container *c);
/* container.c: makes the namespaces and mounts of the container, or joins them. */
void vagent_priv_child_enter_container(const struct guest_container *c);
/* container_mounts.c: mounts the root and all others, and enters the root. */
void vagent_priv_child_mount_container(const struct guest_container *c);
/* container_mounts.c: makes the root of a container read-only, if its description does. */
void vagent_priv_child_seal_root(const struct guest_container *c);
/* copy.c: copies all files of a folder into an empty one. A negative errno. */
int vagent_priv_child_copy_folder(int from, int to);
/* container_paths.c: opens a path for a mount. A negative errno. */
int vagent_priv_child_open_place(const char *path);
/* container_paths.c: makes a folder and those above it. A negative errno. */
int vagent_priv_child_make_folders(const char *path);
/* container_paths.c: makes the folders above a path; returns the last of them, and the last name; empty: the path is "/". */
int vagent_priv_child_make_above(const char *path, char name[NAME_MAX + 1]);
/* container_paths.c: makes an empty file or a folder, unless the path exists, and opens it for a mount. A negative errno. */
int vagent_priv_child_make_target(const char *path, bool is_folder);

/* ---------------------------------------------------------------------- rights */

struct guest_order;

struct guest_rights {
	const char *account;	/* USER[:GROUP], names or numbers; NULL: the following are those of the record */
	uid_t user;
	gid_t group;
	mode_t umask;
	char **groups, **limits; /* texts of records; NULL ends each */
	bool has_capabilities, no_new_privileges;
	uint64_t capabilities[5]; /* bounding, effective, inheritable, permitted, ambient */
	const char *filter;	/* of system calls; or NULL */
	const char *oom_score_adj; /* or NULL */
};

/* rights_records.c: the texts remain those of the records. */
void vagent_priv_rights_read(struct guest_rights *r, char *records, size_t len);
/* user.c: replaces the account by numbers and groups, in the root of the process; its environment, too. */
void vagent_priv_child_find_user(struct guest_order *o);
/* rights.c: what needs the file systems of the agent. */
void vagent_priv_child_begin_rights(const struct guest_rights *r);
/* rights.c: all but the filter of a process that cannot gain privileges. */
void vagent_priv_child_take_rights(const struct guest_rights *r);
/* rights.c: that filter, as the last one before the program. */
void vagent_priv_child_end_rights(const struct guest_rights *r);

/* --------------------------------------------------------------------- streams */

/* The input of a process: bytes in a ring of VAGENT_WINDOW bytes. */
struct guest_input {
	int fd;			/* -1: closed; bytes are discarded */
	unsigned char *bytes;	/* NULL: none have arrived yet */
	uint32_t at, have;
	uint32_t consumed;	/* bytes that were not credited to the host yet */
	unsigned char last;	/* byte that was written */
	bool ended;		/* by the host */
};

struct guest_output {
	int fd;			/* -1: closed */
	uint32_t credit;	/* bytes that may be sent */
	bool lost;		/* the reader is gone; bytes are discarded */
	bool end_sent;
};

/* ------------------------------------------------------------------- processes */

struct guest_process {
	struct guest_process *next;
	struct guest_container *container;
	uint32_t number;
	pid_t pid;		/* 0: reaped, or never begun */
	enum {
		PROCESS_PREPARING,
		PROCESS_WAITING,	/* for START */
		PROCESS_STARTING,
		PROCESS_EXECUTED,
	} state;
	bool is_first;		/* of its container */
	bool terminal;
	bool host_kills;	/* the host has sent SIGKILL */
	bool reported;		/* its end */
	bool forgotten;
	int report;		/* socket to the process until its program is executed; or -1 */
	int status;		/* as of waitpid() */
	uint32_t cause;		/* enum vagent_cause */
	pid_t syncs;		/* writes data of file systems before the end is reported; or 0 */
	struct guest_input in;
	struct guest_output out, err;
};

/* The parts of a request that a process needs until its program is executed. */
struct guest_order {
	const struct guest_container *container;
	struct agent_request request;
	struct guest_rights rights;
	int in, out, err;	/* -1 with a terminal */
	bool is_first;
};

/* A message of a process that is being prepared. */
struct guest_report {
	enum guest_report_kind {
		REPORT_TERMINAL,	/* with a descriptor */
		REPORT_PREPARED,
		REPORT_FAILED,		/* how and a text */
	} kind;
	uint32_t how;
	char text[VAGENT_MAX_MESSAGE - sizeof(struct vagent_process_ended)];
};

/* child_report.c: the socket of the reports. */
void vagent_priv_child_set_report(int fd);
/* child_report.c: sends a report, with a descriptor unless that is -1. */
void vagent_priv_child_report(const struct guest_report *r, int fd);
/* child_report.c: reports how the process was not executed, and ends it. */
void vagent_priv_child_fail(enum vagent_how how, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));
/* user.c: all variables, with HOME of the user in the root of this process, which is "/" without an account. */
char **vagent_priv_child_environment(const struct agent_request *r, uid_t user);
/* child.c: runs in the new process. */
void vagent_priv_child_run(struct guest_order *o, int report) __attribute__((noreturn));

/* guest_table.c */
extern struct guest_process *vagent_priv_guest_processes;
struct guest_process *vagent_priv_process_find(uint32_t number);

/* guest_process.c */
void vagent_priv_process_prepare(struct guest_container *c, uint32_t container, char *records, size_t len);
void vagent_priv_process_start(struct guest_process *p);
void vagent_priv_process_kill(struct guest_process *p, int signo, bool all);
void vagent_priv_process_resize(struct guest_process *p, unsigned int rows, unsigned int columns);
void vagent_priv_process_forget(struct guest_process *p);
/* guest_process.c: reads the report of a process. */
void vagent_priv_process_read_report(struct guest_process *p);
/* guest_process.c: a child of the agent has ended. */
void vagent_priv_process_reaped(pid_t pid, int status);
/* guest_process.c: frees processes that are forgotten and reaped. */
void vagent_priv_process_free_forgotten(void);

/* guest_streams.c: copies what is possible. True: call again. */
bool vagent_priv_streams_turn(void);
/* guest_streams.c: closes streams of a process, without messages about them. */
void vagent_priv_streams_close(struct guest_process *p);
void vagent_priv_streams_credit(struct guest_process *p, uint32_t stream, uint32_t bytes);
void vagent_priv_streams_lose(struct guest_process *p, uint32_t stream);
/* guest_streams.c: bytes wait for room of the port. */
bool vagent_priv_streams_are_full(void);

/* cards.c: configures the network cards of the records of GUEST. */
void vagent_priv_raise_cards(char *records, size_t len);

/* guest.c: mounts file systems of the host and configures the network. */
void vagent_priv_enter_guest(char *records, size_t len);
/* guest.c: serves containers and processes. has_root: processes may run in the root of the agent. */
void vagent_priv_serve_guest(bool has_root) __attribute__((noreturn));

#endif
