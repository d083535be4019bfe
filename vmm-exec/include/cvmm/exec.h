/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One command in a machine of its own: what "cvmm exec" does, in the caller's process.
 *
 *	const char *const command[] = { "uname", "-a", NULL };
 *	const int streams[] = { -1, 1, 2 };
 *	const struct cvmm_exec_config config = {
 *		.size = sizeof(config), .command = command, .streams = streams,
 *	};
 *
 *	rc = cvmm_exec_new(&config, NULL, &e, &err);
 *	rc = cvmm_exec_start(e, &err);
 *	while (cvmm_exec_dispatch(e))
 *		poll(&(struct pollfd){ cvmm_exec_fd(e), POLLIN, 0 }, 1, -1);
 *	status = cvmm_exec_status(e, &why);
 *	cvmm_exec_free(e);
 *
 * Waiting for a command: a machine can be made and started before its command is known, so that the
 * command begins without the time in which a kernel boots or a clone continues.
 *
 *	rc = cvmm_exec_new_waiting(&machine, NULL, &e, &err);
 *	rc = cvmm_exec_start(e, &err);
 *	while (cvmm_exec_dispatch(e) && !cvmm_exec_waits(e))
 *		poll(&(struct pollfd){ cvmm_exec_fd(e), POLLIN, 0 }, 1, -1);
 *	rc = cvmm_exec_request(e, &command, &err);
 *
 * From then on it behaves as if it were made with its command. Machines that wait share their folders, and the
 * memory of their template until they write to it. Clock and random numbers of a clone are
 * set when it receives its command. examples/exec-pool.c keeps a number of such machines.
 *
 * A process may have any number of them, in one loop. The machine is one of <cvmm/machine.h>,
 * whose rules for threads, callbacks, SIGBUS and the process hold. Nothing is written to the
 * host's file systems, except in folders that are shared writable.
 *
 * Events: cvmm_exec_fd() never changes; when it is readable, call cvmm_exec_dispatch(). It does
 * not block, except in a write to a file whose file system does. The descriptors of streams stay
 * in their blocking mode; while another process or thread uses the same pipe or terminal, a write
 * may block. A write to a pipe without a reader raises SIGPIPE, as write() does; an owner that
 * passes pipes should ignore it. The command in the guest then receives that signal.
 *
 * Confinement: the guest is not trusted. Its messages are bounded and checked, and an invalid one
 * ends it with status 125. The owner must confine its own process, between new and start: the
 * library opens the kernel, modules and folders with the rights of the process, serves each
 * folder with them, and drops none. The process then needs /dev/kvm (open), the folders, and the
 * streams.
 *
 * Descriptors: a machine with a root has at most 60 of the process (RLIMIT_NOFILE), and each folder
 * at most 8 more, which tests/test-exec_waiting and test-machine count. 16 machines with a root fit
 * in the usual limit of 1,024. Files that the guest has open are in addition.
 *
 * Threads: confined to one thread, as the machine is.
 */
#ifndef CVMM_EXEC_H
#define CVMM_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cvmm/attributes.h>
#include <cvmm/machine.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_exec;

/* Statuses in addition to the command's; timeout(1), env(1) and shells use the same. */
#define CVMM_EXEC_TIMEOUT 124
#define CVMM_EXEC_FAILED 125	/* the machine, its guest or its agent; the sentence has the cause */
#define CVMM_EXEC_NOT_EXECUTED 126
#define CVMM_EXEC_NOT_FOUND 127
#define CVMM_EXEC_SIGNALLED 128	/* and the number of the signal */

/*
 * Remedies of failures, which depend on the program: the sentence of a struct vsu_error states the
 * fact, and its member arg is one of these, so that the program can add advice. The
 * numbers of <vm-agent/initrd.h> and <vm-arch/advice.h> differ from these.
 */
enum cvmm_exec_advice {
	CVMM_EXEC_ADVICE_MEMBER = 0x61640001, /* the sentence begins with a member of struct cvmm_exec_config */
	CVMM_EXEC_ADVICE_TEMPLATES, /* the folder of templates */
	CVMM_EXEC_ADVICE_FOLDERS, /* the maximum number of folders of a template */
};

/*
 * How a command ended, with a value. A status alone is ambiguous: a command may exit with 124, 125
 * or 137 itself. More may be added. The guest reports the first three, and is not trusted.
 */
enum cvmm_exec_end {
	CVMM_EXEC_END_STATUS,	/* it exited: its exit status, 0 to 255 */
	CVMM_EXEC_END_SIGNAL,	/* a signal ended it: the number of the signal in the guest */
	/*
	 * The guest's kernel killed it because the guest's memory, or that of a control group in it,
	 * was used up: SIGKILL. The kernel is Linux 4.13 or later; others report CVMM_EXEC_END_SIGNAL.
	 */
	CVMM_EXEC_END_MEMORY,
	CVMM_EXEC_END_TIME,	/* it, or the start of its guest, took longer than timeout_ms: 0 */
	CVMM_EXEC_END_NOT_FOUND, /* the guest has no such program: 0 */
	CVMM_EXEC_END_NOT_EXECUTED, /* the guest's kernel refused to execute it: 0 */
	CVMM_EXEC_END_KILLED,	/* the owner ended the machine: 0 */
	CVMM_EXEC_END_STREAM,	/* an output of the owner could not be written: a positive errno */
	/*
	 * The machine, its guest or its agent failed: the status of the machine, of enum vsu_exit. It
	 * is VSU_EXIT_OK if the guest powered off, VSU_EXIT_PANIC if its kernel panicked, and
	 * VSU_EXIT_FAIL if the agent failed or is not trusted.
	 */
	CVMM_EXEC_END_MACHINE,
};

