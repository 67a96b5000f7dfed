-- min_sink: 1
-- A token that is being rotated remembers how long it was meant to live.
-- SPDX-License-Identifier: Apache-2.0

-- Rotation brings expires_at forward, to the overlap's end; a second rotation gives its new token the lifetime that the
-- first one cut short. Null: not rotated, expires_at is what was meant. 'infinity': no end was meant.
ALTER TABLE telemetry.tokens ADD COLUMN meant_to_expire_at timestamptz;
