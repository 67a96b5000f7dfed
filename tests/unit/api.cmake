# SPDX-License-Identifier: Apache-2.0
vox_unit_test(api DEPS vox_api)
