/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices of a vhost-user back-end or the kernel that are added
 * and removed while the guest runs.
 */
#include <config.h>

#include <sys/socket.h>

#include <virtio-devices/pci.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>

#include "../back_end.h"
#include "../machine/plug_rig.h"
#include "cvmm/requests.h"

#define ROUNDS 100u
#define FUNCTION 0x105a1af4u	/* PCI ids of the back-end's device */

static char add[160];

static void back_end_plan(uint64_t features, const char *more)
{
	back_end_start(features);
	snprintf(add, sizeof(add), "device-add id=26,queues=1,config-size=4,backend=user:%s%s\n",
		 be.path, more);
}

static void late(void (*what)(void))
{
	machine_run("--transport=pci", SHARED_MEMORY, what);
}

static void come(void)
{
	assert_told(add, ADDED(0));
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	ck_assert_uint_eq(config_in(1, 0), FUNCTION);
}

/* The driver's first chain, with one buffer, and its notification. */
static void offer(void)
{
	const struct vmem_view *view = vmem_map_view(vmm_memory_map(&rig.machine.memory));
	const unsigned char desc[16] = { 0x00, 0x30, 0x20, [8] = 16, [12] = 2 };

	ck_assert_int_eq(vmem_write_exact(view, 0x200000, desc, sizeof(desc)), 0);
	ck_assert_int_eq(vmem_store_u16(view, 0x201002, vsu_le16_make(1).raw, __ATOMIC_RELEASE), 0);
	common_out(1, VIRTDEV_PCI_NOTIFY, 2, 0);
}

/*
 * Dispatches the machine between the replies. The back-end also signals when it
 * starts, so the number of calls is not fixed.
 */
static void used(void)
{
	while (strstr(user_says("status\n"), "\"interrupts\":0,") ||
	       rig_number(0x202002, 2) != 1)
		;
}

/* The guest resets the device, as its driver does, and ejects it. */
static void give(void)
{
	status_out(1, 0);
	assert_given(1);
}

static void coming(void)
{
	int other;

	come();
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"away\":0,\"dead\":0"));
	drive(1, 1);
	offer();
	used();
	other = user_connect();
	user_sends(other, "device-del 0 wait\nstatus\n");
	wait_for_status("\"leaving\":true");
	give();
	ck_assert_str_eq(user_hears(other), DONE);
	ck_assert_ptr_nonnull(strstr(user_hears(other), "\"devices\":[]"));
	close(other);
	come();
}

START_TEST(waiting_client_is_told_when_a_remote_device_is_gone)
{
	back_end_plan(VQ_F_VERSION_1, "");
	late(coming);
	back_end_free();
}
END_TEST

/* A listener without a server: connections succeed, and no reply arrives. */
static void silence(void)
{
	int user = user_connect(), gone = user_connect();

	back_end_stop();
	user_sends(user, add);
	wait_for_status("{\"device\":0,\"id\":26,\"coming\":true}");
	ck_assert_uint_eq(config_in(1, 0), ABSENT);
	assert_refusal("resize 0 1M\n", "cannot be resized");
	assert_told("device-del 0 wait\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_hears(user), "device-add: the device was removed"));
	ck_assert(!has_device(0));
	user_sends(gone, add);
	wait_for_status("\"coming\":true");
	close(gone);
	back_end_serve();
	wait_for_status("\"dead\":0");
	ck_assert_uint_eq(config_in(1, 0), FUNCTION);
	user_sends(user, add);
	wait_for_status("{\"device\":1,\"id\":26,\"coming\":true}");
	assert_told("device-del 0 force\n", DONE);
	ck_assert_str_eq(user_hears(user), ADDED(1));
	close(user);
}

START_TEST(guest_runs_while_a_back_end_delays_its_handshake)
{
	back_end_plan(VQ_F_VERSION_1, "");
	late(silence);
	back_end_free();
}
END_TEST

static void pending(void)
{
	int user = user_connect();

	back_end_stop();
	user_sends(user, add);
	wait_for_status("\"coming\":true");
	close(user);
}

START_TEST(machine_may_end_during_a_plug)
{
	back_end_plan(VQ_F_VERSION_1, "");
	late(pending);
	back_end_free();
}
END_TEST

static void wanting(void)
{
	assert_refusal(add, "device-add: ");
	ck_assert_ptr_nonnull(strstr(said, "does not offer VIRTIO_F_VERSION_1"));
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"devices\":[],"));
	back_end_stop();
	vsu_sock_unlink(&be.where);
	assert_refusal(add, be.path);
}

