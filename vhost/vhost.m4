dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything vhost asks of the build machine, for its own configure, for
dnl the tree's and for a project that embeds the folder.
AC_DEFUN([VHOST_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([VHOST_LT_VERSION], [0:0:0])
])
