# SPDX-License-Identifier: Apache-2.0
vox_unit_test(api DEPS vox_api)
vox_unit_test(pages DEPS vox_api)
