/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Machines that are made before their commands. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "exec_private.h"
#include "cvmm/exec_pool.h"

#define TURN_EVENTS 16

/* Until the next attempt to make a machine, when the process lacked descriptors or memory. */
#define RETRY_MS 500

/* Descriptors that stay free for the guests that boot, and for the caller. */
#define SPARE_FDS 32

/* The data of the event of fill_fd; that of a machine is its index. */
#define FILL UINT32_MAX

struct cvmm_exec_pool {
	struct cvmm_exec_config config;
	const struct cvmm_host *host;
	int epfd;
	int fill_fd;		/* timer: readable while a machine is to be made now */
	/*
	 * SHORT: the last attempt lacked descriptors or memory, and another one follows; FAILED: a machine
	 * could not be made, or ended while it waited; no further one is made
	 */
	enum pool_state { POOL_FILLS, POOL_SHORT, POOL_FULL, POOL_FAILED } state;
	struct vsu_error why;
	int machine_fds;	/* descriptors of the largest machine so far */
	unsigned int n;
	struct cvmm_exec *machines[]; /* NULL: to be made */
};

/* ------------------------------------------------------------------- members */

/* Which call takes a member of struct cvmm_exec_config. */
enum owner {
	OF_POOL,	/* the machine, and so all commands */
	OF_COMMAND,
	OF_NONE,	/* cannot be shared by machines */
};

#define MEMBER(name, owner) \
	{ #name, offsetof(struct cvmm_exec_config, name), \
	  sizeof(((struct cvmm_exec_config *)NULL)->name), owner }
static const struct member {
	const char *name;
	size_t at, size;
	enum owner owner;
} members[] = {
	MEMBER(command, OF_COMMAND), MEMBER(environment, OF_COMMAND), MEMBER(folder, OF_COMMAND),
	MEMBER(hostname, OF_COMMAND), MEMBER(terminal, OF_COMMAND), MEMBER(rows, OF_COMMAND),
	MEMBER(columns, OF_COMMAND), MEMBER(streams, OF_COMMAND),
	MEMBER(root, OF_POOL), MEMBER(writable_root, OF_POOL), MEMBER(folders, OF_POOL),
	MEMBER(nfolders, OF_POOL), MEMBER(from, OF_POOL), MEMBER(kernel, OF_POOL),
	MEMBER(modules, OF_POOL), MEMBER(init, OF_POOL), MEMBER(append, OF_POOL),
	MEMBER(memory, OF_POOL), MEMBER(cpus, OF_POOL), MEMBER(options, OF_POOL),
	MEMBER(hide, OF_POOL), MEMBER(show, OF_POOL), MEMBER(home, OF_POOL), MEMBER(image, OF_POOL),
	MEMBER(log, OF_NONE), MEMBER(network, OF_NONE),
};

static bool is_given(const struct cvmm_exec_config *c, const struct member *m)
{
	const unsigned char *byte = (const unsigned char *)c + m->at, *end = byte + m->size;

	while (byte < end && !*byte)
		byte++;
	return byte < end;
}

static int check_members(const struct cvmm_exec_config *c, enum owner owner, struct vsu_error *err)
{
	static const char *const remedies[] = {
		[OF_POOL] = "is of the pool; give it to cvmm_exec_pool_new()",
		[OF_COMMAND] = "is of a command; give it to cvmm_exec_pool_take()",
		[OF_NONE] = "cannot be shared by the machines of a pool; leave it out",
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].owner != owner && is_given(c, &members[i]))
			return vsu_error_set(err, -EINVAL, "the member '%s' %s", members[i].name, remedies[members[i].owner]);
	return 0;
}

/* Two machines that write to one disk would destroy it. */
static int check_pool(const struct cvmm_exec_config *c, unsigned int n, struct vsu_error *err)
{
	if (!n || n > CVMM_EXEC_POOL_MAX)
		return vsu_error_set(err, -EINVAL, "a pool of %u machines; 1 to %d are possible", n, CVMM_EXEC_POOL_MAX);
	if (c->image && c->writable_root)
		return vsu_error_set(err, -EINVAL, "the machines of a pool cannot write to one image; leave writable_root out");
	return check_members(c, OF_POOL, err);
}

/* ---------------------------------------------------------------------- life */

static int watch_fd(const struct cvmm_exec_pool *p, int fd, uint32_t index)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };

	return epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* The timer is readable from its first expiration on, until it is set again. */
static void enter_state(struct cvmm_exec_pool *p, enum pool_state state)
{
	static const struct itimerspec at[] = {
		[POOL_FILLS] = { .it_value.tv_nsec = 1 },
		[POOL_SHORT] = { .it_value.tv_nsec = RETRY_MS * 1000000L },
		[POOL_FULL] = { .it_value.tv_nsec = 0 }, [POOL_FAILED] = { .it_value.tv_nsec = 0 },
	};

	(void)!timerfd_settime(p->fill_fd, 0, &at[state], NULL);
	p->state = state;
}

