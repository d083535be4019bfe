dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything virtio-devices asks of the build machine, for its own configure, for
dnl the tree's and for a project that embeds the folder.
AC_DEFUN([VIRTIO_DEVICES_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([VIRTIO_DEVICES_LT_VERSION], [0:0:0])
dnl liburing serves one source file; without it that engine is left out.
AC_ARG_WITH([liburing],
	[AS_HELP_STRING([--without-liburing], [leave out the io_uring disk engine])],
	[], [with_liburing=check])
have_liburing=no
AS_IF([test "x$with_liburing" != xno], [
	PKG_CHECK_MODULES([LIBURING], [liburing >= 2.0], [
		dnl pkg-config may speak of the machine that builds, not of the other.
		virtio_devices_saved_CPPFLAGS=$CPPFLAGS
		virtio_devices_saved_LIBS=$LIBS
		CPPFLAGS="$CPPFLAGS $LIBURING_CFLAGS"
		LIBS="$LIBURING_LIBS $LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <liburing.h>]],
			[[struct io_uring ring; return io_uring_queue_init(1, &ring, 0);]])],
			[have_liburing=yes])
		CPPFLAGS=$virtio_devices_saved_CPPFLAGS
		LIBS=$virtio_devices_saved_LIBS
	], [:])
	AS_IF([test "x$with_liburing$have_liburing" = xyesno], [AC_MSG_ERROR(
		[liburing was asked for and not found for the machine that runs it])])
])
AS_IF([test "x$have_liburing" = xyes], [
	AC_DEFINE([HAVE_LIBURING], [1], [Define to 1 to build the io_uring disk engine.])
	AC_SUBST([LIBURING_REQUIRES], [liburing])
])
dnl One switch for all libraries; the tree's configure has it from virtio-queue.
AC_PROVIDE_IFELSE([VIRTIO_QUEUE_CHECKS], [], [AC_ARG_ENABLE([debug],
	[AS_HELP_STRING([--enable-debug],
		[end the program when a device breaks the order of locks])],
	[], [enable_debug=no])])
AS_IF([test "x$enable_debug" = xyes],
	[AC_DEFINE([VIRTDEV_DEBUG], [1], [Define to check the order of locks.])])
AM_CONDITIONAL([HAVE_LIBURING], [test "x$have_liburing" = xyes])
])
