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

void agent_switch_root(const char *folder)
{
	if (chdir(folder) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		agent_fail("cannot make %s the root: %s", folder, strerror(errno));
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

	agent_make_folders(UPPER);
	agent_mount("tmpfs", UPPER, "tmpfs", 0, "size=50%,mode=0755");
	agent_make_folders(UPPER "/files");
	agent_make_folders(UPPER "/work");
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=" UPPER "/files,workdir=" UPPER "/work," OPTIONS, lower);
	agent_mount("overlay", ROOT, "overlay", 0, data);
	(void)mkdir(ROOT "/root", 0700);	/* hidden ones of the host do not exist */
}

/* "TAG:ro|rw:PATH", from the request. Absolute links in the path are those of the command's root. */
void agent_mount_folder(const char *text)
{
	const char *colon = strchr(text, ':'), *where = colon + 4;
	char tag[64];

	snprintf(tag, sizeof(tag), "%.*s", (int)(colon - text), text);
	agent_make_folders(where);
	agent_mount(tag, where, "virtiofs", strncmp(colon + 1, "ro", 2) ? 0 : MS_RDONLY, NULL);
}

static void mount_shared_root(bool writable)
{
	if (writable) {
		agent_mount(VAGENT_ROOT_TAG, ROOT, "virtiofs", 0, NULL);
		return;
	}
	agent_make_folders(LOWER);
	agent_mount(VAGENT_ROOT_TAG, LOWER, "virtiofs", MS_RDONLY, NULL);
	mount_overlay(LOWER);
}

static void mount_given_root(const char *root, bool writable)
{
	if (writable)
		agent_mount(root, ROOT, NULL, MS_BIND, NULL);
	else
		mount_overlay(root);
}

void agent_enter_root(const struct agent_request *r, const char *root)
{
	unsigned int i;

	agent_make_folders(ROOT);
	if (root)
		mount_given_root(root, r->writable_root);
	else
		mount_shared_root(r->writable_root);
	agent_mount_system();
	agent_switch_root(ROOT);
	for (i = 0; i < r->nfolders; i++)
		agent_mount_folder(r->folders[i]);
}
