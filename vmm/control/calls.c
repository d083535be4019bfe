/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands of the program that owns the machine, without a socket. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "control/control_private.h"
#include "control/line.h"
#include "control/reply.h"

struct vmm_call {
	vmm_call_fn answer;	/* or NULL */
	void *opaque;
	struct vmm_control *control;
	struct vmm_waiting waiting;
	struct vmm_call *next;
};

/* The strings of words are one block, which the caller frees; a command may change them. */
static char *copy_words(const char *const *words, char **out, struct vsu_error *err)
{
	size_t len = 0, i, at = 0;
	char *block;

	for (i = 0; words[i]; i++)
		len += strlen(words[i]) + 1;
	if (!i || i > VMM_CONTROL_WORDS) {
		vsu_error_set(err, -EINVAL, "%zu words; expected a command and at most %u more", i,
			      VMM_CONTROL_WORDS - 1);
		return NULL;
	}
	block = malloc(len);
	if (!block) {
		vsu_error_set(err, -ENOMEM, "no memory for a command");
		return NULL;
	}
	for (i = 0; words[i]; i++) {
		out[i] = strcpy(block + at, words[i]);
		at += strlen(words[i]) + 1;
	}
	out[i] = NULL;
	return block;
}

static int copy_fds(struct vmm_passed *p, const int *fds, unsigned int nfds, struct vsu_error *err)
{
	if (nfds > VMM_PASSED_MAX)
		return vsu_error_set(err, -E2BIG, "%u descriptors; expected at most %u", nfds,
				     VMM_PASSED_MAX);
	for (; p->n < nfds; p->n++) {
		p->fds[p->n] = vsu_fd_dup(fds[p->n]);
		if (p->fds[p->n] < 0)
			return vsu_error_sys(err, p->fds[p->n], "descriptor %u of a command", p->n);
	}
	return 0;
}

static void call_answer(const struct vmm_call *call, const struct vsu_error *why,
			struct vmm_reply *reply)
{
	const char *text = vmm_reply_text(reply);
	struct vsu_error none;

	if (!text)
		vsu_error_set(&none, -ENOMEM, "no memory for an answer");
	if (call->answer)
		call->answer(call->opaque, text ? why : &none, text ? text : "");
	free(reply->bytes);
}

static void call_end(struct vmm_call *call, const struct vmm_reply_number *numbers,
		     const struct vsu_error *why)
{
	struct vmm_reply reply = { 0 };

	vmm_waiting_end(&call->waiting);
	if (vmm_reply_open(&reply))
		vmm_reply_put(&reply, numbers, why);
	call_answer(call, why, &reply);
	free(call);
}

static void on_expired(void *opaque)
{
	struct vmm_call *call = opaque, **at = &call->control->calls;
	struct vsu_error why;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	vmm_waiting_expire(&call->waiting, &why);
	call_end(call, NULL, &why);
}

/* Passed by the program: the words of a command, or a request. */
struct input {
	char **words;		/* NULL: request */
	const struct vmm_typed_command *request;
	struct vmm_passed passed;
	struct vmm_line_terms terms;
};

static int input_execute(struct vmm_control *c, struct input *in, FILE *answer,
			 struct vsu_error *err)
{
	in->terms.npassed = in->passed.n;
	return in->words ? vmm_control_execute_words(c->config.commands, c->config.opaque, in->words,
						     &in->terms, answer, err) :
			   vmm_control_execute_typed(c->config.commands, c->config.opaque,
						     in->request, answer, err);
}

static int call_execute(struct vmm_control *c, struct vmm_call *call, struct input *in,
			struct vsu_error *err)
{
	/* of the command whose event made the program call */
	struct vmm_passed *const outer_passed = c->passed;
	struct client *const outer_client = c->served;
	const void **const outer_wait = c->waits_for;
	struct vmm_reply reply;
	int rc;

	if (!vmm_reply_open(&reply))
		return vsu_error_set(err, -ENOMEM, "no memory for an answer");
	fputs(VMM_REPLY_OK, reply.to);
	c->served = NULL;
	c->passed = in->passed.n ? &in->passed : NULL;
	c->waits_for = &call->waiting.subject;
	rc = input_execute(c, in, reply.to, err);
	c->served = outer_client;
	c->waits_for = outer_wait;
	c->passed = outer_passed;
	if (rc != 0) {
		vmm_reply_drop(&reply);
		return rc;
	}
	fputc('}', reply.to);
	call_answer(call, NULL, &reply);
	return 0;
}

/* fds are those of the input, whose copies are closed. */
static int call_begin(struct vmm_control *c, struct input *in, const int *fds, unsigned int nfds,
		      const struct vmm_call *answer, struct vsu_error *err)
{
	struct vmm_call *call = malloc(sizeof(*call));
	int rc;

	if (!call)
		return vsu_error_set(err, -ENOMEM, "no memory for a command");
	*call = *answer;
	call->control = c;
	vmm_waiting_init(&call->waiting, on_expired, call);
	in->passed.closer = c->config.closer;
	rc = copy_fds(&in->passed, fds, nfds, err);
	if (!rc)
		rc = call_execute(c, call, in, err);
	vmm_passed_close_own(&in->passed);
	if (rc > 0) {
		vmm_waiting_begin(&call->waiting, c->config.loop, &in->terms);
		call->next = c->calls;
		c->calls = call;
	} else {
		free(call);
	}
	return rc < 0 ? rc : 0;
}

int vmm_control_call(struct vmm_control *c, const char *const *words, const int *fds,
		     unsigned int nfds, vmm_call_fn answer, void *opaque, struct vsu_error *err)
{
	const struct vmm_call call = { .answer = answer, .opaque = opaque };
	char *copy[VMM_CONTROL_WORDS + 1], *block;
	struct input in = { .words = copy };
	int rc;

	block = copy_words(words, copy, err);
	rc = block ? call_begin(c, &in, fds, nfds, &call, err) : err->code;
	free(block);
	return rc;
}

int vmm_control_call_typed(struct vmm_control *c, const struct vmm_typed_command *request,
			   vmm_call_fn answer, void *opaque, struct vsu_error *err)
{
	const struct vmm_call call = { .answer = answer, .opaque = opaque };
	struct input in = { .request = request };

	return call_begin(c, &in, request->fds, request->nfds, &call, err);
}

/* Those that wait for the subject, or all if it is NULL. */
static struct vmm_call *calls_take(struct vmm_control *c, const void *subject)
{
	struct vmm_call **at = &c->calls, *taken = NULL, **end = &taken, *call;

	while ((call = *at)) {
		if (subject && call->waiting.subject != subject) {
			at = &call->next;
			continue;
		}
		*at = call->next;
		call->next = NULL;
		vmm_waiting_end(&call->waiting);
		*end = call;
		end = &call->next;
	}
	return taken;
}

/* An answer may begin another call, which waits for the subject's next answer. */
unsigned int vmm_calls_answer(struct vmm_control *c, const void *subject,
			      const struct vmm_reply_number *numbers, const struct vsu_error *why)
{
	struct vmm_call *rest = calls_take(c, subject), *call;
	unsigned int n = 0;

	while ((call = rest)) {
		rest = call->next;
		call_end(call, numbers, why);
		n++;
	}
	return n;
}

void vmm_calls_end(struct vmm_control *c)
{
	struct vsu_error why;

	vsu_error_set(&why, -ECANCELED, "the machine has ended");
	while (c->calls)
		vmm_calls_answer(c, NULL, NULL, &why);
}
