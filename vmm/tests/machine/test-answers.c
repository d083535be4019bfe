/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about answers that requests await. */
#include <config.h>

#include <errno.h>

#include "../util.h"
#include "machine/answers.h"

static struct vmm_answers list;
static const char a_job, another_job;
static const struct cvmm_answer result = { .sent = 7 };
static unsigned int order;

struct asker {
	unsigned int answered, place;
	int code;		/* of the last answer */
	uint64_t sent;
	struct asker *next;	/* asks when this one is answered */
	struct asker *forgotten; /* when this one is answered */
};

static void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer);

static void ask(struct asker *asker, const void *job)
{
	struct vmm_answer *answer = vmm_answer_new(on_answer, asker);

	ck_assert_ptr_nonnull(answer);
	vmm_answer_await(&list, answer, job);
}

static void on_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	struct asker *asker = opaque;

	ck_assert_uint_eq(answer->size, sizeof(*answer));
	asker->answered++;
	asker->place = ++order;
	asker->code = why ? why->code : 0;
	asker->sent = answer->sent;
	if (asker->next)
		ask(asker->next, &a_job);
	if (asker->forgotten)
		ck_assert(!vmm_answers_forget(&list, on_answer, asker->forgotten));
}

START_TEST(job_answers_its_requests_alone_and_the_oldest_first)
{
	struct asker first = { .place = 0 }, second = { .place = 0 }, other = { .place = 0 };

	order = 0;
	ask(&first, &a_job);
	ask(&other, &another_job);
	ask(&second, &a_job);
	ck_assert_uint_eq(vmm_answers_send(&list, &a_job, &result, NULL), 2);
	ck_assert_uint_eq(first.place, 1);
	ck_assert_uint_eq(second.place, 2);
	ck_assert_uint_eq(first.sent, 7);
	ck_assert_uint_eq(other.answered, 0);
	ck_assert_uint_eq(vmm_answers_send(&list, &a_job, &result, NULL), 0);
	ck_assert_uint_eq(vmm_answers_send(&list, &another_job, NULL, NULL), 1);
	ck_assert_uint_eq(other.sent, 0);
}
END_TEST

START_TEST(request_that_an_answer_begins_awaits_the_next_answer)
{
	struct asker second = { .place = 0 }, first = { .next = &second };
	struct vsu_error why;

	vsu_error_set(&why, -EIO, "the job has failed");
	ask(&first, &a_job);
	ck_assert_uint_eq(vmm_answers_send(&list, &a_job, NULL, &why), 1);
	ck_assert_int_eq(first.code, -EIO);
	ck_assert_uint_eq(second.answered, 0);
	ck_assert_uint_eq(vmm_answers_send(&list, &a_job, NULL, NULL), 1);
	ck_assert_uint_eq(second.answered, 1);
}
END_TEST

START_TEST(forgotten_answers_leave_the_list)
{
	struct asker kept = { .place = 0 }, askers[3] = { { .place = 0 } };
	unsigned int i;

	ask(&kept, &a_job);
	for (i = 0; i < COUNT(askers); i++)
		ask(&askers[i], &a_job);
	for (i = 0; i < COUNT(askers); i++)
		ck_assert(vmm_answers_forget(&list, on_answer, &askers[i]));
	ck_assert(!vmm_answers_forget(&list, on_answer, &askers[0]));
	ck_assert_uint_eq(vmm_answers_send(&list, &a_job, NULL, NULL), 1);
	ck_assert_uint_eq(kept.answered, 1);
	ck_assert_ptr_null(list.first);
}
END_TEST

/* The second one, too, is answered by the same call. */
START_TEST(answer_that_is_being_sent_is_not_forgotten)
{
	struct asker second = { .place = 0 }, first = { .forgotten = &second };

	ask(&first, &a_job);
	ask(&second, &a_job);
	ck_assert_uint_eq(vmm_answers_send(&list, &a_job, NULL, NULL), 2);
	ck_assert_uint_eq(second.answered, 1);
}
END_TEST

START_TEST(end_answers_all)
{
	struct asker first = { .place = 0 }, other = { .place = 0 };

	ask(&first, &a_job);
	ask(&other, &another_job);
	vmm_answers_end(&list);
	ck_assert_int_eq(first.code, -ECANCELED);
	ck_assert_int_eq(other.code, -ECANCELED);
	vmm_answers_end(&list);
	ck_assert_uint_eq(first.answered + other.answered, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answers");
	TCase *tc = tcase_create("answers");

	tcase_add_test(tc, job_answers_its_requests_alone_and_the_oldest_first);
	tcase_add_test(tc, request_that_an_answer_begins_awaits_the_next_answer);
	tcase_add_test(tc, forgotten_answers_leave_the_list);
	tcase_add_test(tc, answer_that_is_being_sent_is_not_forgotten);
	tcase_add_test(tc, end_answers_all);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
