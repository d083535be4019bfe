/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files of a folder that another user, or the maker of an image, may have filled with symbolic links. */
#ifndef VMM_INITRD_FOLDER_FILE_H
#define VMM_INITRD_FOLDER_FILE_H

#include <stdbool.h>

/*
 * Links that leave the folder are followed in the host's own folders of modules only, where
 * distributions have them (weak-updates, stores of packages).
 */
bool vagent_priv_folder_is_of_host(const char *folder);

/*
 * Opens a file below the folder for reading, without blocking on FIFOs; or a negative errno.
 * -EXDEV: a symbolic link leads out of the folder; -ELOOP: also, before Linux 5.6, any link.
 */
int vagent_priv_folder_file_open(int folder, const char *path);

#endif
