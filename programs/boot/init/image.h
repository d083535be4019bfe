/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parts of the boot of a disk image. Its paths are resolved inside its file systems. */
#ifndef CVMM_BOOT_IMAGE_H
#define CVMM_BOOT_IMAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "entry.h"

enum image_search {
	IMAGE_ENTRIES,		/* boot menus */
	IMAGE_KERNELS,		/* vmlinuz, without a menu */
	IMAGE_ROOT,		/* of a system */
};

/*
 * Starts the kernel of an entry, whose paths are below root or below its folder; returns if a file of it does
 * not exist, or for another reason that it keeps.
 */
typedef void image_start(int root, const char *folder, const struct entry *e, const char *device);

/*
 * menu.c: searches the file system below root, and starts what it finds; returns if it finds nothing. given is
 * the command line of kernels without an entry.
 */
void image_try_root(int root, const char *device, const char *given, enum image_search search,
		    image_start *start);

/* image.c: does so for all file systems of the first disk. */
void image_try_disk(image_start *start);
/* image.c: the root of the system of the first disk, which is mounted read-only until it is closed, or -1. */
int image_open_system(void);

/* image.c: boots the kernel of the first disk. */
void image_boot_disk(void) __attribute__((noreturn));
/* image.c: mounts the file system of the first disk that has a system, and returns its root. */
const char *image_mount_system(bool writable);

/* image_files.c: paths of subvolumes of btrfs that installers make for the root; NULL ends them. */
extern const char *const image_subvolumes[];
/* image_files.c: a regular file below root, or -1. Absolute paths and links begin at root. */
int image_open(int root, const char *path);
/* image_files.c: a folder below root, or -1. */
int image_open_folder(int root, const char *path);
/* image_files.c: the whole file, allocated; NULL: no such file, or it exceeds 1 MiB. */
char *image_read(int root, const char *path, size_t *len);

/* kexec.c: boots a kernel of the image; returns if a file of the entry does not exist. */
image_start image_boot;
/* kexec.c: a file of an entry, whose path begins at root or at the folder that is mounted at /boot, or -1. */
int image_open_entry(int root, const char *folder, const char *path);
/* kexec.c: why kexec_file_load() failed. */
const char *image_explain_load(int code);

#define IMAGE_WHY 512
/*
 * own_kernel.c: starts a kernel of the image with this program and its modules whose names are in a file
 * (initrd/names.h); returns if that is not possible, and why.
 */
void image_start_own(const char *names, char why[IMAGE_WHY]);
/* own_kernel.c: does so with the names of this initrd, and reports on the console why it returns. */
void image_start_own_kernel(void);

#endif
