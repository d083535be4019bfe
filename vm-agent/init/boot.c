/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Boots a whole system: the root of the kernel's command line, and its init. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent.h"

#define ROOT "/newroot"
#define WAIT_MS 10000

static char cmdline[VAGENT_INIT_CMDLINE];

static const char *next_word(char **at)
{
	return strsep(at, " \n");
}

static void read_cmdline(char line[VAGENT_INIT_CMDLINE])
{
	FILE *f = fopen("/proc/cmdline", "re");

	line[0] = '\0';
	if (f && !fgets(line, VAGENT_INIT_CMDLINE, f))
		line[0] = '\0';
	if (f)
		fclose(f);
}

/* The last one counts. The value is in a static line. */
/* The value of the last word NAME=VALUE of the kernel's command line, or NULL. */
static const char *boot_word(const char *name)
{
	const size_t len = strlen(name);
	char *at = cmdline;
	const char *word, *value = NULL;

	read_cmdline(cmdline);
	while ((word = next_word(&at)))
		if (!strncmp(word, name, len) && word[len] == '=')
			value = word + len + 1;
	return value;
}

bool vagent_priv_has_word(const char *wanted)
{
	char line[sizeof(cmdline)], *at = line;
	const char *word;

	read_cmdline(line);
	while ((word = next_word(&at)))
		if (!strcmp(word, wanted))
			return true;
	return false;
}

void vagent_init_cmdline_without(const char *unwanted, char line[VAGENT_INIT_CMDLINE])
{
	char given[VAGENT_INIT_CMDLINE], *at = given;
	const char *word, *blank = "";
	size_t len = 0;

	read_cmdline(given);
	given[strcspn(given, "\n")] = '\0';
	line[0] = '\0';
	while ((word = next_word(&at)))
		if (strcmp(word, unwanted) != 0) {
			len += (size_t)snprintf(line + len, VAGENT_INIT_CMDLINE - len, "%s%s", blank, word);
			blank = " ";
		}
}

/*
 * Mounts a disk with the type of its superblock, or else tries each disk file system of the kernel. That is the
 * second choice because the kernel prints errors for each type that does not fit, such as ext2 and ext3.
 */
static bool mount_disk(const char *device, unsigned long flags, const char *data)
{
	const char *type = vagent_priv_superblock_type_of(device);
	bool done = type && mount(device, ROOT, type, flags, data) == 0;
	FILE *f = fopen("/proc/filesystems", "re");
	char line[64];

	while (f && !done && fgets(line, sizeof(line), f))
		if (line[0] == '\t') {
			line[strcspn(line, "\n")] = '\0';
			done = mount(device, ROOT, line + 1, flags, data) == 0;
		}
	if (f)
		fclose(f);
	return done;
}

/* Texts are copied: each boot_word() overwrites those before. */
struct root {
	char what[256], type[64], data[256], init[256];
	unsigned long flags;
};

static void read_word(const char *name, char *to, size_t size, const char *preset)
{
	const char *value = boot_word(name);

	snprintf(to, size, "%s", value ? value : preset);
}

static bool is_disk(const char *root)
{
	return root[0] == '/' || vagent_priv_root_has_name(root);
}

static void read_root(struct root *r)
{
	read_word("root", r->what, sizeof(r->what), "");
	read_word("rootfstype", r->type, sizeof(r->type), is_disk(r->what) ? "" : "virtiofs");
	read_word("rootflags", r->data, sizeof(r->data), "");
	read_word("init", r->init, sizeof(r->init), "/sbin/init");
	r->flags = vagent_priv_has_word("rw") ? 0 : MS_RDONLY;
	if (!r->what[0])
		vagent_init_fail("the kernel's command line has no root=/dev/NAME, root=UUID=, LABEL=, PARTUUID=, PARTLABEL= or root=TAG");
}

struct wanted {
	const char *what;
	char path[AGENT_DEVICE];	/* if it is the name of a device */
};

static bool is_present(void *opaque)
{
	struct wanted *w = opaque;

	return vagent_priv_root_has_name(w->what) ? vagent_priv_find_root(w->what, w->path) : access(w->what, F_OK) == 0;
}

/* Devices appear some time after their drivers. Names of devices are replaced by their paths. */
static void find_device(struct root *r)
{
	struct wanted w = { .what = r->what };
	const bool found = vagent_init_await(is_present, &w, WAIT_MS);

	if (!vagent_priv_root_has_name(r->what))
		return;
	if (!found)
		vagent_init_fail("cannot mount the root: no disk or partition has %s", r->what);
	snprintf(r->what, sizeof(r->what), "%s", w.path);
}

static void mount_root(struct root *r)
{
	bool done;

	vagent_init_make_folders(ROOT);
	if (is_disk(r->what))
		find_device(r);
	done = r->type[0] ? mount(r->what, ROOT, r->type, r->flags, r->data) == 0
			  : mount_disk(r->what, r->flags, r->data);
	if (!done)
		vagent_init_fail("cannot mount the root %s%s%s: %s", r->what, r->type[0] ? " as " : "", r->type, strerror(errno));
}

void vagent_priv_boot(void)
{
	static const char *const moved[] = { "/proc", "/sys", "/dev" };
	char where[32];
	struct root r;
	unsigned int i;

	read_root(&r);
	mount_root(&r);
	for (i = 0; i < 3; i++) {
		snprintf(where, sizeof(where), ROOT "%s", moved[i]);
		if (mount(moved[i], where, NULL, MS_MOVE, NULL) < 0)
			umount2(moved[i], MNT_DETACH);
	}
	vagent_priv_switch_root(ROOT);
	execl(r.init, r.init, (char *)NULL);
	vagent_init_fail("cannot execute %s of the root: %s", r.init, strerror(errno));
}
