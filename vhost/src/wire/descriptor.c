/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks of a peer's descriptors by their purpose. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "wire/descriptor.h"
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

int vhost_user_priv_check_event(int fd, int unusable, const char *name,
				struct vsu_error *err)
{
	int kind;

	if (vsu_foreign_is_event(fd))
		return 0;
	kind = vsu_foreign_kind(fd);
	if (kind != VSU_FOREIGN_EVENT && kind != VSU_FOREIGN_PIPE)
		return vsu_error_set(err, -EBADMSG,
				     "%s: its descriptor is %s, an eventfd or a pipe is needed",
				     name, vsu_foreign_name(kind));
	if (kind == VSU_FOREIGN_PIPE &&
	    (fcntl(fd, F_GETFL) & O_ACCMODE) == unusable)
		return vsu_error_set(err, -EBADMSG,
				     "%s: its descriptor is the wrong end of a pipe", name);
	return 0;
}

int vhost_user_priv_check_file(int fd, bool served_files, const char *name,
			       struct vsu_error *err)
{
	int kind = vsu_foreign_kind(fd);

	switch (kind) {
	case VSU_FOREIGN_SHARED:
	case VSU_FOREIGN_FILE:
	case VSU_FOREIGN_BLOCK:
	case VSU_FOREIGN_CHAR:
		return 0;
	case VSU_FOREIGN_SERVED:
		if (served_files)
			return 0;
		return vsu_error_set(err, -EBADMSG,
				     "%s: its descriptor is %s, which is not allowed here: an unresponsive server would block this program",
				     name, vsu_foreign_name(kind));
	}
	return vsu_error_set(err, -EBADMSG,
			     "%s: its descriptor is %s, a file that can be mapped is needed",
			     name, vsu_foreign_name(kind));
}

int vhost_user_priv_check_stream(int fd, int unusable, const char *name,
				 struct vsu_error *err)
{
	int kind = vsu_foreign_kind(fd);

	if (kind != VSU_FOREIGN_PIPE && kind != VSU_FOREIGN_SOCKET &&
	    kind != VSU_FOREIGN_SHARED && kind != VSU_FOREIGN_FILE)
		return vsu_error_set(err, -EBADMSG,
				     "%s: its descriptor is %s, a pipe is needed",
				     name, vsu_foreign_name(kind));
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == unusable)
		return vsu_error_set(err, -EBADMSG,
				     "%s: its descriptor cannot be %s", name,
				     unusable == O_WRONLY ? "read" : "written");
	return 0;
}

/*
 * True if fd and main belong to the same connection: the peer's end has the
 * name that ours has as its peer. Unnamed socket pairs cannot be recognised.
 */
static bool leads_to(int fd, int main)
{
	struct sockaddr_un theirs, ours;
	socklen_t their_len = sizeof(theirs), our_len = sizeof(ours);

	if (getpeername(fd, (struct sockaddr *)&theirs, &their_len) ||
	    getsockname(main, (struct sockaddr *)&ours, &our_len))
		return false;
	return our_len > sizeof(sa_family_t) && their_len == our_len &&
	       !memcmp(&theirs, &ours, our_len);
}

int vhost_user_priv_check_socket(int fd, int main, const char *name,
				 struct vsu_error *err)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (vsu_sock_is_unix_stream(fd) != 1)
		return vsu_error_set(err, -EBADMSG,
				     "%s: its descriptor is %s, a UNIX stream socket is needed",
				     name, vsu_foreign_name(vsu_foreign_kind(fd)));
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
	    listens)
		return vsu_error_set(err, -EBADMSG,
				     "%s: its socket listens, a connected one is needed",
				     name);
	if (leads_to(fd, main))
		return vsu_error_set(err, -EBADMSG,
				     "%s: its socket is connected to this back-end's own, one end of a new pair is needed",
				     name);
	return 0;
}
