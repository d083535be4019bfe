/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The time and random bytes that a guest begins with. */
#ifndef VM_AGENT_HOST_MOMENT_H
#define VM_AGENT_HOST_MOMENT_H

#include <vmm-sys-util/attributes.h>

#include "host/channel.h"

/* Sends MOMENT. Errors of vagent_priv_channel_send() and clock_gettime(); -EIO: no random bytes. */
int vagent_priv_send_moment(struct vagent_priv_channel *c) VSU_NODISCARD;

#endif
