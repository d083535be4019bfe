/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Texts of IPv4 addresses. Threads: pure functions. */
#ifndef VMM_BASE_IPV4_H
#define VMM_BASE_IPV4_H

#include <stdbool.h>

/* "192.0.2.2". */
bool vmm_ipv4_is_address(const char *text);

/* "192.0.2.2/24": with the length of its prefix, from 1 to 32. */
bool vmm_ipv4_is_prefixed(const char *text);

#endif
