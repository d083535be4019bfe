/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The version of the library at run time. */
#include <config.h>

#include "virtio-devices/version.h"

const char *virtdev_version(void)
{
	return PACKAGE_VERSION;
}