START_TEST(failed_plug_of_a_remote_device_is_explained)
{
	back_end_plan(0, "");
	late(wanting);
	back_end_free();
}
END_TEST

static void go(bool by_force)
{
	if (by_force) {
		assert_told("device-del 0 force wait\n", DONE);
		ck_assert_uint_eq(port_in(GOES), SLOT1);
		return;
	}
	assert_told("device-del 0\n", DONE);
	give();
	wait_until_gone(0);
}

static void round_trip(unsigned int round)
{
	come();
	if (round % 3)
		drive(1, 1);
	go(round % 2);
}

static void many(void)
{
	unsigned int i;
	int before = 0;

	for (i = 0; i < ROUNDS; i++) {
		round_trip(i);
		if (i == 3)
			before = vsu_fd_count();
	}
	/* The back-end may not have seen the end of a session yet. */
	back_end_stop();
	back_end_serve();
	round_trip(0);
	back_end_stop();
	ck_assert_int_le(vsu_fd_count(), before);
}

START_TEST(hundred_plugs_and_unplugs_leave_no_descriptor)
{
	back_end_plan(VQ_F_VERSION_1, "");
	late(many);
	back_end_free();
}
END_TEST

static void lose(void)
{
	come();
	drive(1, 1);
	back_end_stop();
	wait_for_status("\"losses\":1,\"away\":1,\"dead\":0");
}

static void lost(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		lose();
		assert_told("device-del 0\n", DONE);
		go(i % 2);
		assert_refusal("device-del 0\n", "no device '0'");
		back_end_serve();
	}
	come();
}

START_TEST(device_of_a_lost_back_end_is_removed_by_force)
{
	back_end_plan(VQ_F_VERSION_1, ",reconnect=1");
	late(lost);
	back_end_free();
}
END_TEST

static void dead(void)
{
	come();
	drive(1, 1);
	back_end_stop();
	wait_for_status("\"dead\":1");
	go(false);
	/* the exit status of the machine reports it */
	rig.machine.lost--;
	back_end_serve();
	come();
}

START_TEST(device_of_a_dead_back_end_is_unplugged)
{
	back_end_plan(VQ_F_VERSION_1, "");
	late(dead);
	back_end_free();
}
END_TEST

/* Its queues run, and the back-end does not release them. */
static void silent(void)
{
	int user = user_connect();

	come();
	drive(1, 1);
	back_end_hold();
	assert_told("device-del 0 force\n", DONE);
	user_sends(user, "device-del 0 wait\n");
	ck_assert(has_device(0));
	assert_refusal("device-del 0\n", "by 'device-del' with 'force'");
	ck_assert_uint_eq(config_in(1, 0), ABSENT);
	assert_told("device-del 0 force wait\n", DONE);
	ck_assert_str_eq(user_hears(user), DONE);
	close(user);
	ck_assert(!has_device(0));
	back_end_go_on();
	come();
}

START_TEST(device_with_unfinished_requests_is_removed_by_repeated_force)
{
	back_end_plan(VQ_F_VERSION_1, "");
	late(silent);
	ck_assert_uint_eq(rig.machine.lost, 0);
	back_end_free();
}
END_TEST

