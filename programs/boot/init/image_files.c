/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files of a mounted image. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "image.h"

#define MAX_TEXT (1 << 20)

/* The order is that of Ubuntu and Arch, Debian, Fedora, and openSUSE, whose first snapshot is its default subvolume. */
const char *const image_subvolumes[] = { "/@", "/@rootfs", "/root", "/@/.snapshots/1/snapshot", NULL };

static int open_below(int root, const char *path, int flags)
{
	struct open_how how;

	memset(&how, 0, sizeof(how));
	how.flags = (unsigned int)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	how.resolve = RESOLVE_IN_ROOT;
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int image_open(int root, const char *path)
{
	const int fd = open_below(root, path, 0);
	struct stat st;

	if (fd < 0 || (!fstat(fd, &st) && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	return -1;
}

int image_open_folder(int root, const char *path)
{
	return open_below(root, path, O_DIRECTORY);
}

char *image_read(int root, const char *path, size_t *len)
{
	const int fd = image_open(root, path);
	char *text = fd >= 0 ? malloc(MAX_TEXT) : NULL;
	ssize_t n = 1;

	for (*len = 0; text && n > 0 && *len < MAX_TEXT; *len += n > 0 ? (size_t)n : 0)
		n = read(fd, text + *len, MAX_TEXT - *len);
	if (fd >= 0)
		close(fd);
	if (text && n != 0) {
		free(text);
		text = NULL;
	}
	return text;
}
