/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The subject of an option or of a command, which help pages and other programs select by. */
#ifndef VMM_CONFIG_TOPIC_H
#define VMM_CONFIG_TOPIC_H

enum vmm_topic {
	VMM_TOPIC_NONE,
	VMM_TOPIC_WORDS,	/* the source of other words */
	VMM_TOPIC_KERNEL,	/* that the guest boots */
	VMM_TOPIC_CONTROL,	/* of a running machine; all commands are of it */
	VMM_TOPIC_MIGRATION,	/* machines that were saved or come from elsewhere, and their source */
	VMM_TOPIC_SANDBOX,
};

#endif