static void kernel_serves(void)
{
	unsigned int i;
	int before = 0;

	for (i = 0; i < ROUNDS; i++) {
		assert_told("device-add vsock,backend=kernel,cid=3\n", ADDED(0));
		ck_assert_uint_eq(port_in(CAME), SLOT1);
		ck_assert_uint_eq(config_in(1, 0), 0x10531af4);
		ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"interrupts\":0"));
		drive(1, 2);
		assert_told("device-del 0\n", DONE);
		give();
		wait_until_gone(0);
		if (!i)
			before = vsu_fd_count();
	}
	ck_assert_int_eq(vsu_fd_count(), before);
	assert_refusal("device-add net,backend=kernel\n", "tap");
}

START_TEST(plugged_kernel_devices_leave_no_descriptor)
{
	fake.vhost = true;
	machine_run("--transport=pci", OWN_MEMORY, kernel_serves);
}
END_TEST

/* ------------------------------------------- the owner, in the thread of the machine */

static unsigned int answers;	/* to the owner; atomic */
static struct vsu_error reply;	/* of the last one; code 0: none */

static void on_reply(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)opaque;
	ck_assert_uint_eq(answer->device, 0);
	vsu_error_clear(&reply);
	if (why)
		reply = *why;
	__atomic_add_fetch(&answers, 1, __ATOMIC_ACQ_REL);
}

static void owner_adds(const char *list, cvmm_answer_fn answer)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_msg(!cvmm_machine_add_device(&rig.owned, list, NULL, 0, NULL, answer, NULL, &err), "%s",
		      err.msg);
}

/* The line of "device-add", without the command. */
static void owner_adds_back_end(cvmm_answer_fn answer)
{
	char list[sizeof(add)];

	snprintf(list, sizeof(list), "%.*s", (int)strcspn(strchr(add, ' ') + 1, "\n"), strchr(add, ' ') + 1);
	owner_adds(list, answer);
}

static void receive_events(void (*event)(void *opaque, const struct cvmm_event *event))
{
	answers = 0;
	rig.owner.event = event;
	rig.owner.events = CVMM_EVENTS_ALL;
}

static void add_in_its_place(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	if (event->kind == CVMM_EVENT_DEVICE_REMOVED)
		owner_adds_back_end(on_reply);
}

static void replaced(void)
{
	int other = user_connect();

	back_end_stop();
	assert_told("device-add rng\n", ADDED(0));
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	user_sends(other, "device-del 0 wait\n");
	wait_for_status("\"leaving\":true");
	assert_given(1);
	ck_assert_str_eq(user_hears(other), DONE);
	close(other);
	wait_for_status("{\"device\":0,\"id\":26,\"coming\":true}");
	ck_assert_uint_eq(__atomic_load_n(&answers, __ATOMIC_ACQUIRE), 0);
	assert_told("device-del 0\n", DONE);
	ck_assert_uint_eq(__atomic_load_n(&answers, __ATOMIC_ACQUIRE), 1);
	ck_assert_ptr_nonnull(strstr(reply.msg, "device-add: the device was removed"));
}

/* The answer to the removal is none to the addition. */
START_TEST(device_that_an_event_adds_is_answered_when_it_has_come)
{
	receive_events(add_in_its_place);
	back_end_plan(VQ_F_VERSION_1, "");
	late(replaced);
	back_end_free();
}
END_TEST

static void add_another(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)opaque;
	(void)answer;
	ck_assert_ptr_nonnull(why);
	ck_assert_ptr_nonnull(strstr(why->msg, "does not offer VIRTIO_F_VERSION_1"));
	owner_adds("rng", on_reply);
}

static void add_at_pause(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	if (event->kind == CVMM_EVENT_PAUSED)
		owner_adds_back_end(add_another);
}

static void added_by_answer(void)
{
	assert_told("pause\n", DONE);
	wait_for_status("\"kind\":\"rng\"");
	ck_assert_uint_eq(__atomic_load_n(&answers, __ATOMIC_ACQUIRE), 1);
	ck_assert_int_eq(reply.code, 0);
	assert_told("resume\n", DONE);
}

