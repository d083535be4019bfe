/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine before it is made: its options, with those of the saved machine that "from" names, or
 * of the source that "incoming" awaits. Nothing that they refer to is open yet.
 *
 * An owner that confines its process asks for the objects of the host that the machine will use:
 *
 *	struct cvmm_reference r = { .size = sizeof(r) };
 *
 *	rc = cvmm_configuration_new(options, NULL, &c, &err);
 *	for (i = 0; !rc && !cvmm_configuration_get_reference(c, i, &r, NULL); i++)
 *		rc = permit(&r);
 *	rc = rc < 0 ? rc : cvmm_machine_new_configured(c, &host, &m, &err);
 *
 * cvmm_machine_new() is the same in one call, for an owner that needs no reference.
 *
 * Threads: confined.
 */
#ifndef CVMM_CONFIGURATION_H
#define CVMM_CONFIGURATION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cvmm/attributes.h>
#include <cvmm/machine.h>
#include <cvmm/options.h>
#include <cvmm/servers.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_configuration;

/*
 * Remedies of failures, which depend on the program: the sentence of a struct vsu_error states the fact, and its
 * member arg is one of these, so that the program can add advice. The numbers of <vm-agent/initrd.h>,
 * <vm-arch/advice.h> and <cvmm/exec.h> differ from these. More may be added.
 */
enum cvmm_advice {
	CVMM_ADVICE_NO_KERNEL = 0x636d0001, /* the path of a kernel as the option "kernel" */
	CVMM_ADVICE_TLS,	/* load TLS before the process is confined (cvmm_tls_load()), and permit its files */
	CVMM_ADVICE_COMMAND,	/* a process that may start commands connects, and passes the socket */
	CVMM_ADVICE_POSTCOPY,	/* the back-end's program permits postcopy */
	CVMM_ADVICE_FOLDER,	/* the confined process may use the folder of the file */
};

/* The source that "incoming" awaits. */
struct cvmm_source {
	size_t size;		/* that of the library */
	const char *address;	/* as in the option */
	pid_t process;		/* the command of an address exec:, which runs; else 0 */
	unsigned int process_ms; /* for the process to end by itself afterwards */
	int leash;		/* -1, or a descriptor of the owner, which the machine closes to end the process */
	int status;		/* 0; if receive fails, the owner sets an exit status of enum vsu_exit */
};

/* The owner while options are read. All other members may be zero. */
struct cvmm_reader {
	size_t size;		/* sizeof(struct cvmm_reader); not 0 */
	void *opaque;		/* for the functions */
	/* Warnings: ignored options of a saved machine, and rejected connections to the address of "incoming". */
	void (*log)(void *opaque, enum cvmm_log_level level, const char *cause, const char *text);
	int *status;		/* receives the exit status of a failure, one of enum vsu_exit; or NULL */
	/*
	 * With "incoming", called before a byte of the source is read, because the source names files: the
	 * owner can confine its process first. c has the options that were given, and no reference. A
	 * source of fd: or exec: is connected; any other is accepted afterwards. To refuse the source,
	 * return a negative errno with its sentence.
	 */
	int (*receive)(void *opaque, const struct cvmm_configuration *c, struct cvmm_source *source,
		       struct vsu_error *err);
	/* The path of a kernel that the owner knows by this name, until the configuration is freed; or NULL. */
	const char *(*kernel)(void *opaque, const char *name);
};

/*
 * Reads the options, which may be freed afterwards. reader may be NULL. With "incoming" it listens
 * at the address, and waits without limit for a source and its options.
 *
 * -ENOENT, -EINVAL: an option, or the folder of "from"; -E2BIG: a member of the reader that this
 * library does not have; -EBADMSG: the folder is damaged; -ENOMEM, and errors of the address.
 */
CVMM_API int cvmm_configuration_new(const struct cvmm_options *options, const struct cvmm_reader *reader,
				    struct cvmm_configuration **out,
				    struct vsu_error *err) VSU_NODISCARD;

/* Frees a configuration, after its machines. c may be NULL. */
CVMM_API void cvmm_configuration_free(struct cvmm_configuration *c);

/*
 * Option number i, counted from 0, in their order, as it was given or as a saved machine has it. Options that describe the start of a saved machine
 * are included, "incoming" is not. -ENOENT: there are fewer options.
 */
CVMM_API int cvmm_configuration_get_option(const struct cvmm_configuration *c, unsigned int i,
					   struct cvmm_option *out,
					   struct vsu_error *err) VSU_NODISCARD;

/* Kinds of objects of the host. More may be added. */
enum cvmm_reference_kind {
	CVMM_REFERENCE_FILE,	/* a file, a block device or a character device */
	CVMM_REFERENCE_FOLDER,	/* in which files are opened, also while the guest runs */
	CVMM_REFERENCE_SOCKET,	/* a UNIX socket that is created */
	CVMM_REFERENCE_PEER,	/* a UNIX socket of another program; "@NAME": an abstract one */
	CVMM_REFERENCE_SERVER,	/* an address of a disk, as "nbd://HOST/NAME" */
	CVMM_REFERENCE_INTERFACE, /* of the network: a tap interface */
	CVMM_REFERENCE_TERMINAL, /* a new one */
};

