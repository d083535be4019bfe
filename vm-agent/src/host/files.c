/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files as a stream, with errors of the library. */
#include <config.h>

#include "files/pack.h"
#include "vm-agent/files.h"

int vagent_files_send(int to, const char *path, struct vsu_error *err)
{
	struct vagent_priv_pack_failure why;
	const int rc = vagent_priv_pack_write(to, path, &why);

	return rc < 0 ? vsu_error_set(err, rc, "%s", why.text) : 0;
}

int vagent_files_receive(int from, const char *path, const char *source, mode_t modes, struct vsu_error *err)
{
	struct vagent_priv_pack_failure why;
	const int rc = vagent_priv_pack_read(from, path, source, modes, &why);

	return rc < 0 ? vsu_error_set(err, rc, "%s", why.text) : 0;
}
