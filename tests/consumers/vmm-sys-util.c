/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvmm-sys-util, in the common part of C99 and C++11. */
#include <string.h>

#include <vmm-sys-util/version.h>

int main(void)
{
	return strlen(vsu_version()) > 0 ? 0 : 1;
}
