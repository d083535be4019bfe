/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Temporary folders of tests. */
#ifndef VIRTIO_DEVICES_TESTS_FOLDER_H
#define VIRTIO_DEVICES_TESTS_FOLDER_H

/*
 * Creates a temporary folder in WHERE, and makes it the current one until
 * folder_fini().
 */
void folder_init(const char *where);
void folder_fini(void);

/* Removes a folder and its content; links are not followed. */
void folder_remove(const char *path);

#endif
