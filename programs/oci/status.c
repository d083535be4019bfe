/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The file of a container's status. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/status.h"

static const char *const names[] = {
	[OCI_CREATING] = "creating", [OCI_CREATED] = "created", [OCI_RUNNING] = "running",
	[OCI_PAUSED] = "paused", [OCI_STOPPED] = "stopped",
};

const char *oci_status_name(enum oci_status status)
{
	return names[status];
}

/* All bytes exist before, because a write to memory cannot fail. */
static int map_file(int fd, struct oci_status_page **page)
{
	static const struct oci_status_page empty;
	const int rc = vsu_fd_write_full(fd, &empty, sizeof(empty)) == (ssize_t)sizeof(empty) ? 0 : -ENOSPC;
	void *at = rc < 0 ? MAP_FAILED : mmap(NULL, sizeof(empty), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return rc < 0 ? rc : -errno;
	*page = at;
	return 0;
}

int oci_status_open(int folder, struct oci_status_page **page, struct vsu_error *err)
{
	int fd = openat(folder, OCI_STATUS_NAME, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	const int rc = fd < 0 ? -errno : map_file(fd, page);

	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot make the file of the status") : 0;
}

void oci_status_close(struct oci_status_page *page)
{
	if (page)
		munmap(page, sizeof(*page));
}

void oci_status_write(struct oci_status_page *page, enum oci_status status)
{
	page->letter = *names[status];
}

void oci_status_fail(struct oci_status_page *page, const char *sentence)
{
	snprintf(page->sentence, sizeof(page->sentence), "%s", sentence);
}

int oci_status_mark(int folder, enum oci_status status, struct vsu_error *err)
{
	int fd = openat(folder, OCI_STATUS_NAME, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	const int rc = fd < 0 || pwrite(fd, names[status], 1, 0) < 0 ? -errno : 0;

	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot write the status") : 0;
}

static enum oci_status find_status(char letter)
{
	int i;

	for (i = OCI_CREATED; i < OCI_STOPPED; i++)
		if (letter == *names[i])
			return (enum oci_status)i;
	return OCI_CREATING;
}

enum oci_status oci_status_read(int folder, char sentence[OCI_STATUS_SENTENCE])
{
	int fd = openat(folder, OCI_STATUS_NAME, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct oci_status_page page = { .letter = 0 };

	if (fd >= 0 && vsu_fd_read_full(fd, &page, sizeof(page)) < 0)
		page = (struct oci_status_page){ .letter = 0 };
	vsu_fd_close(&fd);
	snprintf(sentence, OCI_STATUS_SENTENCE, "%.*s", OCI_STATUS_SENTENCE - 1, page.sentence);
	return find_status(page.letter);
}
