/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The version of the library at run time. */
#include <config.h>

#include <vm-arch/version.h>

const char *varch_version(void)
{
	return PACKAGE_VERSION;
}
