/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The list of awaited answers. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "machine/answers.h"

struct vmm_answer {
	cvmm_answer_fn fn;
	void *opaque;
	const void *subject;
	struct vmm_answer *next;
};

struct vmm_answer *vmm_answer_new(cvmm_answer_fn fn, void *opaque)
{
	struct vmm_answer *answer = malloc(sizeof(*answer));

	if (answer)
		*answer = (struct vmm_answer){ .fn = fn, .opaque = opaque };
	return answer;
}

void vmm_answer_free(struct vmm_answer *answer)
{
	free(answer);
}

void vmm_answer_await(struct vmm_answers *list, struct vmm_answer *answer, const void *subject)
{
	answer->subject = subject;
	answer->next = list->first;
	list->first = answer;
}

bool vmm_answers_forget(struct vmm_answers *list, cvmm_answer_fn fn, const void *opaque)
{
	struct vmm_answer **at = &list->first, *answer;

	while ((answer = *at) && (answer->fn != fn || answer->opaque != opaque))
		at = &answer->next;
	if (!answer)
		return false;
	*at = answer->next;
	free(answer);
	return true;
}

void vmm_answer_give(struct vmm_answer *answer, const struct cvmm_answer *result,
		     const struct vsu_error *why)
{
	struct cvmm_answer copy = { .size = 0 };

	if (result)
		copy = *result;
	copy.size = sizeof(copy);
	answer->fn(answer->opaque, why, &copy);
	free(answer);
}

/* Removes the answers of the subject, or all if it is NULL. */
static struct vmm_answer *answers_remove(struct vmm_answers *list, const void *subject)
{
	struct vmm_answer **at = &list->first, *removed = NULL, *answer;

	while ((answer = *at)) {
		if (subject && answer->subject != subject) {
			at = &answer->next;
			continue;
		}
		*at = answer->next;
		answer->next = removed;	/* the oldest request comes first */
		removed = answer;
	}
	return removed;
}

unsigned int vmm_answers_send(struct vmm_answers *list, const void *subject,
			      const struct cvmm_answer *result, const struct vsu_error *why)
{
	struct vmm_answer *rest = answers_remove(list, subject), *answer;
	unsigned int n = 0;

	while ((answer = rest)) {
		rest = answer->next;
		vmm_answer_give(answer, result, why);
		n++;
	}
	return n;
}

void vmm_answers_end(struct vmm_answers *list)
{
	struct vsu_error why;

	vsu_error_set(&why, -ECANCELED, "the machine has ended");
	while (list->first)
		vmm_answers_send(list, NULL, NULL, &why);
}
