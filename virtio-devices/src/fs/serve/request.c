/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serves one request: reads its arguments once, checks them against its row of the
 * table, looks up inode and handle, calls the handler and writes the reply.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "fs/serve/serve.h"

#define MIN_ERROR (-511)	/* Linux rejects replies with other errors */

/* Maximum extensions per request; there are two kinds. */
#define MAX_EXTENSIONS 16u

/* ------------------------------------------------------------------- texts */

/* Rejects empty names, ".", ".." and slashes. */
static int check_name(const char *name)
{
	if (strlen(name) > FS_NAME_MAX)
		return -ENAMETOOLONG;
	return !*name || strchr(name, '/') || !strcmp(name, ".") ||
	       !strcmp(name, "..") ? -EINVAL : 0;
}

/* The byte after the string's NUL, or NULL if the string is unterminated. */
static char *end_of(char *text, uint32_t *left)
{
	char *end = memchr(text, 0, *left);

	if (!end)
		return NULL;
	*left -= (uint32_t)(end + 1 - text);
	return end + 1;
}

static int split_texts(struct fs_call *c, uint8_t texts, uint32_t len)
{
	char *next;
	int rc;

	c->name = (char *)c->queue->text;
	next = end_of(c->name, &len);
	if (!next)
		return -EINVAL;
	c->other = next;
	c->left = len;
	if (texts == FS_TEXT_ONLY)
		return 0;
	rc = check_name(c->name);
	if (rc < 0 || texts == FS_NAME)
		return rc;
	if (!end_of(c->other, &len))
		return -EINVAL;
	return texts == FS_TWO_NAMES ? check_name(c->other) : 0;
}

/* Reads the rest of the request, names or a value, into the text buffer. */
static int read_texts(struct fs_call *c, uint8_t texts)
{
	const uint32_t len = c->left;

	c->text_len = len;
	if (texts == FS_NO_TEXT)
		return 0;
	if (len > FS_TEXT)
		return -E2BIG;
	if (!vq_cursor_read_exact(&c->from, c->queue->text, len))
		return -EINVAL;
	return split_texts(c, texts, len);
}

/* --------------------------------------------------------------- extensions */

static int pass_over(struct fs_call *c, uint32_t len)
{
	return vq_cursor_skip(&c->from, len) == len ? 0 : -EINVAL;
}

/* Parses len bytes: the number of groups, then the groups. */
static int read_groups(struct fs_call *c, uint32_t len)
{
	uint32_t n;

	if (c->ngroups || len < sizeof(n) || !vq_cursor_read_obj(&c->from, &n))
		return -EINVAL;
	len -= (uint32_t)sizeof(n);
	if (n > FS_GROUPS || n > len / sizeof(c->groups[0]) ||
	    !vq_cursor_read_exact(&c->from, c->groups,
				  n * (uint32_t)sizeof(c->groups[0])))
		return -EINVAL;
	c->ngroups = n;
	return pass_over(c, len - n * (uint32_t)sizeof(c->groups[0]));
}

/* Parses n labels in len bytes: size of the value, name, NUL, value, padding. */
static int read_label(struct fs_call *c, uint32_t n, uint32_t len)
{
	char *room = (char *)c->queue->text + FS_VALUE_AT;
	struct fs_label_head head;
	size_t name;

	if (!n)
		return pass_over(c, len);
	if (n > 1 || c->label.name || len < sizeof(head) ||
	    !vq_cursor_read_obj(&c->from, &head))
		return -EINVAL;
	len -= (uint32_t)sizeof(head);
	if (len > FS_VALUE_MAX || c->text_len > FS_VALUE_AT)
		return -E2BIG;
	if (!vq_cursor_read_exact(&c->from, room, len))
		return -EINVAL;
	name = strnlen(room, len);
	if (name == len || name > FS_NAME_MAX || head.size > len - name - 1)
		return -EINVAL;
	c->label = (struct fs_label){ room, room + name + 1, head.size };
	return strncmp(room, "security.", 9) ? -EOPNOTSUPP : 0;
}

static int read_extension(struct fs_call *c, const struct fs_extension *e)
{
	if (e->type == FS_EXTENSION_GROUPS)
		return read_groups(c, e->size);
	return e->type <= FS_EXTENSION_LABELS &&
	       virtdev_priv_fs_agreed(c->fs, FS_SECURITY_CTX) ?
	       read_label(c, e->type, e->size) : pass_over(c, e->size);
}

