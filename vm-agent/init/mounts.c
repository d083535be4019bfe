/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The root of the guest, and folders in it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent.h"

#define LOWER "/lower"
#define UPPER "/upper"
#define ROOT AGENT_ROOT
#define OPTIONS "redirect_dir=on,metacopy=off,index=off,nfs_export=off"	/* of overlayfs */

void vagent_priv_switch_root(const char *folder)
{
	if (chdir(folder) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		vagent_init_fail("cannot make %s the root: %s", folder, strerror(errno));
}

/*
 * The folder below, and what the guest writes in its memory, up to half of it. Kernels are configured with various
 * presets of the options: renames of the folder's folders do not fail with EXDEV, and a changed mode of a file
 * copies its bytes, which the host may change. Indexes and NFS exports need handles of the folder's files, and
 * compare them with those of before.
 */
static void mount_overlay(const char *lower)
{
	char data[192];

	vagent_init_make_folders(UPPER);
	vagent_priv_mount("tmpfs", UPPER, "tmpfs", 0, "size=50%,mode=0755");
	vagent_init_make_folders(UPPER "/files");
	vagent_init_make_folders(UPPER "/work");
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=" UPPER "/files,workdir=" UPPER "/work," OPTIONS, lower);
	vagent_priv_mount("overlay", ROOT, "overlay", 0, data);
	(void)mkdir(ROOT "/root", 0700);	/* hidden ones of the host do not exist */
}

/* "TAG:ro|rw:PATH", from the request. Absolute links in the path are those of the command's root. */
void vagent_priv_mount_folder(const char *text)
{
	const char *colon = strchr(text, ':'), *where = colon + 4;
	char tag[64];

	snprintf(tag, sizeof(tag), "%.*s", (int)(colon - text), text);
	vagent_init_make_folders(where);
	vagent_priv_mount(tag, where, "virtiofs", strncmp(colon + 1, "ro", 2) ? 0 : MS_RDONLY, NULL);
}

static void mount_shared_root(bool writable)
{
	if (writable) {
		vagent_priv_mount(VAGENT_ROOT_TAG, ROOT, "virtiofs", 0, NULL);
		return;
	}
	vagent_init_make_folders(LOWER);
	vagent_priv_mount(VAGENT_ROOT_TAG, LOWER, "virtiofs", MS_RDONLY, NULL);
	mount_overlay(LOWER);
}

static void mount_given_root(const char *root, bool writable)
{
	if (writable)
		vagent_priv_mount(root, ROOT, NULL, MS_BIND, NULL);
	else
		mount_overlay(root);
}

void vagent_priv_enter_root(const struct agent_request *r, const char *root)
{
	unsigned int i;

	vagent_init_make_folders(ROOT);
	if (root)
		mount_given_root(root, r->writable_root);
	else
		mount_shared_root(r->writable_root);
	vagent_priv_mount_system();
	vagent_priv_switch_root(ROOT);
	for (i = 0; i < r->nfolders; i++)
		vagent_priv_mount_folder(r->folders[i]);
}
