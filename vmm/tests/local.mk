# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The tests, included by ../Makefile.am: a program is one line of a list.
if BUILD_VMM
check_PROGRAMS = \
	tests/api/test-arrival \
	tests/api/test-configured \
	tests/api/test-described \
	tests/api/test-lent \
	tests/api/test-machine \
	tests/api/test-memory_trial \
	tests/api/test-options \
	tests/api/test-own_device \
	tests/api/test-requests \
	tests/api/test-saved_target \
	tests/api/test-status \
	tests/api/test-wrong_calls \
	tests/config/test-device_option \
	tests/config/test-device_option_write \
	tests/transfer/test-clone \
	tests/config/test-blk \
	tests/legacy/test-console \
	tests/machine/test-activity \
	tests/machine/test-exit_status \
	tests/transfer/test-hand_over \
	tests/machine/test-live \
	tests/transfer/test-plugged \
	tests/transfer/test-save_files \
	tests/machine/test-stop \
	tests/transfer/test-throttle \
	tests/memory/test-image_sums \
	tests/memory/test-prefetch \
	tests/memory/test-working_set \
	tests/migration/test-channels \
	tests/migration/test-missing \
	tests/migration/test-page_fetch \
	tests/migration/test-page_place \
	tests/migration/test-pages \
	tests/migration/test-sender \
	tests/migration/test-shared \
	tests/migration/test-stream \
	tests/migration/test-tcp \
	tests/virtio/test-kernel \
	tests/virtio/test-local \
	tests/virtio/test-pci \
	tests/virtio/test-remote \
	tests/virtio/test-remote_postcopy \
	$(NULL)
# With kernels, registers, addresses or options of x86, or on a KVM of it.
if ARCH_X86
check_PROGRAMS += \
	tests/api/test-configuration \
	tests/api/test-freed \
	tests/api/test-host \
	tests/api/test-lack \
	tests/api/test-given_fds \
	tests/api/test-rules \
	tests/machine/test-answers \
	tests/config/test-options \
	tests/machine/test-descriptors \
	tests/machine/test-disks \
	tests/machine/test-life \
	tests/machine/test-sharing \
	tests/memory/test-image_writer \
	tests/memory/test-memory \
	tests/memory/test-piece_lists \
	tests/memory/test-private_memory \
	tests/memory/test-refused_slots \
	tests/memory/test-refused_windows \
	tests/memory/test-windows \
	tests/run/test-conversion \
	tests/run/test-conversion_remote \
	tests/run/test-cpu_faults \
	tests/run/test-cpu_plug \
	tests/run/test-plug \
	tests/run/test-plug_late \
	tests/setup/test-boot \
	tests/setup/test-lack \
	tests/transfer/test-changed_devices \
	tests/transfer/test-core \
	tests/transfer/test-incoming \
	tests/transfer/test-incremental \
	tests/transfer/test-migrate \
	tests/transfer/test-recording \
	tests/transfer/test-refused_state \
	tests/transfer/test-save \
	tests/virtio/test-reset \
	tests/virtio/test-window \
	$(NULL)
endif
if BUILD_GDB
check_PROGRAMS += tests/run/test-debugger
endif
endif
# A machine on a KVM of the test's own.
machine_rig = \
	tests/machine/fake_kvm.c \
	tests/machine/kernels.c \
	tests/machine/rig.c \
	$(NULL)
# The same with a user of it.
user_rig = tests/machine/user.c tests/machine/user_lines.c $(machine_rig)
# A machine of an owner that migrates to the test.
moving_rig = tests/api/owner.c tests/api/peer.c $(machine_rig)
lack_wraps = $(AM_LDFLAGS) -Wl,--wrap=calloc -Wl,--wrap=malloc -Wl,--wrap=realloc -Wl,--wrap=mmap \
	-Wl,--wrap=memfd_create -Wl,--wrap=epoll_create1 -Wl,--wrap=vsu_event_new -Wl,--wrap=vsu_thread_start \
	-Wl,--wrap=vsu_timer_new -Wl,--wrap=vsu_fd_dup
tests_api_test_freed_SOURCES = tests/api/test-freed.c $(moving_rig)
tests_api_test_lack_SOURCES = tests/api/test-lack.c tests/machine/lack.c $(moving_rig)
tests_api_test_lack_LDFLAGS = $(lack_wraps)
tests_api_test_host_SOURCES = tests/api/test-host.c tests/api/owner.c tests/machine/kernels.c
tests_api_test_arrival_SOURCES = tests/api/test-arrival.c tests/api/owner.c
tests_api_test_configured_SOURCES = tests/api/test-configured.c tests/api/owner.c
tests_api_test_described_SOURCES = tests/api/test-described.c tests/api/owner.c
tests_api_test_lent_SOURCES = tests/api/test-lent.c tests/api/owner.c
tests_api_test_machine_SOURCES = tests/api/test-machine.c tests/api/owner.c
tests_api_test_own_device_SOURCES = tests/api/test-own_device.c tests/api/owner.c
tests_api_test_requests_SOURCES = tests/api/test-requests.c tests/api/owner.c
tests_api_test_status_SOURCES = tests/api/test-status.c tests/api/owner.c tests/back_end.c
tests_legacy_test_console_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns
tests_setup_test_boot_SOURCES = tests/setup/test-boot.c $(machine_rig)
tests_api_test_rules_SOURCES = tests/api/test-rules.c $(machine_rig)
tests_run_test_conversion_SOURCES = tests/run/test-conversion.c tests/machine/driver.c $(machine_rig)
tests_run_test_conversion_remote_SOURCES = tests/run/test-conversion_remote.c tests/machine/driver.c \
	tests/back_end.c $(machine_rig)
