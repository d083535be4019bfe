/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An honest back-end, for the target that is a front-end. */
#ifndef FUZZ_HONEST_H
#define FUZZ_HONEST_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/protocol.h>

#define HONEST_PAGE 4096u
#define HONEST_FEATURES (UINT64_C(1) << 32)

/* listening: in postcopy, where memory tables have a reply of their own. */
bool honest_answers(const struct vhost_user_header *asked, bool listening);
/* The size of the reply's payload, and its first 8 bytes. */
uint32_t honest_size(const struct vhost_user_header *asked, bool listening);
uint64_t honest_value(uint32_t request);
/* The size of the payload of a request over the back-end channel. */
uint32_t honest_request_size(uint32_t number);

#endif
