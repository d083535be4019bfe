/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Looks up names of hosts on threads that nothing has to wait for. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "migration/lookup.h"
#include "base/thread.h"

#define LIMIT_NS UINT64_C(10000000000)

/* Freed by the last of its two users: the thread, and the function that waits. */
struct lookup {
	unsigned int users;	/* atomic */
	int done_fd;		/* readable: rc and list are valid */
	char *host, *port;
	struct addrinfo hints;
	int rc;			/* atomic: of getaddrinfo() */
	struct addrinfo *list;
};

static void lookup_unref(struct lookup *l)
{
	if (__atomic_sub_fetch(&l->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (l->list)
		freeaddrinfo(l->list);
	vsu_fd_close(&l->done_fd);
	free(l->host);
	free(l->port);
	free(l);
}

static struct lookup *lookup_new(const char *host, const char *port, const struct addrinfo *hints)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->users = 1;
	l->hints = *hints;
	l->host = strdup(host);
	l->port = strdup(port);
	l->done_fd = vsu_event_new();
	if (l->host && l->port && l->done_fd >= 0)
		return l;
	lookup_unref(l);
	return NULL;
}

static void *lookup_main(void *arg)
{
	struct lookup *l = arg;

	/* Pairs with the acquire in lookup_wait(). */
	__atomic_store_n(&l->rc, getaddrinfo(l->host, l->port, &l->hints, &l->list), __ATOMIC_RELEASE);
	vsu_event_signal(l->done_fd);
	lookup_unref(l);
	return NULL;
}

static int lookup_start(struct lookup *l, const struct prog_threads *threads)
{
	pthread_t thread;
	int rc;

	l->users++;
	rc = prog_thread_start(threads, &thread, lookup_main, l);
	if (!rc)
		pthread_detach(thread);
	else
		l->users--;
	return rc;
}

static uint64_t find_limit(const struct vmm_stream *s)
{
	const uint64_t until_ns = vsu_now_ns() + LIMIT_NS;

	return s->deadline_ns && s->deadline_ns < until_ns ? s->deadline_ns : until_ns;
}

/* *result is that of getaddrinfo(), whose codes are no errnos. */
static int lookup_wait(struct lookup *l, const struct vmm_stream *s, int *result,
		       struct addrinfo **out, struct vsu_error *err)
{
	int rc = vmm_stream_wait(s, l->done_fd, POLLIN, find_limit(s), err);

	if (rc == -ETIMEDOUT)
		return vsu_error_set(err, rc, "'%s': the name server does not answer; use the numeric address",
				     l->host);
	if (rc < 0)
		return rc;
	*result = __atomic_load_n(&l->rc, __ATOMIC_ACQUIRE);
	if (*result)
		return 0;
	*out = l->list;
	l->list = NULL;
	return 0;
}

static int look_up_name(const char *host, const char *port, const struct addrinfo *hints,
			const struct vmm_stream *s, int *result, struct addrinfo **out,
			struct vsu_error *err)
{
	struct lookup *l = lookup_new(host, port, hints);
	int rc = l ? lookup_start(l, s->threads) : -ENOMEM;

	rc = rc < 0 ? vsu_error_sys(err, rc, "cannot look up '%s'", host) :
		      lookup_wait(l, s, result, out, err);
	if (l)
		lookup_unref(l);
	return rc;
}

int vmm_lookup_tcp(const char *host, const char *port, bool passive, const struct vmm_stream *s,
		   struct addrinfo **out, struct vsu_error *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | (passive ? AI_PASSIVE : 0),
	};
	int result = getaddrinfo(*host ? host : NULL, port, &hints, out), rc = 0;

	hints.ai_flags &= ~AI_NUMERICHOST;
	if (result == EAI_NONAME && *host)
		rc = look_up_name(host, port, &hints, s, &result, out, err);
	if (rc < 0)
		return rc;
	return result ? vsu_error_set(err, -ENOENT, "'%s': %s", host, gai_strerror(result)) : 0;
}