/* Use of a file or folder. More may be added. */
enum cvmm_access {
	CVMM_ACCESS_READ,
	CVMM_ACCESS_WRITE,	/* and read; the file exists. In a folder, the guest changes files */
	CVMM_ACCESS_CREATE,	/* read and write; the file is created if it does not exist. In a folder: temporary files */
	CVMM_ACCESS_APPEND,	/* a log, which is created, and renamed to NAME.1 when it is full */
};

/* Files that a guest can make in a folder, for which a process needs a capability; bits. */
enum cvmm_makes {
	CVMM_MAKES_NODES = 1,	/* device nodes: CAP_MKNOD */
	CVMM_MAKES_CAPABILITIES = 2, /* of files: CAP_SETFCAP */
};

/* An object of the host that an option refers to. The configuration owns the strings. */
struct cvmm_reference {
	size_t size;		/* sizeof(struct cvmm_reference); set by the caller */
	enum cvmm_reference_kind kind;
	enum cvmm_access access; /* of a file or folder */
	const char *option;	/* that refers to it: "disk"; "kernel": the first operand of cvmm(1) */
	const char *text;	/* its path, name or address; NULL: a descriptor without a name */
	int fd;			/* the descriptor that the option names in place of the path, or -1 */
	int device;		/* the number of its device among those of the options, or -1 */
	uint32_t makes;		/* of enum cvmm_makes; 0 unless it is a folder that the guest writes */
};

/*
 * Reference number i, counted from 0. A device that another process serves refers only to the socket of
 * that process, and with backend=spawn to nothing. -ENOENT: there are fewer references; -EINVAL:
 * out has no size.
 */
CVMM_API int cvmm_configuration_get_reference(const struct cvmm_configuration *c, unsigned int i,
					      struct cvmm_reference *out,
					      struct vsu_error *err) VSU_NODISCARD;

/* The machine that the options describe. */
struct cvmm_description {
	size_t size;		/* sizeof(struct cvmm_description); set by the caller */
	/* The configuration owns the strings; NULL: not given. */
	const char *name, *kernel, *initrd;
	unsigned int cpus, max_cpus;
	unsigned int devices;	/* their numbers are smaller; some may be free */
};

/* -EINVAL: out has no size. */
CVMM_API int cvmm_configuration_get_machine(const struct cvmm_configuration *c,
					    struct cvmm_description *out,
					    struct vsu_error *err) VSU_NODISCARD;

/* A device of the options. The configuration owns the strings that are not static. */
struct cvmm_described_device {
	size_t size;		/* sizeof(struct cvmm_described_device); set by the caller */
	const char *kind;	/* "blk", as in the option "device"; static; NULL: known by its id alone */
	uint32_t id;		/* of virtio; 0: that of an own device */
	const char *option;	/* that describes it, such as "disk"; static */
	const char *properties;	/* as typed in the option, without a kind; or "" */
	const char *file;	/* backing file or folder, as named; NULL: none */
	const char *socket;	/* of its back-end, as named; NULL: this process or the kernel serves the
				 * device, or a server that the owner starts */
};

/* -ENOENT: no device has this number, which can be free between others; -EINVAL: out has no size. */
CVMM_API int cvmm_configuration_get_device(const struct cvmm_configuration *c, unsigned int number,
					   struct cvmm_described_device *out,
					   struct vsu_error *err) VSU_NODISCARD;

/*
 * Server number i, counted from 0, which the owner starts for a device with "backend=spawn": what it will
 * be told of it by the function add (<cvmm/servers.h>), without the members that the machine sets. So an
 * owner that is confined later can prepare for it. -ENOENT: there are fewer servers.
 */
CVMM_API int cvmm_configuration_get_server(const struct cvmm_configuration *c, unsigned int i,
					   struct cvmm_server *out,
					   struct vsu_error *err) VSU_NODISCARD;

/*
 * Makes the machine, as cvmm_machine_new() does, on the caller's thread. The machine borrows c; only one
 * machine of c may exist at a time. After a failure *out is NULL, or a machine that can only be freed:
 * an unresponsive file can delay cvmm_machine_free(), and the owner may want to limit this time.
 */
CVMM_API int cvmm_machine_new_configured(const struct cvmm_configuration *c, const struct cvmm_host *host,
					 struct cvmm_machine **out,
					 struct vsu_error *err) VSU_NODISCARD;

/*
 * Loads the module that encrypts migrations, for an owner that is confined before a migration uses it: the file
 * of a module may be out of reach then. A module remains loaded. -EOPNOTSUPP: it is not installed, or has another version.
 */
CVMM_API int cvmm_tls_load(struct vsu_error *err) VSU_NODISCARD;

/*
 * Call it after the machine has ended with VSU_EXIT_REBOOT: the next machine boots the kernel, even if
 * the previous one continued a saved machine or came from a source.
 */
CVMM_API void cvmm_configuration_reboot(struct cvmm_configuration *c);

VSU_END_DECLS

#endif
