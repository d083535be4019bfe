/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Searches a file system of an image for boot menus and kernels. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "image.h"

#define MAX_FILES 512	/* of a folder */
#define CONF ".conf"

/* Prints a line for each line of a text. */
static void report_lines(const char *device, const char *folder, const char *text)
{
	size_t len;

	for (; *text; text += len + (text[len] != '\0')) {
		len = strcspn(text, "\n");
		dprintf(STDERR_FILENO, "cvmm-init: %s%s%s: %.*s\n", device, *folder ? " " : "", folder, (int)len, text);
	}
}

static const char *next_path(char path[ENTRY_PATH], const char *folder, const char *name)
{
	snprintf(path, ENTRY_PATH, "%s/%s", folder, name);
	return path;
}

/* A file system, and the folder of it that is mounted at /boot or has the kernels. */
struct place {
	int root;
	const char *folder;
	const char *device;
	image_start *start;
};

/* ------------------------------------------- Boot Loader Specification */

/* A file of loader/entries. Its name is without ".conf". */
struct candidate {
	struct entry entry;
	char name[ENTRY_NAME];
};

struct candidates {
	struct candidate *rows;
	unsigned int n;
};

/* NULL: no memory. */
static struct candidate *add_candidate(struct candidates *c)
{
	struct candidate *rows = c->n % 16 ? c->rows : realloc(c->rows, (c->n + 16) * sizeof(*rows));

	if (!rows)
		return NULL;
	c->rows = rows;
	return &rows[c->n];
}

static void consider_file(const struct place *p, struct candidates *all, int folder, const char *file,
			  const struct entry_variables *v)
{
	struct candidate *c = add_candidate(all);
	size_t len;
	char *text = c ? image_read(folder, file, &len) : NULL;

	if (!text) {
		dprintf(STDERR_FILENO, "cvmm-init: %s: the boot entry %s cannot be read and is ignored\n", p->device, file);
		return;
	}
	snprintf(c->name, sizeof(c->name), "%.*s", (int)(strlen(file) - strlen(CONF)), file);
	entry_read_bls(&c->entry, c->name, text, len, v);
	free(text);
	if (c->entry.invalid)
		dprintf(STDERR_FILENO, "cvmm-init: %s: the boot entry %s is ignored: %s\n", p->device, file, c->entry.why);
	else
		all->n++;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *one = a, *other = b;

	return entry_compare(&one->entry, one->name, &other->entry, other->name);
}

static bool is_entry(const char *name)
{
	const size_t len = strlen(name);

	return len > strlen(CONF) && name[0] != '.' && !strcmp(name + len - strlen(CONF), CONF);
}

static void read_candidates(const struct place *p, const struct entry_variables *v, struct candidates *all)
{
	char path[ENTRY_PATH];
	int fd = image_open_folder(p->root, next_path(path, p->folder, "loader/entries")), n = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	for (; d && n < MAX_FILES && (e = readdir(d)); n++)
		if (is_entry(e->d_name))
			consider_file(p, all, fd, e->d_name, v);
	if (n == MAX_FILES)
		dprintf(STDERR_FILENO, "cvmm-init: %s: %s has more than %d files; the others are ignored\n", p->device, path, MAX_FILES);
	if (d)
		closedir(d);
	if (all->n)
		qsort(all->rows, all->n, sizeof(*all->rows), compare_candidates);
}

/* A number is a place in the menu of GRUB. */
static void read_default(const struct place *p, const struct entry_variables *v, bool has_bls,
			 char pattern[ENTRY_TITLE])
{
	const char *chosen = has_bls ? entry_get(v, "default", 7) : "";
	char path[ENTRY_PATH];
	size_t len;
	char *text = image_read(p->root, next_path(path, p->folder, "loader/loader.conf"), &len);

	if (!*chosen)
		chosen = entry_get(v, "saved_entry", 11);
	snprintf(pattern, ENTRY_TITLE, "%.*s", ENTRY_TITLE - 1, chosen);
	if (text)
		entry_read_default(text, len, pattern, ENTRY_TITLE);
	free(text);
}

/* A pattern of the file's name, with or without ".conf" and a count of boots; or the title. */
static bool is_preferred(const char *pattern, const struct candidate *c)
{
	char name[ENTRY_NAME + sizeof(CONF)];
	bool failed;
	const int len = (int)entry_uncounted(c->name, &failed);

	if (!strcmp(pattern, c->entry.title) || !fnmatch(pattern, c->name, 0))
		return true;
	snprintf(name, sizeof(name), "%s" CONF, c->name);
	if (!fnmatch(pattern, name, 0))
		return true;
	snprintf(name, sizeof(name), "%.*s" CONF, len, c->name);
	if (!fnmatch(pattern, name, 0))
		return true;
	name[len] = '\0';
	return !fnmatch(pattern, name, 0);
}

