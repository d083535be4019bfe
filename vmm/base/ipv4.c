/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Texts of IPv4 addresses. */
#include <config.h>

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "base/ipv4.h"

bool vmm_ipv4_is_address(const char *text)
{
	struct in_addr a;

	return inet_pton(AF_INET, text, &a) == 1;
}

bool vmm_ipv4_is_prefixed(const char *text)
{
	const size_t len = strcspn(text, "/");
	char address[INET_ADDRSTRLEN];
	uint64_t bits;

	if (len >= sizeof(address) || text[len] != '/')
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return vmm_ipv4_is_address(address) && vsu_parse_u64(text + len + 1, &bits) == 0 && bits >= 1 && bits <= 32;
}
