/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvm-memory, in the common part of C99 and C++11. */
#include <string.h>

#include <vm-memory/version.h>

int main(void)
{
	return strlen(vmem_version()) > 0 ? 0 : 1;
}
