/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks the configuration of a command before anything is opened. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/sized.h>

#include "api/exec_private.h"
#include "api/machine_private.h"

static int check_host(const struct cvmm_host *host, struct vsu_error *err)
{
	struct cvmm_host copy;

	return cvmm_priv_copy_host(&copy, host, err);
}

static int check_folders(const struct cvmm_exec_config *c, struct vsu_error *err)
{
	if (c->nfolders > CVMM_EXEC_MAX_FOLDERS)
		return vsu_error_set(err, -EINVAL, "%u folders; the maximum is %d", c->nfolders, CVMM_EXEC_MAX_FOLDERS);
	return vsu_check_array(c->folders, c->nfolders, "config->folders", err);
}

int cvmm_priv_exec_check(const struct cvmm_exec_config *c, const struct cvmm_host *host,
			 struct vsu_error *err)
{
	const int rc = check_host(host, err);

	return rc < 0 ? rc : check_folders(c, err);
}