/*
 * At the end of requests that create a file: the user's supplementary group that matches
 * the directory's, and a security label. Ignores unknown extensions.
 */
static int read_extensions(struct fs_call *c)
{
	uint32_t left = fs_extensions(&c->in), i;
	struct fs_extension e;
	int rc = 0;

	for (i = 0; rc >= 0 && left; i++) {
		if (i == MAX_EXTENSIONS || left < sizeof(e) ||
		    !vq_cursor_read_obj(&c->from, &e) || e.size < sizeof(e) ||
		    e.size > left || e.size % FS_EXTENSION_ALIGN)
			return -EINVAL;
		left -= e.size;
		e.size -= (uint32_t)sizeof(e);
		rc = read_extension(c, &e);
	}
	return rc;
}

/* ------------------------------------------------------------------ checks */

/* Whether this queue and session allow the operation. */
static int check_operation(const struct fs_call *c,
			   const struct fs_operation *op)
{
	if (!op || (!op->serve && !(op->flags & FS_URGENT)))
		return -ENOSYS;
	if (!c->queue->index && !(op->flags & FS_URGENT))
		return -EINVAL;
	if (!op->serve || (op->flags & FS_WINDOW && !c->fs->nchunks))
		return -ENOSYS;
	if (!(op->flags & FS_FIRST) &&
	    !__atomic_load_n(&c->fs->agreed, __ATOMIC_ACQUIRE))
		return -ENOTCONN;
	return op->flags & FS_CHANGES && c->fs->config.read_only ? -EROFS : 0;
}

/* Checks the header's length; left: bytes of arguments and texts. */
static int read_length(struct fs_call *c)
{
	const uint32_t extensions = fs_extensions(&c->in);
	const uint32_t least = (uint32_t)sizeof(c->in) + extensions;

	if (c->in.len < least ||
	    c->in.len - sizeof(c->in) > vq_cursor_left(&c->from))
		return -EINVAL;
	c->left = c->in.len - least;
	return 0;
}

/* FUSE_SETXATTR has longer arguments if FUSE_SETXATTR_EXT was negotiated. */
static uint32_t args_of(const struct fs_call *c, const struct fs_operation *op)
{
	return c->in.opcode == FUSE_SETXATTR &&
	       virtdev_priv_fs_agreed(c->fs, FUSE_SETXATTR_EXT) ?
	       sizeof(struct fuse_setxattr_in) : op->args;
}

static int read_args(struct fs_call *c, const struct fs_operation *op)
{
	const uint32_t args = args_of(c, op);
	int rc;

	if (c->left < args || vq_cursor_left(&c->to) < op->room ||
	    !vq_cursor_read_exact(&c->from, &c->arg, args))
		return -EINVAL;
	c->left -= args;
	rc = read_texts(c, op->texts);
	return rc >= 0 && op->flags & FS_MAKES ?
	       read_extensions(c) : rc;
}

static int find_handle(struct fs_call *c, const struct fs_operation *op)
{
	if (!(op->flags & (FS_FILE | FS_FOLDER)))
		return 0;
	c->handle = virtdev_priv_fs_handle_get(c->fs, c->arg.fh, c->in.nodeid);
	return c->handle && c->handle->folder == !!(op->flags & FS_FOLDER) ?
	       0 : -EBADF;
}

static enum fs_name_use use_of_name(const struct fs_operation *op)
{
	return op->texts == FS_TWO_NAMES ? FS_NAME_MOVES : op->flags & FS_CHANGES ? FS_NAME_CHANGES : FS_NAME_FINDS;
}

/* The second name of a rename is in another folder. */
static int check_named(const struct fs_call *c, const struct fs_operation *op)
{
	if (!op->texts || op->texts == FS_TEXT_ONLY)
		return 0;
	return c->inode->type == S_IFDIR ?
	       virtdev_priv_fs_check_name(c, c->inode, c->name, use_of_name(op)) : -ENOTDIR;
}

/* A sealed folder keeps its attributes. */
static int check_sealed(const struct fs_call *c, const struct fs_operation *op)
{
	return c->inode->type == S_IFDIR && op->flags & FS_CHANGES &&
	       (!op->texts || op->texts == FS_TEXT_ONLY) &&
	       virtdev_priv_fs_is_sealed(c->fs, c->inode) ? -EACCES : 0;
}

/*
 * The host has made a file private that the driver holds. After ESTALE, Linux looks its name up again,
 * which does not exist. Open files remain open, as on the host.
 */
