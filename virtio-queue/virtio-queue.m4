dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything virtio-queue asks of the build machine, for its own configure, for
dnl the tree's and for a project that embeds the folder.
AC_DEFUN([VIRTIO_QUEUE_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([VIRTIO_QUEUE_LT_VERSION], [0:0:0])
AC_ARG_ENABLE([debug],
	[AS_HELP_STRING([--enable-debug],
		[end the program when a device breaks the rules of virtio-queue])],
	[], [enable_debug=no])
AS_IF([test "x$enable_debug" = xyes],
	[AC_DEFINE([VQ_DEBUG], [1], [Define to check what devices do.])])
])