static int open_descriptors(struct cvmm_exec_pool *p)
{
	p->epfd = epoll_create1(EPOLL_CLOEXEC);
	p->fill_fd = p->epfd < 0 ? -1 : timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->fill_fd < 0)
		return -errno;
	enter_state(p, POOL_FILLS);
	return watch_fd(p, p->fill_fd, FILL);
}

static int make_pool(const struct cvmm_exec_config *c, const struct cvmm_host *host, unsigned int n,
		     struct cvmm_exec_pool **out, struct vsu_error *err)
{
	struct cvmm_exec_pool *p = calloc(1, sizeof(*p) + n * sizeof(struct cvmm_exec *));
	int rc;

	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory for a pool");
	p->config = *c;
	p->config.size = sizeof(p->config);
	p->host = host;
	p->n = n;
	rc = open_descriptors(p);
	if (rc < 0) {
		cvmm_exec_pool_free(p);
		return vsu_error_sys(err, rc, "cannot watch a pool");
	}
	*out = p;
	return 0;
}

int cvmm_exec_pool_new(const struct cvmm_exec_config *config, const struct cvmm_host *host,
		       unsigned int n, struct cvmm_exec_pool **out, struct vsu_error *err)
{
	struct cvmm_exec_config c;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_exec_config", err);

	if (!rc)
		rc = check_pool(&c, n, err);
	if (!rc)
		rc = cvmm_priv_exec_check(&c, host, err);
	return rc < 0 ? rc : make_pool(&c, host, n, out, err);
}

void cvmm_exec_pool_free(struct cvmm_exec_pool *p)
{
	unsigned int i;

	if (!p)
		return;
	for (i = 0; i < p->n; i++)
		cvmm_exec_free(p->machines[i]);
	vsu_fd_close(&p->epfd);
	vsu_fd_close(&p->fill_fd);
	free(p);
}

int cvmm_exec_pool_fd(const struct cvmm_exec_pool *p)
{
	return p->epfd;
}

/* --------------------------------------------------------------------- turns */

/* The index of the first machine that is missing, or n. */
static unsigned int find_missing(const struct cvmm_exec_pool *p)
{
	unsigned int i = 0;

	while (i < p->n && p->machines[i])
		i++;
	return i;
}

/* A machine whose guest finds no descriptor while it boots would end, and the pool with it. */
static int check_descriptors(const struct cvmm_exec_pool *p, struct vsu_error *err)
{
	const int open = p->machine_fds ? vsu_fd_count() : -1;
	struct rlimit limit;

	if (open < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    (rlim_t)open + (rlim_t)p->machine_fds + SPARE_FDS <= limit.rlim_cur)
		return 0;
	return vsu_error_set(err, -EMFILE, "a machine has %d descriptors, but %d of %ju are open",
			     p->machine_fds, open, (uintmax_t)limit.rlim_cur);
}

static int make_machine(struct cvmm_exec_pool *p, struct cvmm_exec **e, struct vsu_error *err)
{
	const int before = vsu_fd_count();
	int rc = check_descriptors(p, err);

	if (!rc)
		rc = cvmm_priv_exec_new(&p->config, p->host, true, e, err);
	if (!rc && before >= 0 && vsu_fd_count() - before > p->machine_fds)
		p->machine_fds = vsu_fd_count() - before;
	return rc;
}

static int add_machine(struct cvmm_exec_pool *p, unsigned int i, struct vsu_error *err)
{
	struct cvmm_exec *e = NULL;
	int rc = make_machine(p, &e, err);

	if (!rc)
		rc = cvmm_exec_start(e, err);
	if (!rc) {
		rc = watch_fd(p, cvmm_exec_fd(e), i);
		if (rc < 0)
			vsu_error_sys(err, rc, "cannot watch a machine");
	}
	if (rc < 0)
		cvmm_exec_free(e);
	else
		p->machines[i] = e;
	return rc;
}

/* A lack that passes: a command that ends, or another program, releases what is missing. */
static bool is_short(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -EAGAIN;
}

static void report_short(struct cvmm_exec_pool *p, int rc)
{
	const struct vsu_error cause = p->why;

	vsu_error_set(&p->why, rc, "no machine can be made at present: %s; %s, or use a smaller pool; the pool tries again",
		      cause.msg, rc == -EMFILE ? "end commands, raise RLIMIT_NOFILE (ulimit -n)" :
		      rc == -ENFILE ? "raise RLIMIT_NOFILE (ulimit -n) or fs.file-max" :
		      rc == -ENOMEM ? "end commands, free memory" : "end commands, raise RLIMIT_NPROC (ulimit -u)");
}