static int check_private(const struct fs_call *c, const struct fs_operation *op)
{
	struct statx st;
	int rc;

	if (!c->fs->config.hide_private || !(op->flags & FS_OPENS) || c->in.nodeid == FUSE_ROOT_ID)
		return 0;
	virtdev_priv_fs_host_call_begin(c);
	rc = virtdev_priv_fs_stat(c->inode->fd, "", &st);
	if (rc >= 0)
		rc = virtdev_priv_fs_is_private(c->fs, c->inode->fd, &st, false) ? -ESTALE : 0;
	return virtdev_priv_fs_host_call_end(c, rc);
}

static int find_subject(struct fs_call *c, const struct fs_operation *op)
{
	int rc;

	if (!(op->flags & FS_NODE))
		return 0;
	c->inode = virtdev_priv_fs_inode_get(c->fs, c->in.nodeid);
	if (!c->inode)
		return -ESTALE;
	rc = check_named(c, op);
	if (rc >= 0)
		rc = check_sealed(c, op);
	if (rc >= 0)
		rc = check_private(c, op);
	return rc < 0 ? rc : find_handle(c, op);
}

static void put_subject(struct fs_call *c)
{
	if (c->handle)
		virtdev_priv_fs_handle_put(c->fs, c->handle);
	if (c->inode)
		virtdev_priv_fs_inode_put(c->fs, c->inode);
}

static int subject_serve(struct fs_call *c, const struct fs_operation *op)
{
	const bool is_kept = op->flags & FS_REPLAY &&
			     fs_recover_map(&c->fs->recover);
	int rc = find_subject(c, op);

	if (rc >= 0)
		rc = virtdev_priv_fs_check_privileges(c);
	if (rc < 0)
		return rc == -EBADF && is_kept && virtdev_priv_fs_replay_was_started(c) ?
		       0 : rc;
	return is_kept ? virtdev_priv_fs_replay_serve(c, op) : op->serve(c);
}

static int request_serve(struct fs_call *c, const struct fs_operation *op)
{
	int rc = check_operation(c, op);

	if (rc >= 0)
		rc = read_length(c);
	if (rc >= 0)
		rc = read_args(c, op);
	if (rc >= 0)
		rc = subject_serve(c, op);
	/* the last reference closes the descriptor, which may hang */
	virtdev_priv_fs_host_call_begin(c);
	put_subject(c);
	return virtdev_priv_fs_host_call_end(c, rc);
}

/* -------------------------------------------------------------------- reply */

/* Writes the reply's header; returns the bytes of the reply. */
static uint32_t write_reply(struct fs_call *c, struct vq_cursor *head, int rc)
{
	struct fuse_out_header out = { .len = sizeof(out),
				       .unique = c->in.unique };

	if (rc < 0) {
		out.error = rc < MIN_ERROR ? -EIO : rc;
		virtdev_priv_fs_count(c->fs, FS_FAILED, 1);
	} else {
		out.len += (uint32_t)rc;
	}
	return vq_cursor_write_obj(head, &out) ? out.len : 0;
}

uint32_t virtdev_priv_fs_serve(void *opaque, struct vq *q,
			       struct vq_chain *chain)
{
	struct fs_queue *queue = opaque;
	struct fs_call c = { .fs = queue->fs, .queue = queue };
	const uint32_t least = sizeof(struct fuse_out_header);
	const struct fs_operation *op;
	struct vq_cursor head;
	bool quiet;
	int rc = -EIO;

	vq_reader_init(&c.from, q, chain);
	vq_writer_init(&head, q, chain);
	c.to = head;
	queue->kind = VIRTDEV_LATENCY_KINDS;
	if (chain->fault.bad & VMEM_WRITE ||
	    !vq_cursor_read_obj(&c.from, &c.in))
		return 0;
	queue->kind = virtdev_priv_fs_kind(c.in.opcode);
	virtdev_priv_fs_count(c.fs, FS_REQUESTS, 1);
	queue->unique = c.in.unique;
	op = virtdev_priv_fs_operation(c.in.opcode);
	quiet = op && op->flags & FS_QUIET;
	if (!quiet && vq_cursor_skip(&c.to, least) < least)
		return 0;
	if (!chain->fault.why)
		rc = request_serve(&c, op);
	return quiet || virtdev_priv_fs_is_detached(&c) ? 0 :
	       write_reply(&c, &head, rc);
}
