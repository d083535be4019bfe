/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Parts of a program that is the first process of a guest: the archive libvm-agent-init.a, which requires
 * libc alone and is no part of libvm-agent. The program is static, and the member init of an initrd
 * (<vm-agent/initrd.h>). This one does what the installed one does, and boots the systems of disks, too:
 *
 *	int main(void)
 *	{
 *		static const struct vagent_init_images images = {
 *			.boot = boot_disk, .mount = mount_disk, .start_kernel = start_kernel,
 *		};
 *
 *		return vagent_init_run(&images);
 *	}
 *
 *	cc -static first.c -lvm-agent-init
 *
 * A guest cannot continue after a failure, so functions end it, and do not return the failure.
 *
 * Threads: the process has one.
 */
#ifndef VM_AGENT_INIT_H
#define VM_AGENT_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-agent/attributes.h>

VSU_BEGIN_DECLS

/* ------------------------------------------------------------------- the process */

/* The boot loader of a first process, for the first disk. All functions are required. */
struct vagent_init_images {
	void (*boot)(void);	/* boots the kernel of the disk; does not return */
	/* Mounts the file system of the disk that has a system, and returns the path of its root. */
	const char *(*mount)(bool writable);
	/* Starts the kernel of the disk for the command of the host; returns if that is not possible. */
	void (*start_kernel)(void);
};

/*
 * Loads the modules of the initrd. Then it executes what the host requests, or a system, as the kernel's command
 * line has it (<vm-agent/protocol.h>). images: NULL without a boot loader. Returns only in a
 * process that is not the first one, with its exit status.
 */
int vagent_init_run(const struct vagent_init_images *images);

/*
 * Reports a failure to the host, and ends the guest. Without a connection to the host, the sentence is on the
 * console, and the guest ends by a panic of its kernel, which is a failure for every host.
 */
void vagent_init_fail(const char *fmt, ...) VSU_PRINTF(1, 2) __attribute__((noreturn));

/* ---------------------------------------------------------------------- the guest */

/*
 * Loads modules of the initrd's member later, in their order up to this one. No effect if the initrd does not
 * have it: it may be built in.
 */
void vagent_init_load_modules_until(const char *name);

/*
 * Waits until the function returns true, up to ms. It is called at the begin, and after each event of the kernel's
 * devices. Returns its last result.
 */
bool vagent_init_await(bool (*is_there)(void *opaque), void *opaque, int ms);

/* Makes a folder and those above it. */
void vagent_init_make_folders(const char *path);

#define VAGENT_INIT_CMDLINE 4096
/* Copies the kernel's command line without each word that is equal to this one. */
void vagent_init_cmdline_without(const char *word, char line[VAGENT_INIT_CMDLINE]);

/* ---------------------------------------------------------------------- its disks */

#define VAGENT_MAX_PARTITIONS 128
#define VAGENT_PARTITION_LABEL 109	/* 36 units of UTF-16 as UTF-8 */

/* Roles of partitions, in the order in which boot entries are searched. */
enum vagent_partition_role {
	VAGENT_PARTITION_BOOT,		/* the extended boot loader partition */
	VAGENT_PARTITION_ROOT,
	VAGENT_PARTITION_LINUX,
	VAGENT_PARTITION_ESP,
	VAGENT_PARTITION_OTHER,
	VAGENT_PARTITION_ROLES
};

/* A partition. The kernel finds them; it does not publish their types. Fixed layout. */
struct vagent_partition {
	unsigned int number;	/* of its device; 0: the whole disk */
	enum vagent_partition_role role;
	char uuid[37];		/* of the partition, for PARTUUID=; "" without one */
	char label[VAGENT_PARTITION_LABEL]; /* in a GPT, for PARTLABEL= */
};

/*
 * Reads the GPT or MBR of a disk with sectors of size bytes. Returns the number of partitions; 0 if it has
 * neither table; -EBADMSG: a GPT that is damaged or exceeds VAGENT_MAX_PARTITIONS; errors of pread().
 */
int vagent_init_read_partitions(int fd, uint32_t sector,
				struct vagent_partition parts[VAGENT_MAX_PARTITIONS]) VSU_NODISCARD;

#define VAGENT_SUPERBLOCK_BYTES 0x10048u
/*
 * Returns the type for mount() of a file system from the first len bytes of its device, up to
 * VAGENT_SUPERBLOCK_BYTES; NULL: unknown. A kernel that tries one after another prints an error for each
 * that does not fit.
 */
const char *vagent_init_superblock_type(const char *bytes, size_t len);

VSU_END_DECLS

#endif
