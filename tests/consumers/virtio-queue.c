/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvirtio-queue, in the common part of C99 and C++11. */
#include <string.h>

#include <virtio-queue/version.h>

int main(void)
{
	return strlen(vq_version()) > 0 ? 0 : 1;
}
