# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_COMPONENT(NAME, REQUIRED...): a part of the tree that --disable-NAME
# leaves out, and with it whatever is built on it. Defines the automake
# conditional ENABLE_NAME, and why_no_NAME when it was left out for the sake of
# another part. Stops with one line that names all that is missing when NAME was
# asked for by --enable-NAME: asked_for_NAME is then yes. Call in the order of
# dependencies.
AC_DEFUN([VMM_COMPONENT], [
m4_pushdef([vmm_var], m4_translit([$1], [-], [_]))
AC_ARG_ENABLE([$1],
	[AS_HELP_STRING([--disable-$1], [leave out $1])],
	[asked_for_]vmm_var[=$enableval], [asked_for_]vmm_var[=no enable_]vmm_var[=auto])
vmm_lacks=
m4_foreach_w([vmm_need], [$2], [
AS_IF([test "x$enable_[]m4_translit(vmm_need, [-], [_])" = xno],
	[vmm_lacks="$vmm_lacks${why_no_[]m4_translit(vmm_need, [-], [_]):-: --disable-vmm_need}"])
])
AS_IF([test "x$vmm_lacks" != x && test "x$enable_[]vmm_var" = xyes],
	[AC_MSG_ERROR([--enable-$1 cannot be together with$vmm_lacks])])
AS_IF([test "x$vmm_lacks" != x && test "x$enable_[]vmm_var" != xno], [
	enable_[]vmm_var=no
	why_no_[]vmm_var=$vmm_lacks
])
AS_IF([test "x$enable_[]vmm_var" = xauto], [enable_[]vmm_var=yes])
AM_CONDITIONAL([ENABLE_]m4_translit([$1], [-a-z], [_A-Z]), [test "x$enable_]vmm_var[" != xno])
m4_popdef([vmm_var])
])
