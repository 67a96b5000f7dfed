# SPDX-License-Identifier: Apache-2.0
vox_unit_test(writer DEPS vox_writer)
