/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reports of a command: lines on standard error, or in the file that an engine names, as text or
 * as a JSON object per line. Engines search them for the reason of a failure.
 *
 * Threads: the main thread.
 */
#ifndef OCI_REPORT_H
#define OCI_REPORT_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

enum oci_report_format { OCI_REPORT_TEXT, OCI_REPORT_JSON };

struct oci_report {
	int fd;			/* of the file; -1: standard error */
	enum oci_report_format format;
	bool has_details;	/* lines below "warning" are written */
};

#define OCI_REPORT_INIT { -1, OCI_REPORT_TEXT, false }

enum oci_report_level { OCI_REPORT_DEBUG, OCI_REPORT_WARNING, OCI_REPORT_ERROR };

/* Appends to a file, which need not exist. */
int oci_report_open(struct oci_report *r, const char *path, struct vsu_error *err);

void oci_report_line(const struct oci_report *r, enum oci_report_level level, const char *fmt, ...)
	VSU_PRINTF(3, 4);

/* Writes an error, and returns the exit status for it. */
int oci_report_failure(const struct oci_report *r, const struct vsu_error *err);

void oci_report_close(struct oci_report *r);

#endif
