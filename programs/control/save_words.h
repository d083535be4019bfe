/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The words of the command "save", for a machine and for its client. */
#ifndef VMM_CONTROL_SAVE_WORDS_H
#define VMM_CONTROL_SAVE_WORDS_H

#include <vmm-sys-util/error.h>

#include <cvmm/requests.h>

/*
 * n of the words name the target; those behind it, in any order, set save->incremental and
 * save->then. -EINVAL.
 */
int vmm_save_words_read(char *const *words, unsigned int *n, struct cvmm_save *save,
			struct vsu_error *err);

#endif
