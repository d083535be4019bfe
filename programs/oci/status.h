/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The status of a container, in the file "status" of its folder: a letter, and a sentence if its machine has failed.
 *
 * A guest may control the process that changes it. That process has the file in its memory, and no descriptor of it:
 * it can change the bytes, but cannot make the file larger.
 *
 * Threads: no state.
 */
#ifndef OCI_STATUS_H
#define OCI_STATUS_H

#include <vmm-sys-util/error.h>

#define OCI_STATUS_NAME "status"
#define OCI_STATUS_SENTENCE 400

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };

struct oci_status_page {
	char letter;
	char sentence[OCI_STATUS_SENTENCE]; /* empty: it did not fail */
};

/* Makes the file, and maps it. The mapping ends with the process, or by oci_status_close(), which accepts NULL. */
int oci_status_open(int folder, struct oci_status_page **page, struct vsu_error *err);
void oci_status_close(struct oci_status_page *page);

/* status: OCI_CREATED, OCI_RUNNING, OCI_PAUSED. */
void oci_status_write(struct oci_status_page *page, enum oci_status status);
void oci_status_fail(struct oci_status_page *page, const char *sentence);

/* Changes the status in the file, which exists. */
int oci_status_mark(int folder, enum oci_status status, struct vsu_error *err);

/* Whatever the file has, the status is one of a process that runs. The sentence is terminated. */
enum oci_status oci_status_read(int folder, char sentence[OCI_STATUS_SENTENCE]);

const char *oci_status_name(enum oci_status status);

#endif
