/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which libvhost a program runs with, which may be newer than the one it was
 * compiled against. Any thread.
 */
#ifndef VHOST_VERSION_H
#define VHOST_VERSION_H

#include <vhost/attributes.h>

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VHOST_USER_API const char *vhost_user_version(void);

VSU_END_DECLS

#endif
