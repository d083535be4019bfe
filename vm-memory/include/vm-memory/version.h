/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which libvm-memory a program runs with, which may be newer than the one it was
 * compiled against. Any thread.
 */
#ifndef VM_MEMORY_VERSION_H
#define VM_MEMORY_VERSION_H

#include <vm-memory/attributes.h>

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VMEM_API const char *vmem_version(void);

VSU_END_DECLS

#endif
