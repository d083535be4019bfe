/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Searches a file system of an image for boot menus and kernels. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/image.h"

#define MAX_FILES 512	/* of a folder */
#define CONF ".conf"

/* Folders that are mounted at /boot, or have it: also in the usual subvolumes of btrfs. */
static const char *const folders[] = { "/boot", "", "/@/boot", "/root/boot" };

static const char *next_path(char path[ENTRY_PATH], const char *folder, const char *name)
{
	snprintf(path, ENTRY_PATH, "%s/%s", folder, name);
	return path;
}

static void read_environment(int root, const char *folder, struct entry_variables *v)
{
	static const char *const names[] = { "grub2/grubenv", "grub/grubenv" };
	char path[ENTRY_PATH], *text;
	unsigned int i;
	size_t len;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < 2; i++) {
		text = image_read(root, next_path(path, folder, names[i]), &len);
		if (text)
			entry_read_environment(v, text, len);
		free(text);
	}
}

/* ------------------------------------------- Boot Loader Specification */

/* Candidates in one folder, and the best so far. Names are without ".conf". */
struct selection {
	struct entry best;
	char best_name[256];
	bool found, preferred;
	char pattern[ENTRY_TITLE];
};

/* "NAME+0" and "NAME+0-3" have failed as often as they may. */
static bool has_failed(const char *name)
{
	const char *plus = strrchr(name, '+');

	return plus && plus[1] == '0' && (!plus[2] || plus[2] == '-');
}

static bool is_preferred(const struct selection *s, const char *file, const char *name,
			 const struct entry *e)
{
	return s->pattern[0] && (!fnmatch(s->pattern, file, 0) || !fnmatch(s->pattern, name, 0) ||
				 !strcmp(s->pattern, e->title));
}

static bool is_better(const struct selection *s, const char *name, const struct entry *e,
		      bool preferred)
{
	int order;

	if (!s->found || preferred != s->preferred)
		return !s->found || preferred;
	if (has_failed(name) != has_failed(s->best_name))
		return has_failed(s->best_name);
	order = strverscmp(e->version, s->best.version);
	return order ? order > 0 : strverscmp(name, s->best_name) > 0;
}

static void consider_file(struct selection *s, int folder, const char *file,
		     const struct entry_variables *v)
{
	static struct entry e;
	size_t len;
	char *text = image_read(folder, file, &len), name[sizeof(s->best_name)];
	bool preferred;

	if (!text)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - strlen(CONF)), file);
	entry_read_bls(&e, name, text, len, v);
	free(text);
	preferred = is_preferred(s, file, name, &e);
	if (!e.linux_path[0] || e.invalid || !is_better(s, name, &e, preferred))
		return;
	s->best = e;
	s->found = true;
	s->preferred = preferred;
	snprintf(s->best_name, sizeof(s->best_name), "%s", name);
}

static void read_default(int root, const char *folder, const struct entry_variables *v,
			 struct selection *s)
{
	char path[ENTRY_PATH];
	size_t len;
	char *text = image_read(root, next_path(path, folder, "loader/loader.conf"), &len);

	snprintf(s->pattern, sizeof(s->pattern), "%.*s", ENTRY_TITLE - 1, entry_get(v, "saved_entry", 11));
	if (text)
		entry_read_default(text, len, s->pattern, sizeof(s->pattern));
	free(text);
}

static bool is_entry(const char *name)
{
	const size_t len = strlen(name);

	return len > strlen(CONF) && name[0] != '.' && !strcmp(name + len - strlen(CONF), CONF);
}

static void try_bls(int root, const char *folder, const struct entry_variables *v, const char *device,
		    image_start *start)
{
	static struct selection s;
	char path[ENTRY_PATH];
	int fd = image_open_folder(root, next_path(path, folder, "loader/entries")), n;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	memset(&s, 0, sizeof(s));
	if (d)
		read_default(root, folder, v, &s);
	for (n = 0; d && n < MAX_FILES && (e = readdir(d)); n++)
		if (is_entry(e->d_name))
			consider_file(&s, fd, e->d_name, v);
	if (d)
		closedir(d);
	if (s.found)
		start(root, folder, &s.best, device);
}