/* The place of the one that did not come is free. */
START_TEST(device_that_an_answer_adds_takes_the_free_place)
{
	receive_events(add_at_pause);
	back_end_plan(0, "");
	late(added_by_answer);
	back_end_free();
}
END_TEST

static void add_after_cancellation(void *opaque, const struct vsu_error *why,
				   const struct cvmm_answer *answer)
{
	(void)opaque;
	(void)answer;
	ck_assert_ptr_nonnull(why);
	ck_assert_int_eq(why->code, -ECANCELED);
	owner_adds("rng", on_reply);
}

static void add_silent_at_pause(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	if (event->kind == CVMM_EVENT_PAUSED)
		owner_adds_back_end(add_after_cancellation);
}

static void cancelled(void)
{
	back_end_stop();
	assert_told("pause\n", DONE);
	wait_for_status("\"coming\":true");
	assert_told("device-del 0 wait\n", DONE);
	wait_for_status("\"kind\":\"rng\"");
	ck_assert_uint_eq(__atomic_load_n(&answers, __ATOMIC_ACQUIRE), 1);
	assert_told("resume\n", DONE);
}

/* The removal does not wait for the device that has taken the place. */
START_TEST(removal_of_a_device_that_is_coming_is_answered_when_another_takes_its_place)
{
	receive_events(add_silent_at_pause);
	back_end_plan(VQ_F_VERSION_1, "");
	late(cancelled);
	back_end_free();
}
END_TEST

static int ends[2];

static void add_wrongly_at_pause(void *opaque, const struct cvmm_event *event)
{
	struct vsu_error err = VSU_ERROR_INIT;

	(void)opaque;
	if (event->kind == CVMM_EVENT_PAUSED)
		ck_assert_int_eq(cvmm_machine_add_device(&rig.owned, "console,fd=1", &ends[0], 1, NULL,
							 NULL, NULL, &err), -EBADF);
}

static void pausing(void)
{
	assert_told("pause\n", DONE);
	assert_told("resume\n", DONE);
}

START_TEST(refused_socket_of_the_owner_stays_connected_with_its_bytes)
{
	char byte = '-';

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "a", 1), 1);
	receive_events(add_wrongly_at_pause);
	machine_run("--transport=pci", OWN_MEMORY, pausing);
	rig_free();
	rig_settle();
	ck_assert_int_eq(recv(ends[0], &byte, 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(byte, 'a');
	ck_assert_int_eq(send(ends[0], "b", 1, MSG_NOSIGNAL), 1);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plug_late");
	TCase *tc = tcase_create("plug_late");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, waiting_client_is_told_when_a_remote_device_is_gone);
	tcase_add_test(tc, guest_runs_while_a_back_end_delays_its_handshake);
	tcase_add_test(tc, machine_may_end_during_a_plug);
	tcase_add_test(tc, failed_plug_of_a_remote_device_is_explained);
	tcase_add_test(tc, device_that_an_event_adds_is_answered_when_it_has_come);
	tcase_add_test(tc, device_that_an_answer_adds_takes_the_free_place);
	tcase_add_test(tc, removal_of_a_device_that_is_coming_is_answered_when_another_takes_its_place);
	tcase_add_test(tc, refused_socket_of_the_owner_stays_connected_with_its_bytes);
	tcase_add_test(tc, hundred_plugs_and_unplugs_leave_no_descriptor);
	tcase_add_test(tc, device_of_a_lost_back_end_is_removed_by_force);
	tcase_add_test(tc, device_of_a_dead_back_end_is_unplugged);
	tcase_add_test(tc, device_with_unfinished_requests_is_removed_by_repeated_force);
	tcase_add_test(tc, plugged_kernel_devices_leave_no_descriptor);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