static unsigned int find_preferred(const char *pattern, const struct candidates *all)
{
	unsigned int i = 0;

	if (!*pattern)
		return 0;
	while (i < all->n && !is_preferred(pattern, &all->rows[i]))
		i++;
	if (i == all->n && strspn(pattern, "0123456789") == strlen(pattern))
		i = strlen(pattern) < 5 ? (unsigned int)atoi(pattern) : all->n;
	return i < all->n ? i : 0;
}

/* The preferred one, and if its files do not exist, the others in the order of the menu. */
static void try_bls(const struct place *p, const struct entry_variables *v, bool has_bls)
{
	struct candidates all = { NULL, 0 };
	char pattern[ENTRY_TITLE];
	unsigned int first, i;

	read_candidates(p, v, &all);
	if (all.n) {
		read_default(p, v, has_bls, pattern);
		first = find_preferred(pattern, &all);
		p->start(p->root, p->folder, &all.rows[first].entry, p->device);
		for (i = 0; i < all.n; i++)
			if (i != first)
				p->start(p->root, p->folder, &all.rows[i].entry, p->device);
	}
	free(all.rows);
}

/* -------------------------------------------------------------------- GRUB */

static char *read_file(void *opaque, const char *path, size_t *len)
{
	const struct place *p = opaque;

	return image_read(p->root, path, len);
}

static bool file_exists(void *opaque, const char *path)
{
	const struct place *p = opaque;
	const int fd = image_open(p->root, path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Images for PCs have a GRUB for their BIOS or for EFI, others for EFI. */
static void set_machine(struct entry_variables *v)
{
	struct utsname u = { .machine = "" };
	bool is_arm;

	uname(&u);
	is_arm = !strcmp(u.machine, "aarch64");
	entry_set(v, "grub_platform", 13, is_arm ? "efi" : "pc");
	entry_set(v, "grub_cpu", 8, is_arm ? "arm64" : "i386");
}

/* The folder of a menu is a variable of it, as is what GRUB has saved. */
static void read_environment(const struct place *p, const char *grub, struct entry_variables *v)
{
	static const char *const names[] = { "grub2/grubenv", "grub/grubenv" };
	char path[ENTRY_PATH], *text;
	unsigned int i;
	size_t len;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < 2; i++) {
		text = image_read(p->root, next_path(path, p->folder, names[i]), &len);
		if (text)
			entry_read_environment(v, text, len);
		free(text);
	}
	set_machine(v);
	next_path(path, p->folder, grub);
	entry_set(v, "prefix", 6, path);
	entry_set(v, "config_directory", 16, path);
}

/* A menu: variables, the entry that it has chosen, and the files of the other specification that it shows. */
static void try_menu(struct place *p, const char *grub, bool tries_bls)
{
	static struct entry e;
	static struct entry_variables v;
	const struct entry_files files = { read_file, file_exists, p };
	struct entry_menu menu = { .files = &files };
	char path[ENTRY_PATH], name[64], *text;
	bool found = false;
	size_t len;

	read_environment(p, grub, &v);
	snprintf(name, sizeof(name), "%s/grub.cfg", grub);
	text = image_read(p->root, next_path(path, p->folder, name), &len);
	if (text)
		found = entry_read_grub(&e, text, len, &v, &menu);
	free(text);
	report_lines(p->device, path, menu.report);
	if (v.dropped)
		dprintf(STDERR_FILENO, "cvmm-init: %s %s: %u assignment(s) of variables are too long or too many and are ignored\n", p->device, path, v.dropped);
	if (tries_bls || menu.has_bls)
		try_bls(p, &v, menu.has_bls);
	if (found)
		p->start(p->root, p->folder, &e, p->device);
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
		if (is_kernel(file->d_name) && (!*best || entry_compare_versions(file->d_name, best) > 0))
			snprintf(best, sizeof(best), "%s", file->d_name);
	if (d)
		closedir(d);
	if (!*best)
		return;
	memset(&e, 0, sizeof(e));
	entry_copy(&e, "name", e.title, sizeof(e.title), best);
	entry_copy(&e, "command line", e.options, sizeof(e.options), given);
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

static void try_folder(struct place *p, const char *given, enum image_search search)
{
	if (search == IMAGE_KERNELS) {
		try_kernels(p->root, p->folder, given, p->device, p->start);
		return;
	}
	try_menu(p, "grub2", true);
	try_menu(p, "grub", false);
}

/* The folder /boot, the file system that is mounted there, and the usual subvolumes of btrfs. */
void image_try_root(int root, const char *device, const char *given, enum image_search search,
		    image_start *start)
{
	struct place p = { root, "/boot", device, start };
	char folder[ENTRY_PATH];
	unsigned int i;

	if (search == IMAGE_KERNELS)
		report_unified(root, device);
	try_folder(&p, given, search);
	p.folder = "";
	try_folder(&p, given, search);
	p.folder = folder;
	for (i = 0; image_subvolumes[i]; i++) {
		snprintf(folder, sizeof(folder), "%s/boot", image_subvolumes[i]);
		try_folder(&p, given, search);
	}
}