/*
 * Fixed layout. A folder of the host, which the guest mounts, each at another path; one that
 * is in another is mounted after it.
 */
struct cvmm_exec_folder {
	const char *path;	/* on the host */
	const char *at;		/* absolute, in the guest; NULL: as path */
	bool writable;
	/*
	 * In a writable folder, the guest may make set-user-ID and set-group-ID files and file
	 * capabilities (suid), and device nodes (dev), which work on the host.
	 */
	bool suid, dev;
};

/*
 * Fixed layout. A network card of the guest, whose first program configures it. Texts are IPv4
 * addresses, or NULL: not configured. A clone requires a template that was made with --net; a card
 * without "mac" has a random address.
 */
struct cvmm_exec_network {
	const char *card;	/* as option "net" of a machine: "tap=tap0", "fd=5,mtu=65520" */
	const char *address;	/* with the length of its prefix: "192.0.2.2/24" */
	const char *gateway;	/* of the default route */
	/* written to /etc/resolv.conf of the guest only; a writable or shared /etc must have that file */
	const char *resolver;
};

/* All other members may be zero. All is borrowed during cvmm_exec_new(), except streams. */
struct cvmm_exec_config {
	size_t size;		/* sizeof(struct cvmm_exec_config); not 0 */
	const char *const *command; /* words, looked up in PATH; a NULL ends them; not empty */
	/*
	 * NAME=VALUE, the last one of a name; a NULL ends them; or NULL. PATH, HOME, USER and LOGNAME
	 * have presets; nothing is taken from the environment of the caller.
	 */
	const char *const *environment;
	const char *folder;	/* absolute, in which the command begins; NULL: "/" */
	const char *hostname;	/* in the guest, 1 to 64 bytes; NULL: "cvmm" */
	const char *root;	/* folder of the host; NULL: "/", or that of the template */
	bool writable_root;	/* false: writes to it stay in the guest's memory; true: with suid and dev */
	bool terminal;		/* streams 0 and 1 are a terminal of the command; 2 is not used */
	unsigned int rows, columns; /* of the terminal; 0: 24 and 80 */
	const struct cvmm_exec_folder *folders;
	unsigned int nfolders;	/* at most CVMM_EXEC_MAX_FOLDERS */
	/*
	 * Three descriptors: input, output, errors. -1: no input, or output is discarded. They stay
	 * open until cvmm_exec_free(), which leaves them open. NULL: none.
	 */
	const int *streams;
	/*
	 * A template of "cvmm template make": its name in the user's folder, or a path with a slash.
	 * The machine is a clone of it, and kernel to cpus except log are not used; NULL: it boots.
	 */
	const char *from;
	const char *kernel;	/* as "cvmm exec": a bzImage, vmlinux or Image, or agent.elf of
				   docs/test-kernels.md; NULL: its default, which starts the kernel of an image if there is one */
	/* The next three are for kernels with an initrd; agent.elf has none: */
	const char *modules;	/* folder of the kernel's modules; NULL: found by the kernel's
				   version; "none": all are built in */
	const char *init;	/* first program of the guest; NULL: the installed cvmm-init, with an image cvmm-boot-init */
	const char *append;	/* text for the kernel's command line */
	const char *log;	/* file of the kernel's messages, overwritten; NULL: discarded */
	const char *memory;	/* as option "memory"; NULL: "1G"; further pieces are in options */
	unsigned int cpus;	/* 0: 1 */
	const char *const *options; /* others of a machine, as "--net=tap0"; a NULL ends them */
	uint64_t timeout_ms;	/* from cvmm_exec_new() to the end of the command; 0: none */
	/*
	 * Secrets of the host are hidden in the root and in all folders, as cvmm-exec(1) lists them under
	 * "Hidden files", except on the way to folders and folder. These lists add paths, of which the
	 * last name is a pattern of fnmatch(3), and remove others. A path that is in no shared folder is
	 * refused. A NULL ends each; or NULL.
	 */
	const char *const *hide, *const *show;
	const char *home;	/* of the user: hidden likewise; NULL: /home and /root only */
	const struct cvmm_exec_network *network; /* NULL: none but 127.0.0.1 */
	/*
	 * In place of root: a disk image as the option "disk", in which the guest finds its root. It
	 * is the first disk of the machine. NULL: root.
	 */
	const char *image;
	/* The user of the guest as whom the command runs: USER or USER:GROUP, names or numbers; NULL: root */
	const char *user;
};

