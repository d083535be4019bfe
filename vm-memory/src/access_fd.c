/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Transfers between guest memory and files by read and write system calls. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/uio.h>

#include <vm-memory/access.h>
#include <vmm-sys-util/checked.h>

#define MAX_PIECES 64

/* Maximum bytes of one system call; the kernel does not truncate it. */
#define MAX_STEP (1ull << 30)

struct transfer {
	int fd;
	bool in;		/* true: from the file at pos into memory */
	uint64_t pos;
};

static ssize_t transfer_call(const struct transfer *t, const struct iovec *iov, int n)
{
	return t->in ? preadv(t->fd, iov, n, (off_t)t->pos) :
		       writev(t->fd, iov, n);
}

static ssize_t call_again(const struct transfer *t, const struct iovec *iov,
			  int n)
{
	ssize_t done;

	do {
		done = transfer_call(t, iov, n);
	} while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

/* One system call at gpa; *room receives the bytes that it could have transferred. */
static ssize_t transfer_step(const struct vmem_view *view, uint64_t gpa, uint64_t len,
			     const struct transfer *t, uint64_t *room)
{
	struct iovec iov[MAX_PIECES];
	ssize_t done;
	int n;

	n = vmem_slices(view, gpa, len < MAX_STEP ? len : MAX_STEP,
			t->in ? VMEM_WRITE : VMEM_READ, iov, MAX_PIECES, room);
	if (n < 0)
		return n;
	done = call_again(t, iov, n);
	/* A failed read may have stored any part of the bytes. */
	if (t->in && done)
		vmem_mark_written(view, gpa,
				  done < 0 ? *room : (uint64_t)done);
	return done;
}

static ssize_t transfer_all(const struct vmem_view *view, uint64_t gpa, size_t len,
			    struct transfer *t)
{
	uint64_t left = len > SSIZE_MAX ? SSIZE_MAX : len, all = left, room;
	ssize_t done = 0;

	while (left) {
		done = transfer_step(view, gpa, left, t, &room);
		if (done <= 0)
			break;
		left -= (uint64_t)done;
		gpa += (uint64_t)done;
		t->pos += (uint64_t)done;
		if (!gpa || (t->in && (uint64_t)done < room))
			break;
	}
	return left == all && done < 0 ? done : (ssize_t)(all - left);
}

/* -EINVAL for a position that no file can have. */
ssize_t vmem_pread_from_fd(const struct vmem_view *view, uint64_t gpa,
			   size_t len, int fd, uint64_t pos)
{
	struct transfer t = { fd, true, pos };
	uint64_t end;

	if (vsu_u64_add_overflow(pos, len, &end) || end > INT64_MAX)
		return -EINVAL;
	return transfer_all(view, gpa, len, &t);
}

ssize_t vmem_write_to_fd(const struct vmem_view *view, uint64_t gpa,
			 size_t len, int fd)
{
	struct transfer t = { fd, false, 0 };

	return transfer_all(view, gpa, len, &t);
}
