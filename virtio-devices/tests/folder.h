/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Folders that a test makes and leaves no trace of. */
#ifndef VIRTIO_DEVICES_TESTS_FOLDER_H
#define VIRTIO_DEVICES_TESTS_FOLDER_H

/* A temporary folder in that one, the current one until its fini. */
void folder_init(const char *where);
void folder_fini(void);

/* Removes a folder with all that is in it; links are not followed. */
void folder_remove(const char *path);

#endif