tests_run_test_cpu_faults_SOURCES = tests/run/test-cpu_faults.c $(machine_rig)
tests_machine_test_descriptors_SOURCES = tests/machine/test-descriptors.c tests/machine/plug_rig.c $(user_rig)
tests_machine_test_disks_SOURCES = tests/machine/test-disks.c $(machine_rig)
tests_transfer_test_incoming_SOURCES = tests/transfer/test-incoming.c tests/machine/plug_rig.c tests/back_end.c $(user_rig)
tests_setup_test_lack_SOURCES = tests/setup/test-lack.c tests/machine/lack.c $(machine_rig)
tests_setup_test_lack_LDFLAGS = $(lack_wraps)
tests_machine_test_life_SOURCES = tests/machine/test-life.c $(user_rig)
tests_transfer_test_refused_state_SOURCES = tests/transfer/test-refused_state.c \
	tests/machine/plug_rig.c $(user_rig)
tests_transfer_test_migrate_SOURCES = tests/transfer/test-migrate.c tests/machine/plug_rig.c $(user_rig)
tests_run_test_debugger_SOURCES = tests/run/test-debugger.c $(user_rig)
tests_run_test_cpu_plug_SOURCES = tests/run/test-cpu_plug.c tests/machine/plug_rig.c $(user_rig)
tests_run_test_plug_SOURCES = tests/run/test-plug.c tests/machine/plug_rig.c $(user_rig)
tests_run_test_plug_late_SOURCES = tests/run/test-plug_late.c tests/machine/plug_rig.c tests/back_end.c $(user_rig)
tests_transfer_test_plugged_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmm_machine_local_device
tests_transfer_test_incremental_SOURCES = tests/transfer/test-incremental.c tests/machine/plug_rig.c $(user_rig)
tests_transfer_test_recording_SOURCES = tests/transfer/test-recording.c tests/machine/plug_rig.c $(user_rig)
tests_transfer_test_core_SOURCES = tests/transfer/test-core.c tests/machine/plug_rig.c $(user_rig)
tests_transfer_test_changed_devices_SOURCES = tests/transfer/test-changed_devices.c tests/machine/plug_rig.c $(user_rig)
tests_transfer_test_save_SOURCES = tests/transfer/test-save.c tests/machine/plug_rig.c $(user_rig)
tests_transfer_test_save_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_join -Wl,--wrap=vsu_thread_start
tests_transfer_test_save_files_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync -Wl,--wrap=vsu_path_rename_new -Wl,--wrap=fdopen
tests_machine_test_sharing_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmm_virtio_set_log \
	-Wl,--wrap=vhost_dirty_log_free
tests_transfer_test_migrate_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmm_sharing_end_log -Wl,--wrap=vmm_locks_get
tests_machine_test_stop_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmm_virtio_pause -Wl,--wrap=vmm_virtio_resume \
	-Wl,--wrap=varch_cpus_pause -Wl,--wrap=varch_cpus_resume
tests_transfer_test_throttle_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_alarm_start -Wl,--wrap=varch_cpus_pause -Wl,--wrap=varch_cpus_resume
tests_config_test_device_option_write_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc
tests_migration_test_stream_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=poll
tests_migration_test_pages_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=lseek
tests_migration_test_missing_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vsu_now_ns -Wl,--wrap=vmm_stream_wait
tests_migration_test_page_place_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmem_block_page_size \
	-Wl,--wrap=vmem_userfault_wake -Wl,--wrap=madvise
tests_migration_test_sender_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_slots_log \
	-Wl,--wrap=vmm_page_set_harvest -Wl,--wrap=vmm_page_set_add_log -Wl,--wrap=vmm_page_server_run \
	-Wl,--wrap=vmm_stream_wait -Wl,--wrap=vmm_pages_send
tests_virtio_test_pci_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_vm_ioeventfd -Wl,--wrap=varch_vm_set_line \
	-Wl,--wrap=varch_vm_send_msi -Wl,--wrap=varch_cpus_call_main -Wl,--wrap=varch_cpus_call_done
tests_virtio_test_window_SOURCES = tests/virtio/test-window.c $(machine_rig)
tests_virtio_test_window_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sysconf
tests_virtio_test_remote_SOURCES = tests/virtio/test-remote.c tests/back_end.c
tests_virtio_test_remote_postcopy_SOURCES = tests/virtio/test-remote_postcopy.c tests/back_end.c
tests_memory_test_image_writer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=lseek
tests_memory_test_prefetch_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=madvise -Wl,--wrap=sysconf -Wl,--wrap=vsu_thread_start
tests_memory_test_refused_slots_SOURCES = tests/memory/test-refused_slots.c tests/machine/fake_kvm.c
tests_memory_test_refused_windows_SOURCES = tests/memory/test-refused_windows.c tests/machine/fake_kvm.c
tests_memory_test_refused_slots_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sysconf
tests_memory_test_working_set_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sysconf
tests_memory_test_windows_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_slots_apply
tests_memory_test_refused_windows_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmem_map_edit_init
tests_memory_test_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=vmem_map_new \
	-Wl,--wrap=vmem_map_edit_finish
LDADD = libmachine.la $(VM_ARCH_STATIC_LIBS) $(libraries) $(CHECK_LIBS)
TESTS = $(check_PROGRAMS)
