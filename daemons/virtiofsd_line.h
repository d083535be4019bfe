/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines that libvirt, Kata Containers and others write for virtiofsd, in the
 * options of cvmm-vhost-user-fs:
 *
 *	--fd=5 -o source=/srv,cache=none,xattr,no_flock -d
 *	--fd=5 --shared-dir=/srv --cache=never --xattr --log-level=debug
 *
 * Words that are no spelling of virtiofsd's are passed on.
 */
#ifndef DAEMONS_VIRTIOFSD_LINE_H
#define DAEMONS_VIRTIOFSD_LINE_H

#include <vmm-sys-util/error.h>

/* Owns its words. */
struct virtiofsd_line {
	int argc;
	char **argv;		/* NULL behind the last */
};

/*
 * -EINVAL: an option of virtiofsd that this program lacks, or a malformed list;
 * -ENOENT: a key of -o that is unknown.
 */
int virtiofsd_line_make(struct virtiofsd_line *line, int argc,
			char *const *argv, struct vsu_error *err);
void virtiofsd_line_free(struct virtiofsd_line *line);

#endif