static int fill_pool(struct cvmm_exec_pool *p)
{
	const int rc = add_machine(p, find_missing(p), &p->why);

	if (is_short(rc))
		report_short(p, rc);
	if (rc < 0)
		enter_state(p, is_short(rc) ? POOL_SHORT : POOL_FAILED);
	else
		enter_state(p, find_missing(p) == p->n ? POOL_FULL : POOL_FILLS);
	return rc;
}

/* Its epoll instance is closed, and leaves that of the pool. */
static void drop_machine(struct cvmm_exec_pool *p, unsigned int i)
{
	cvmm_exec_free(p->machines[i]);
	p->machines[i] = NULL;
}

static void serve_machine(struct cvmm_exec_pool *p, unsigned int i)
{
	struct vsu_error why = VSU_ERROR_INIT;

	if (!p->machines[i] || cvmm_exec_dispatch(p->machines[i]))
		return;
	(void)!cvmm_exec_status(p->machines[i], &why);
	drop_machine(p, i);
	if (p->state == POOL_FAILED)
		return;
	vsu_error_set(&p->why, -ECONNRESET, "a machine ended while it waited for a command: %s", why.msg);
	enter_state(p, POOL_FAILED);
}

static int report_failure(const struct cvmm_exec_pool *p, struct vsu_error *err)
{
	if (err)
		*err = p->why;
	return p->why.code;
}

int cvmm_exec_pool_dispatch(struct cvmm_exec_pool *p, struct vsu_error *err)
{
	struct epoll_event events[TURN_EVENTS];
	const int n = epoll_wait(p->epfd, events, TURN_EVENTS, 0);
	bool fills = p->state == POOL_FILLS;
	int i, rc = 0;

	for (i = 0; i < n; i++)
		if (events[i].data.u32 != FILL)
			serve_machine(p, events[i].data.u32);
		else
			fills = true;
	if (fills && (p->state == POOL_FILLS || p->state == POOL_SHORT))
		rc = fill_pool(p);
	return rc < 0 || p->state == POOL_FAILED ? report_failure(p, err) : 0;
}

/* ------------------------------------------------------------------- command */

unsigned int cvmm_exec_pool_ready(const struct cvmm_exec_pool *p)
{
	unsigned int i, ready = 0;

	for (i = 0; i < p->n; i++)
		ready += p->machines[i] && cvmm_priv_exec_waits(p->machines[i]);
	return ready;
}

/* The index of one that waits, or n. */
static unsigned int find_ready(const struct cvmm_exec_pool *p)
{
	unsigned int i = 0;

	while (i < p->n && !(p->machines[i] && cvmm_priv_exec_waits(p->machines[i])))
		i++;
	return i;
}

static struct cvmm_exec *take_machine(struct cvmm_exec_pool *p, unsigned int i)
{
	struct cvmm_exec *e = p->machines[i];

	epoll_ctl(p->epfd, EPOLL_CTL_DEL, cvmm_exec_fd(e), NULL);
	p->machines[i] = NULL;
	if (p->state == POOL_FULL)
		enter_state(p, POOL_FILLS);	/* in place of this one */
	return e;
}

static int start_command(struct cvmm_exec_pool *p, const struct cvmm_exec_config *c, unsigned int i,
			 struct cvmm_exec **out, struct vsu_error *err)
{
	struct cvmm_exec *e = p->machines[i];
	const int rc = cvmm_priv_exec_request(e, c, err);

	if (rc < 0 && cvmm_priv_exec_waits(e))
		return rc;	/* the request was refused, and the machine waits for another one */
	e = take_machine(p, i);
	if (rc < 0)
		cvmm_exec_free(e);
	else
		*out = e;
	return rc;
}

int cvmm_exec_pool_take(struct cvmm_exec_pool *p, const struct cvmm_exec_config *command,
			struct cvmm_exec **out, struct vsu_error *err)
{
	const unsigned int i = find_ready(p);
	struct cvmm_exec_config c;
	int rc = vsu_copy_sized(&c, sizeof(c), command, "struct cvmm_exec_config", err);

	if (!rc)
		rc = check_members(&c, OF_COMMAND, err);
	if (!rc)
		rc = cvmm_priv_exec_check_command(&c, err);
	if (rc < 0)
		return rc;
	if (i < p->n)
		return start_command(p, &c, i, out, err);
	return p->state == POOL_FAILED || p->state == POOL_SHORT ? report_failure(p, err) :
	       vsu_error_set(err, -EAGAIN, "no machine of the pool waits for a command; dispatch the pool");
}
