/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libcvmm, in the common part of C99 and C++11. */
#include <errno.h>
#include <string.h>

#include <cvmm/machine.h>
#include <cvmm/version.h>

int main(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_options *options = NULL;
	struct cvmm_machine *m = NULL;
	int rc = cvmm_options_new(&options, &err);

	if (!rc)
		rc = cvmm_options_add(options, "kernel", "/nonexistent/kernel", &err);
	if (!rc)
		rc = cvmm_machine_new(options, NULL, &m, &err);
	cvmm_machine_free(m);
	cvmm_options_free(options);
	return rc != -ENOENT || !err.msg[0] || !strlen(cvmm_version());
}
