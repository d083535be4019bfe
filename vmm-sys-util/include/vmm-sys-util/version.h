/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which libvmm-sys-util a program runs with, which may be newer than the one it was
 * compiled against. Any thread.
 */
#ifndef VMM_SYS_UTIL_VERSION_H
#define VMM_SYS_UTIL_VERSION_H

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VSU_API const char *vsu_version(void);

VSU_END_DECLS

#endif