#define CVMM_EXEC_MAX_FOLDERS 16

/*
 * Makes a command and its machine; the guest does not run. host may be NULL, and is as that of
 * cvmm_machine_new(). -EINVAL: a member; -E2BIG: the command and its environment exceed 2 MiB;
 * -ENOENT: no kernel, module or template, or a file does not exist; -EPROTO: a template of
 * another version; -EOPNOTSUPP: this host's KVM does
 * not run Linux, or a network of a clone whose template has no network card; errors of cvmm_machine_new(); -ENOMEM.
 */
CVMM_API int cvmm_exec_new(const struct cvmm_exec_config *config, const struct cvmm_host *host,
			   struct cvmm_exec **out, struct vsu_error *err) VSU_NODISCARD;

/*
 * Makes a machine that waits for cvmm_exec_request() after its start. Members of config that
 * describe a command are zero: command, environment, folder, hostname, terminal, rows, columns and
 * streams. timeout_ms limits the time until it waits. Errors of cvmm_exec_new(); -EINVAL: a member
 * of the command.
 */
CVMM_API int cvmm_exec_new_waiting(const struct cvmm_exec_config *config, const struct cvmm_host *host,
				   struct cvmm_exec **out, struct vsu_error *err) VSU_NODISCARD;

/*
 * Checks whether this host's KVM runs a kernel, a path or NULL for that of the host: -EOPNOTSUPP if
 * it would take hours, as KVM emulates the processor. 0 also if the machine will report a KVM or kernel
 * that cannot be opened.
 */
CVMM_API int cvmm_exec_check_kvm(const char *kernel, struct vsu_error *err) VSU_NODISCARD;

/* Once. On failure the object can only be freed. */
CVMM_API int cvmm_exec_start(struct cvmm_exec *e, struct vsu_error *err) VSU_NODISCARD;

/* Readable when dispatch has work; owned by the object. */
CVMM_API int cvmm_exec_fd(const struct cvmm_exec *e);

/*
 * One turn. False: the command and its machine have ended, and its streams have the output that had arrived. If
 * cvmm_machine_kill() ended the machine, the rest is discarded. A reader that does not read what a machine sent before
 * it ended by itself is awaited until the time limit, or cvmm_exec_free().
 */
CVMM_API bool cvmm_exec_dispatch(struct cvmm_exec *e);

/* Returns whether the guest waits for cvmm_exec_request(). */
CVMM_API bool cvmm_exec_waits(const struct cvmm_exec *e);

/*
 * Starts a command in a machine that waits. timeout_ms counts from now on; members of the machine are zero;
 * the rest is borrowed for the call, except streams. Below a hidden folder, such as a home, the
 * command's folder is shown only if a folder of the machine leads there. -EAGAIN: it does not wait;
 * -EINVAL: a member; -EBADF: a stream is not open; -E2BIG: the command and its environment exceed
 * 2 MiB; -ENOMEM, -ENOSPC: a stream cannot be watched. If cvmm_exec_waits() is false after another
 * error, the machine ends.
 */
CVMM_API int cvmm_exec_request(struct cvmm_exec *e, const struct cvmm_exec_config *command,
			       struct vsu_error *err) VSU_NODISCARD;

/* Returns whether the command was started, and its end, which follows its output, has not arrived. */
CVMM_API bool cvmm_exec_is_running(const struct cvmm_exec *e);

/* Sends a signal to the command's process group. -EAGAIN: it does not run; -EINVAL: no signal. */
CVMM_API int cvmm_exec_signal(struct cvmm_exec *e, int signo, struct vsu_error *err) VSU_NODISCARD;

/* Changes the size of the terminal. -EAGAIN: the command does not run; -ENOTTY: it has none; -EINVAL: a size over 65535. */
CVMM_API int cvmm_exec_resize(struct cvmm_exec *e, unsigned int rows, unsigned int columns,
			      struct vsu_error *err) VSU_NODISCARD;

/*
 * The exit status of the command, or one of those above with a sentence in *why, which is empty
 * for a status of the command and may be NULL. -EAGAIN: it has not ended.
 */
CVMM_API int cvmm_exec_status(const struct cvmm_exec *e, struct vsu_error *why) VSU_NODISCARD;

/*
 * Returns a value of enum cvmm_exec_end, with its number in *value, which may be NULL. cvmm_exec_status()
 * has the sentence. -EAGAIN: the command has not ended.
 */
CVMM_API int cvmm_exec_get_end(const struct cvmm_exec *e, int *value) VSU_NODISCARD;

/*
 * The machine, for requests, statistics and cvmm_machine_kill(). The object dispatches and frees
 * it. Saves and migrations are refused (cvmm_machine_refuse_copies()): the session would not continue.
 */
CVMM_API struct cvmm_machine *cvmm_exec_machine(struct cvmm_exec *e);

/* Call it in any state: ends the command and its machine. e may be NULL. */
CVMM_API void cvmm_exec_free(struct cvmm_exec *e);

VSU_END_DECLS

#endif