/* -------------------------------------------------------------------- GRUB */

static void try_grub(int root, const char *folder, struct entry_variables *v, const char *device,
		     image_start *start)
{
	static const char *const names[] = { "grub2/grub.cfg", "grub/grub.cfg" };
	static struct entry e;
	char path[ENTRY_PATH], *text;
	unsigned int i;
	size_t len;
	bool found;

	for (i = 0; i < 2; i++) {
		text = image_read(root, next_path(path, folder, names[i]), &len);
		found = text && entry_read_grub(&e, text, len, v);
		free(text);
		if (found)
			start(root, folder, &e, device);
	}
}

/* ------------------------------------------------------------------ kernels */

/* The initrd of a kernel, as distributions name it. */
static void find_initrd(int root, const char *folder, const char *suffix, struct entry *e)
{
	static const struct { const char *before, *after; } names[] = {
		{ "initrd.img", "" }, { "initramfs", ".img" }, { "initramfs", "" }, { "initrd", "" },
	};
	char name[ENTRY_PATH / 2], path[ENTRY_PATH];
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !e->ninitrds; i++) {
		snprintf(name, sizeof(name), "%s%.200s%s", names[i].before, suffix, names[i].after);
		fd = image_open(root, next_path(path, folder, name));
		if (fd >= 0) {
			entry_add_initrd(e, path);
			close(fd);
		}
	}
}

/* Files of packages keep the replaced kernel as "vmlinuz.old". */
static bool is_kernel(const char *name)
{
	const size_t len = strlen(name);

	return !strncmp(name, "vmlinuz", 7) && strcmp(name + len - 4, ".old") != 0;
}

/* The newest vmlinuz or vmlinuz-VERSION of a folder. */
static void try_kernels(int root, const char *folder, const char *given, const char *device,
			image_start *start)
{
	static struct entry e;
	char best[256] = "";
	const int fd = image_open_folder(root, *folder ? folder : "/");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *file;
	int n;

	for (n = 0; d && n < MAX_FILES && (file = readdir(d)); n++)
		if (is_kernel(file->d_name) && (!*best || strverscmp(file->d_name, best) > 0))
			snprintf(best, sizeof(best), "%s", file->d_name);
	if (d)
		closedir(d);
	if (!*best)
		return;
	memset(&e, 0, sizeof(e));
	entry_copy(&e, e.title, sizeof(e.title), best);
	entry_copy(&e, e.options, sizeof(e.options), given);
	next_path(e.linux_path, folder, best);
	find_initrd(root, folder, best + 7, &e);
	start(root, folder, &e, device);
}

/* The folder of unified kernel images in an EFI system partition. */
static void report_unified(int root, const char *device)
{
	static const char *const names[] = { "EFI/Linux", "boot/efi/EFI/Linux", "efi/EFI/Linux" };
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fd = image_open_folder(root, names[i]);
		if (fd < 0)
			continue;
		dprintf(STDERR_FILENO, "cvmm-init: %s has a folder %s for unified kernel images, which are not supported\n", device, names[i]);
		close(fd);
	}
}

void image_try_root(int root, const char *device, const char *given, enum image_search search,
		    image_start *start)
{
	static struct entry_variables v;
	unsigned int i;

	if (search == IMAGE_KERNELS)
		report_unified(root, device);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (search == IMAGE_KERNELS) {
			try_kernels(root, folders[i], given, device, start);
			continue;
		}
		read_environment(root, folders[i], &v);
		try_bls(root, folders[i], &v, device, start);
		try_grub(root, folders[i], &v, device, start);
	}
}
