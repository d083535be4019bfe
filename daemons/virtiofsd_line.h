/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Translates command lines that libvirt, Kata Containers and others write for
 * virtiofsd to the options of cvmm-vhost-user-fs:
 *
 *	--fd=5 -o source=/srv,cache=none,xattr,no_flock -d
 *	--fd=5 --shared-dir=/srv --cache=never --xattr --log-level=debug
 *
 * Other arguments are passed on unchanged. libvirt writes -o unless it knows the feature
 * "separate-options", which is younger than the libvirt of current distributions.
 */
#ifndef DAEMONS_VIRTIOFSD_LINE_H
#define DAEMONS_VIRTIOFSD_LINE_H

#include <vmm-sys-util/error.h>

/* Owns its arguments. */
struct virtiofsd_line {
	int argc;
	char **argv;		/* NULL-terminated */
};

/*
 * -EINVAL: a virtiofsd option that this program does not support, or a
 * malformed list; -ENOENT: an unknown key of -o.
 */
int virtiofsd_line_make(struct virtiofsd_line *line, int argc,
			char *const *argv, struct vsu_error *err);
void virtiofsd_line_free(struct virtiofsd_line *line);

#endif
