/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libcvmm-exec, in the common part of C99 and C++11. */
#include <errno.h>
#include <string.h>

#include <cvmm/exec.h>

int main(void)
{
	const char *const command[] = { "true", NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_exec_config config;
	struct cvmm_exec *e = NULL;
	int rc;

	memset(&config, 0, sizeof(config));
	config.size = sizeof(config);
	config.command = command;
	config.kernel = "/nonexistent/kernel";
	config.modules = "none";
	config.root = "/nonexistent";
	rc = cvmm_exec_new(&config, NULL, &e, &err);
	cvmm_exec_free(e);
	return rc >= 0 || !err.msg[0];
}
