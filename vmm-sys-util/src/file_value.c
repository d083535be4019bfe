/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads a path, "fd:N" or "fd:N:NAME". */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/parse.h>

static const char prefix[] = VSU_FILE_VALUE_FD, former[] = VSU_FILE_VALUE_FORMER;

bool vsu_file_value_is_fd(const char *text)
{
	return !strncmp(text, prefix, strlen(prefix));
}

const char *vsu_file_value_name(const char *text)
{
	const char *colon = vsu_file_value_is_fd(text) ?
			    strchr(text + strlen(prefix), ':') : NULL;

	return colon && colon[1] ? colon + 1 : text;
}

char *vsu_file_value_former(const char *text)
{
	const size_t len = vsu_file_value_is_fd(text) ? strspn(text + strlen(prefix), "0123456789") : 0;
	char *out;

	if (!len)
		return strdup(text);
	return asprintf(&out, "%s%s%s", prefix, former, text + strlen(prefix) + len) < 0 ? NULL : out;
}

int vsu_file_value_read(const char *text, struct vsu_file_value *out,
			struct vsu_error *err)
{
	struct vsu_file_value v = { vsu_file_value_name(text), false, -1 };
	char number[12] = "";
	uint64_t fd;
	size_t len;

	if (vsu_file_value_is_fd(text)) {
		text += strlen(prefix);
		len = strcspn(text, ":");
		if (len == strlen(former) && !memcmp(text, former, len))
			return vsu_error_set(err, -EBADF,
					     "'fd:%s' was a descriptor of the process from which the guest came; only a file that is named by its path can be opened again",
					     text);
		if (len < sizeof(number))
			memcpy(number, text, len);
		if (vsu_parse_u64(number, &fd) < 0 || fd > INT_MAX)
			return vsu_error_set(err, -EINVAL,
					     "'fd:%s' is not a descriptor such as fd:3; write './fd:...' for a file of that name",
					     text);
		v.has_fd = true;
		v.fd = (int)fd;
	}
	*out = v;
	return 0;
}

int vsu_file_value_open(const char *text, int flags)
{
	struct vsu_file_value v;
	int fd = vsu_file_value_read(text, &v, NULL);

	if (fd < 0)
		return fd;
	if (v.has_fd)
		return vsu_fd_dup(v.fd);
	fd = open(text, flags | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

int vsu_file_value_open_in(const char *text, const char *name, int flags)
{
	struct vsu_file_value v;
	char *path = NULL;
	int fd = vsu_file_value_read(text, &v, NULL);

	if (fd < 0)
		return fd;
	if (!v.has_fd && asprintf(&path, "%s/%s", text, name) < 0)
		return -ENOMEM;
	fd = openat(v.has_fd ? v.fd : AT_FDCWD, path ? path : name, flags | O_CLOEXEC);
	fd = fd < 0 ? -errno : fd;
	free(path);
	return fd;
}

static int check_text(const char *text, size_t len, size_t max, struct vsu_error *err)
{
	if (len == max)
		return vsu_error_set(err, -E2BIG, "more than %zu bytes", max);
	return strlen(text) < len ? vsu_error_set(err, -EBADMSG, "byte %zu is 0", strlen(text)) : 0;
}

int vsu_file_value_read_text(int fd, size_t max, char **out, struct vsu_error *err)
{
	char *text = malloc(max + 1);
	size_t len = 0;
	ssize_t n;
	int rc;

	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for a text");
	do {
		n = read(fd, text + len, max - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < max) || (n < 0 && errno == EINTR));
	text[len] = '\0';
	rc = n < 0 ? vsu_error_sys(err, -errno, "cannot read it") : check_text(text, len, max, err);
	if (rc < 0)
		free(text);
	else
		*out = text;
	return rc;
}

int vsu_file_value_stat(const char *text, struct stat *st)
{
	struct vsu_file_value v;
	int rc = vsu_file_value_read(text, &v, NULL);

	if (rc < 0)
		return rc;
	return (v.has_fd ? fstat(v.fd, st) : stat(text, st)) < 0 ? -errno : 0;
}

bool vsu_file_value_is_same(const char *a, const char *b)
{
	struct stat sa, sb;

	return !vsu_file_value_stat(a, &sa) && !vsu_file_value_stat(b, &sb) &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}
