/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A kernel from Linux 5.17 on can load compressed modules if it was configured with
 * CONFIG_MODULE_DECOMPRESS. The file "config" beside its modules, or "config-VERSION" in the folder
 * of kernels, has its configuration.
 *
 * Threads: no state.
 */
#ifndef VMM_INITRD_COMPRESSED_H
#define VMM_INITRD_COMPRESSED_H

#include "initrd/modules.h"

/*
 * Whether one of the first n selected modules, except optional ones, or any one behind them is compressed:
 * "NAME.ko.xz" and others, which are not "NAME.ko".
 */
bool vagent_priv_modules_have_compressed(const struct vagent_priv_modules *m, unsigned int n);

/*
 * Checks the first n selected modules, except optional ones. folder has the modules; boot is the folder
 * of kernels, or NULL. -EOPNOTSUPP: the kernel cannot load one of the modules. *unknown: a module is
 * compressed, and the configuration cannot be read.
 */
int vagent_priv_modules_check_compressed(const struct vagent_priv_modules *m, unsigned int n, const char *folder, const char *boot,
				 bool *unknown, struct vsu_error *err);

#endif
