# SPDX-License-Identifier: Apache-2.0
vox_fuzz(schema_compile DEPS vox_schema)
vox_fuzz(schema_format DEPS vox_schema)
vox_fuzz(schema_run DEPS vox_schema)
