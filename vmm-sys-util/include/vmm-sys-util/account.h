/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Looking up users and groups of the host by name.
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_ACCOUNT_H
#define VMM_SYS_UTIL_ACCOUNT_H

#include <errno.h>
#include <stdbool.h>

/*
 * Tells whether the lookup failed, from the errno after getpwnam(3) or getgrnam(3) returned
 * NULL. If the name does not exist, errno is 0 or another code, depending on the database.
 */
static inline bool vsu_account_lookup_failed(int code)
{
	return code == EINTR || code == EIO || code == EMFILE || code == ENFILE || code == ENOMEM;
}

#endif
