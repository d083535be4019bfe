# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_COMPONENT(NAME, REQUIRED...): a part of the tree that --disable-NAME
# leaves out. Defines the automake conditional ENABLE_NAME and stops with one
# clear line if a component that NAME builds on was left out.
AC_DEFUN([VMM_COMPONENT], [
m4_pushdef([vmm_var], m4_translit([$1], [-], [_]))
AC_ARG_ENABLE([$1],
	[AS_HELP_STRING([--disable-$1], [leave out $1])],
	[], [enable_]vmm_var[=yes])
m4_foreach_w([vmm_need], [$2], [
AS_IF([test "x$enable_[]vmm_var" != xno && test "x$enable_[]m4_translit(vmm_need, [-], [_])" = xno],
	[AC_MSG_ERROR([$1 requires vmm_need: add --disable-$1 or drop --disable-vmm_need])])
])
AM_CONDITIONAL([ENABLE_]m4_translit([$1], [-a-z], [_A-Z]), [test "x$enable_]vmm_var[" != xno])
m4_popdef([vmm_var])
])
