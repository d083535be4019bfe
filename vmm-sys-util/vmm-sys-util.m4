dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything vmm-sys-util asks of the build machine, for its own configure, for
dnl the tree's and for a project that embeds the folder.
AC_DEFUN([VMM_SYS_UTIL_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([VMM_SYS_UTIL_LT_VERSION], [0:0:0])
dnl Before glibc 2.34, threads and the loading of modules are in libraries of their own.
vsu_saved_LIBS=$LIBS
AC_SEARCH_LIBS([pthread_create], [pthread])
AS_CASE([$ac_cv_search_pthread_create], [-l*],
	[AC_SUBST([VMM_SYS_UTIL_THREAD_LIBS], [$ac_cv_search_pthread_create])])
AC_SEARCH_LIBS([dlopen], [dl])
AS_CASE([$ac_cv_search_dlopen], [-l*], [AC_SUBST([VMM_SYS_UTIL_DL_LIBS], [$ac_cv_search_dlopen])])
LIBS=$vsu_saved_LIBS
])
