# SPDX-License-Identifier: Apache-2.0
# debhelper sequence: dh $@ --with openstack
use warnings;
use strict;
use Debian::Debhelper::Dh_Lib;

insert_after('dh_install', 'dh_openstack');
# Users before the directories that belong to them. From level 14 on it is part of dh itself.
insert_before('dh_installtmpfiles', 'dh_installsysusers') if compat(13);
insert_before('dh_installsystemd', 'dh_openstackconfigure');
# debstack apply starts and restarts the units, in order and only where something changed.
add_command_options('dh_installsystemd', '--no-start', '--no-stop-on-upgrade');
# What upstream calls a change log is the log of its git: up to half a megabyte in each package.
add_command_options('dh_installchangelogs', '--exclude=ChangeLog');

1;
